"""Corruption: what each kind does, how often, and what it leaves alone."""

import pytest
import torch
from pydantic import ValidationError

from skeletor.learning import corrupt as c
from skeletor.poses.skeleton import SIGNING_50, custom_skeleton

LEFT, RIGHT = list(range(8, 29)), list(range(29, 50))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(name="typical")
def _typical() -> torch.Tensor:
    return torch.randn(50, 3, generator=generator(9))


@pytest.fixture(name="body")
def _body(typical: torch.Tensor) -> c.Body:
    return c.body_of(SIGNING_50, typical)


@pytest.fixture(name="batch")
def _batch(typical: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    time = torch.arange(60.0)[:, None, None] / 10
    points = typical + 0.2 * torch.sin(time + torch.arange(50.0)[:, None])
    return points.repeat(8, 1, 1, 1), torch.full((8, 60, 50), 0.7)


def share(value: float) -> torch.Tensor:
    return torch.full((8, 1, 1), value)


def test_limbs_are_bone_lengths(typical: torch.Tensor, body: c.Body) -> None:
    for parent, child in SIGNING_50.bones:
        assert float(body.limb[child]) == pytest.approx(float((typical[child] - typical[parent]).norm()))
    assert float(body.limb[0]) == pytest.approx(float((typical[1] - typical[0]).norm()))  # the root: l0
    assert body.hands.tolist() == [LEFT, RIGHT] and body.wrists.tolist() == [7, 4]


def test_mask_rates(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    points, confidence = c.mask_frames(*batch, torch.tensor(0.25), generator())
    gone = confidence == 0
    assert (gone.all(2) == gone.any(2)).all()  # whole frames
    assert gone.float().mean() == pytest.approx(0.25, abs=0.06)
    assert (points[gone] == 0).all() and (points[~gone] == batch[0][~gone]).all()
    _, confidence = c.mask_joints(*batch, torch.tensor(0.25), generator())
    assert (confidence == 0).float().mean() == pytest.approx(0.25, abs=0.01)


def test_noise_is_uniform_within_the_limb(batch: tuple[torch.Tensor, torch.Tensor], body: c.Body) -> None:
    hit = torch.rand(8, 60, 50, generator=generator(3)) < 0.5
    noisy = c.noise(batch[0], body.limb, torch.tensor(0.5), hit, generator())
    change = (noisy - batch[0]) / body.limb[:, None]
    assert (change[~hit] == 0).all()
    assert change.abs().max() <= 0.5001
    assert change[hit].std() == pytest.approx(1 / 12**0.5, rel=0.02)  # uniform in [-.5, .5]


def test_runs_have_the_share_and_the_length() -> None:
    mask, start = c.runs((64, 2000, 2), torch.tensor(0.1), torch.tensor(4.0), torch.zeros(1), generator())
    begins = mask & ~torch.cat([torch.zeros(64, 1, 2, dtype=torch.bool), mask[:, :-1]], 1)
    assert 0.08 < mask.float().mean() < 0.101  # a little below, where runs overlap
    assert 3.8 < mask.sum() / begins.sum() < 4.8
    time = torch.arange(2000)[None, :, None].expand(64, -1, 2)
    assert (start[mask] <= time[mask]).all() and mask.gather(1, start)[mask].all()


def test_every_window_may_have_its_own_length_of_runs(batch: tuple[torch.Tensor, torch.Tensor], body: c.Body) -> None:
    length = torch.tensor([1.0, 8.0])[:, None]
    mask, _ = c.runs((2, 20000), torch.tensor(0.1), length, torch.zeros(1), generator())
    begins = mask & ~torch.cat([torch.zeros(2, 1, dtype=torch.bool), mask[:, :-1]], 1)
    short, long = (mask.sum(1) / begins.sum(1)).tolist()
    assert 1 <= short < 1.3 and 7.5 < long < 10
    options = c.Corruption(frame_drop=0.3, longest_run=16, vary=False, jitter=0, jitter_speed=0, frame_mask=0)
    _, confidence = c.corrupt(*batch, body, options, generator())
    gone = (confidence == 0).all(2)  # (B, T)
    assert 0.15 < gone.float().mean() < 0.4


def test_drop_hands_removes_whole_hands_only(batch: tuple[torch.Tensor, torch.Tensor], body: c.Body) -> None:
    points, confidence = c.drop_hands(*batch, body, share(0.3), torch.tensor(3.0), generator())
    gone = confidence == 0
    assert not gone[..., :8].any()
    for hand in (LEFT, RIGHT):
        assert (gone[..., hand].all(2) == gone[..., hand].any(2)).all()
        assert 0.15 < gone[..., hand].float().mean() < 0.4
    assert (points[gone] == 0).all()


def test_freeze_repeats_the_first_frame_of_the_run(batch: tuple[torch.Tensor, torch.Tensor], body: c.Body) -> None:
    points, confidence = c.freeze_hands(*batch, body, share(0.3), torch.tensor(4.0), generator())
    assert (points[..., :8, :] == batch[0][..., :8, :]).all() and (confidence == batch[1]).all()
    changed = (points != batch[0]).any(-1)[..., LEFT].all(2)  # (B, T)
    assert 0.1 < changed.float().mean() < 0.4
    b, t = changed.nonzero()[0].tolist()
    assert (points[b, t, LEFT] == points[b, t - 1, LEFT]).all()


def test_swap_puts_a_hand_on_the_other(batch: tuple[torch.Tensor, torch.Tensor], body: c.Body) -> None:
    points, confidence = c.swap_hands(*batch, body, share(0.4), torch.tensor(2.0), generator())
    assert (confidence == 0.7).all() and (points[..., :8, :] == batch[0][..., :8, :]).all()
    wrong = (points != batch[0]).any(-1)[..., RIGHT].all(2)  # (B, T)
    there = torch.isclose(points[:, :, RIGHT], batch[0][:, :, LEFT]).flatten(2).all(2)
    shape = torch.isclose(
        points[:, :, RIGHT] - batch[0][:, :, [4]], batch[0][:, :, LEFT] - batch[0][:, :, [7]], atol=1e-5
    )
    shape = shape.flatten(2).all(2)
    assert 0.2 < wrong.float().mean() < 0.45
    assert (there | shape)[wrong].all()
    assert 0.3 < there[wrong].float().mean() < 0.7


def test_swap_with_a_missing_hand_is_missing(batch: tuple[torch.Tensor, torch.Tensor], body: c.Body) -> None:
    points, confidence = batch[0], batch[1].clone()
    confidence[..., LEFT] = 0
    _, after = c.swap_hands(points, confidence, body, share(1.0), torch.tensor(1.0), generator())
    assert (after[..., RIGHT] == 0).float().mean() > 0.9


def test_jitter_grows_with_speed_and_lowers_confidence(body: c.Body) -> None:
    points = torch.zeros(4, 400, 50, 3)
    points[..., 0] = 0.2 * (torch.arange(400) % 2)[:, None] * (torch.arange(50) % 2)  # odd joints move
    confidence = torch.ones(4, 400, 50)
    noisy, after = c.jitter(points, confidence, torch.tensor(0.01), torch.tensor(0.2), 2.0, generator())
    change = (noisy - points)[:, 1:].abs().median(1).values.mean(0)  # (J, 3)
    still, moving = change[0::2], change[1::2]
    assert (moving.mean(0) / still.mean(0)).tolist() == pytest.approx([5.0] * 3, rel=0.1)  # (.01 + .04) / .01
    assert float(still[:, 2].mean() / still[:, 0].mean()) == pytest.approx(2.0, rel=0.1)
    assert after[:, 1:, 1::2].mean() < after[:, 1:, 0::2].mean() < 1


def test_corrupt_is_seeded_and_leaves_its_input_alone(batch: tuple[torch.Tensor, torch.Tensor], body: c.Body) -> None:
    before = batch[0].clone(), batch[1].clone()
    first = c.corrupt(*batch, body, c.Corruption(), generator(5))
    again = c.corrupt(*batch, body, c.Corruption(), generator(5))
    other = c.corrupt(*batch, body, c.Corruption(), generator(6))
    assert all(torch.equal(x, y) for x, y in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    assert all(torch.equal(x, y) for x, y in zip(batch, before, strict=True))
    assert torch.isfinite(first[0]).all() and first[1].min() >= 0 and first[1].max() <= 1


def test_corrupt_works_without_hands_and_in_2d() -> None:
    body = c.body_of(custom_skeleton(5), torch.randn(5, 2, generator=generator()))
    points, confidence = torch.randn(2, 10, 5, 2, generator=generator()), torch.ones(2, 10, 5)
    noisy, _ = c.corrupt(points, confidence, body, c.Corruption(joint_noise=1.0), generator())
    assert noisy.shape == points.shape and not torch.equal(noisy, points)


def test_nothing_switched_on_changes_nothing(batch: tuple[torch.Tensor, torch.Tensor], body: c.Body) -> None:
    none = c.Corruption(
        frame_mask=0.0, joint_mask=0.0, frame_noise=0.0, joint_noise=0.0, hand_drop=0.0, hand_freeze=0.0,
        hand_swap=0.0, jitter=0.0, jitter_speed=0.0, frame_drop=0.0,
    )  # fmt: skip
    points, confidence = c.corrupt(*batch, body, none, generator())
    assert torch.equal(points, batch[0]) and torch.equal(confidence, batch[1])


@pytest.mark.parametrize("bad", [{"frame_mask": 1.5}, {"no_such": 0.1}, {"run_length": 0.5}])
def test_options_are_checked(bad: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        c.Corruption.model_validate(bad)
