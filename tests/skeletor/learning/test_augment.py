"""Variations of training windows that are no errors."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from skeletor.learning.augment import flat_confidence, jittered, mirrored, stretched
from skeletor.learning.data.windows import Ready, Windows
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.training.config import train_preset
from skeletor.refiners.training.objective import corrupted_batch, make_task

SEEDS = st.integers(0, 2**31 - 1)


def draw(seed: int, dims: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Generator]:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(4, 6, 50, dims, generator=g), torch.rand(4, 6, 50, generator=g), g


@given(SEEDS, st.sampled_from([2, 3]))
def test_a_window_is_stretched_by_one_factor_an_axis(seed: int, dims: int) -> None:
    points, _, g = draw(seed, dims)
    points[points == 0] = 1  # a factor can be seen of all others
    found, target = stretched(points, 2 * points, 0.2, 0.7, g)
    factor = (found / points).flatten(1, 2)  # (B, T * J, D)
    torch.testing.assert_close(factor, factor[:, :1].expand_as(factor), rtol=1e-4, atol=1e-5)
    limit = torch.tensor([0.2, 0.2, 0.7][:dims])
    assert (factor.log().abs() <= limit + 1e-4).all()
    torch.testing.assert_close(target, 2 * found)


@given(SEEDS)
def test_the_motion_s_own_jitter_is_in_the_target(seed: int) -> None:
    points, _, g = draw(seed)
    found, target = jittered(points, 3 * points, 0.1, 2.0, g)
    torch.testing.assert_close(found - points, target - 3 * points, atol=1e-5, rtol=1e-5)
    spread = (found - points).flatten(1, 2).std(1)  # (B, D)
    assert (spread <= 0.1 * torch.tensor([1.2, 1.2, 2.4])).all()


@given(SEEDS, st.sampled_from([0.0, 1.0]))
def test_a_flat_confidence_keeps_what_is_missing(seed: int, share: float) -> None:
    _, confidence, g = draw(seed)
    confidence[:, 2] = 0
    found = flat_confidence(confidence, share, 0.1, g)
    low = confidence < 0.1
    assert torch.equal(found[low], confidence[low])
    if share:
        for window, old in zip(found, low, strict=True):
            assert len(window[~old].unique()) == 1 and (window[~old] >= 0.1).all()
    else:
        assert torch.equal(found, confidence)


def test_mirrored_twice_is_the_same() -> None:
    points, confidence, _ = draw(0)
    order, flip = torch.as_tensor(SIGNING_50.mirror), torch.tensor([True, False, True, False])
    once = mirrored(points, confidence, flip, order)
    assert torch.equal(once[0][1], points[1]) and not torch.equal(once[0][0], points[0])
    torch.testing.assert_close(mirrored(*once, flip, order), (points, confidence))


def test_a_batch_is_stretched_with_its_target() -> None:
    points, confidence = torch.randn(2, 20, 50, 3), torch.ones(2, 20, 50)
    ends = torch.zeros(2, dtype=torch.long), torch.full((2,), 19)
    off = {name: 0.0 for name in ("frame_mask", "joint_mask", "frame_noise", "joint_noise", "hand_drop", "hand_freeze",
                                  "hand_swap", "frame_drop", "jitter", "jitter_speed")}  # fmt: skip
    config = train_preset("small", window=16, margin=2, mirror=False, corruption=off, stretch=0.3, stretch_depth=0.5)
    store = Ready(Windows(points, confidence, points, confidence, *ends))
    batch = corrupted_batch(store, make_task(SIGNING_50, points[0, 0]), 2, config, torch.Generator().manual_seed(1))
    torch.testing.assert_close(batch.points, batch.target, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(batch.target, points[:, 2:18], atol=0.01)
