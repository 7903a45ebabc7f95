"""Gap filling: interpolation, hands carried by their wrists."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.poses.hands import hands_and_wrists
from skeletor.poses.skeleton import BODY25_HANDS, MEDIAPIPE_75, SIGNING_50, custom_skeleton
from skeletor.refiners.fill import (
    curve,
    fill_carried,
    fill_missing,
    interpolate,
    interpolate_array,
    interpolate_within,
    regression,
)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_interpolate_equals_numpy_interp(frames: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(frames, 3, 2)).astype(np.float32)
    observed = rng.random((frames, 3)) < 0.5
    filled = interpolate_array(np.where(observed[..., None], points, np.float32(99)), observed)
    time = np.arange(frames)
    for joint in range(3):
        seen = observed[:, joint]
        for axis in range(2):
            want = np.interp(time, time[seen], points[seen, joint, axis]) if seen.any() else np.full(frames, 99)
            np.testing.assert_allclose(filled[:, joint, axis], want, atol=1e-5)


@given(st.integers(1, 25), st.integers(1, 30), st.floats(0.05, 0.9), st.integers(0, 2**32 - 1))
def test_a_horizon_hides_what_comes_later(frames: int, horizon: int, share: float, seed: int) -> None:
    """Against a plain loop; a frame depends on nothing later than the horizon; a far horizon is none."""
    rng = np.random.default_rng(seed)
    points, observed = rng.normal(size=(frames, 1, 2)).astype(np.float32), rng.random((frames, 1)) < share
    rest = np.full((1, 2), 7, np.float32)
    arrays = torch.from_numpy(points)[None], torch.from_numpy(observed)[None]
    filled = interpolate_within(*arrays, horizon, torch.from_numpy(rest))[0, :, 0].numpy()
    seen = np.flatnonzero(observed)
    for t in range(frames):
        before, after = seen[seen <= t], seen[(seen > t) & (seen <= t + horizon)]
        start = points[before[-1], 0] if len(before) else rest[0]
        want = start
        if not len(before) and len(seen) and seen[0] <= horizon:
            want = points[seen[0], 0]
        elif len(after) and not observed[t]:
            begin = max(before[-1] if len(before) else -1, after[0] - horizon)
            want = start + (points[after[0], 0] - start) * max(0, t - begin) / (after[0] - begin)
        np.testing.assert_allclose(filled[t], want, atol=1e-5)
    far = interpolate_within(*arrays, 100, torch.from_numpy(rest))
    torch.testing.assert_close(far if len(seen) else arrays[0], interpolate(*arrays), atol=0, rtol=0)


def test_interpolate_keeps_a_joint_that_is_never_observed() -> None:
    points = np.full((4, 1, 2), np.nan, np.float32)
    assert np.isnan(interpolate_array(points, np.zeros((4, 1), bool))).all()


@pytest.mark.parametrize("skeleton", [SIGNING_50, BODY25_HANDS, MEDIAPIPE_75], ids=lambda s: s.name)
def test_lost_hand_goes_on_with_its_wrist(skeleton) -> None:
    rng = torch.Generator().manual_seed(0)
    shape = torch.randn(1, 1, len(skeleton), 3, generator=rng)
    points = shape.repeat(1, 9, 1, 1)
    hand, wrist = hands_and_wrists(skeleton)[1]
    path = torch.tensor([0, 0.1, 0.5, 2, 3, 1, 0, 0, 0])[None, :, None, None]
    moving = [*hand, wrist]
    points[:, :, moving] = points[:, :, moving] + path
    observed = torch.ones(1, 9, len(skeleton), dtype=torch.bool)
    observed[:, 2:6, hand] = False
    filled = fill_carried(torch.where(observed[..., None], points, torch.nan), observed, skeleton)
    torch.testing.assert_close(filled, points)
    alone = interpolate(torch.where(observed[..., None], points, 0.0), observed)
    assert (alone - points).abs().max() > 1


def test_wrist_and_hand_lost_together_is_plain_interpolation() -> None:
    points = torch.randn(2, 10, 50, 3, generator=torch.Generator().manual_seed(1))
    observed = torch.ones(2, 10, 50, dtype=torch.bool)
    observed[:, 3:6] = False
    points = torch.where(observed[..., None], points, torch.nan)
    torch.testing.assert_close(fill_carried(points, observed, SIGNING_50), interpolate(points, observed))


@pytest.mark.parametrize("how", ["zero", "linear", "carried"])
def test_prepare_leaves_no_gap(how) -> None:
    points = torch.randn(2, 6, 50, 3, generator=torch.Generator().manual_seed(2))
    confidence = torch.full((2, 6, 50), 0.8)
    confidence[:, :, 29:] = 0  # a hand that is never seen
    confidence[:, 2, 4] = 0.05  # below the minimum
    confidence[1] = 0  # nobody at all
    points[confidence == 0] = torch.nan
    rest = torch.arange(150.0).view(50, 3)
    filled, sure = fill_missing(points, confidence, how, 0.1, SIGNING_50, rest)
    assert torch.isfinite(filled).all()
    assert (sure[:, 2, 4] == 0).all() and (sure[0, :, 5] == 0.8).all()
    torch.testing.assert_close(filled[0, :, :4], points[0, :, :4])
    if how == "carried":
        torch.testing.assert_close(filled[0, :, 29] - filled[0, :, 4], (rest[29] - rest[4]).expand(6, 3))
    if how != "zero":
        torch.testing.assert_close(filled[1, 0], rest)


def test_hands_of_a_skeleton_without_hands() -> None:
    assert hands_and_wrists(custom_skeleton(4)) == []
    filled = fill_carried(torch.zeros(1, 2, 4, 2), torch.ones(1, 2, 4, dtype=torch.bool), custom_skeleton(4))
    assert filled.shape == (1, 2, 4, 2)


@given(st.integers(6, 40), st.integers(0, 2**31 - 1))
def test_a_curve_keeps_what_is_observed_and_follows_parabolas(frames: int, seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    observed = torch.rand(2, frames, 5, generator=g) < 0.6
    time = torch.arange(frames)[None, :, None, None] / 10
    a, b, c = torch.rand(3, 2, 1, 5, 3, generator=g)
    parabola = a + b * time + c * time**2
    filled = interpolate(torch.where(observed[..., None], parabola, 0.0), observed)
    result = curve(filled, observed)
    assert torch.equal(result[observed], filled[observed]) and torch.isfinite(result).all()
    first, second = (observed.int().cumsum(1) >= n for n in (1, 2))
    last, last_but_one = (observed.int().flip(1).cumsum(1).flip(1) >= n for n in (1, 2))
    known = second & last_but_one  # two observed frames on both sides
    torch.testing.assert_close(result[known], parabola[known], atol=1e-4, rtol=1e-4)
    outside = ~(first & last)
    assert torch.equal(result[outside], filled[outside])


def test_a_curve_with_two_frames_on_both_sides_of_a_gap_is_exact_for_cubics() -> None:
    time = torch.arange(30) / 10
    points = (1 - time + 0.5 * time**2 - 0.3 * time**3)[None, :, None, None].expand(1, 30, 2, 3).clone()
    observed = torch.ones(1, 30, 2, dtype=torch.bool)
    observed[:, 10:17, 0] = observed[:, 20:22, 0] = observed[:, 3:5, 1] = False
    torch.testing.assert_close(curve(interpolate(points, observed), observed), points, atol=1e-5, rtol=1e-5)


def test_a_curve_beats_the_line_on_a_sine() -> None:
    time = torch.arange(50.0)
    points = torch.sin(time / 3)[None, :, None, None].expand(1, 50, 1, 2)
    observed = (torch.arange(50) % 5 < 2)[None, :, None]
    line = interpolate(points, observed)
    inside = slice(5, 45)
    error, curved = ((x - points)[:, inside].abs().mean() for x in (line, curve(line, observed)))
    assert curved < error / 3


@given(st.integers(8, 40), st.integers(0, 2**31 - 1))
def test_a_regression_follows_cubics_and_any_pattern_gives_numbers(frames: int, seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    time = (torch.arange(frames) - frames / 2)[None, :, None, None] / 10
    a, b, c, d = torch.rand(4, 2, 1, 5, 3, generator=g)
    cubic = a + b * time + c * time**2 + d * time**3
    confidence = torch.rand(2, frames, 5, generator=g).clamp(min=0.2) * (torch.rand(2, frames, 5, generator=g) < 0.8)
    confidence[:, :, 4] = 0  # never seen
    filled = interpolate(torch.where(confidence[..., None] > 0, cubic, 0.0), confidence > 0)
    found = regression(filled, confidence)
    assert torch.isfinite(found).all() and torch.equal(found[:, :, 4], filled[:, :, 4])
    whole = regression(cubic, torch.ones(2, frames, 5))
    torch.testing.assert_close(whole[:, 3:-3], cubic[:, 3:-3], atol=2e-3, rtol=2e-3)


def test_a_regression_smooths_noise_and_fills_like_a_curve() -> None:
    g = torch.Generator().manual_seed(0)
    time = torch.arange(60.0)
    truth = torch.sin(time / 3)[None, :, None, None].expand(1, 60, 4, 3)
    noisy = truth + 0.02 * torch.randn(truth.shape, generator=g)
    seen = torch.rand(1, 60, 4, generator=g) < 0.8
    filled = interpolate(torch.where(seen[..., None], noisy, 0.0), seen)
    found = regression(filled, seen.float())
    inside = slice(5, 55)
    gap, known = ~seen[:, inside], seen[:, inside]
    error, before = ((x - truth)[:, inside].abs() for x in (found, filled))
    assert error[gap].mean() < before[gap].mean() and error[known].mean() < before[known].mean()


@given(st.lists(st.integers(0, 63), min_size=1, max_size=3), st.floats(0.01, 1), st.integers(0, 2**31 - 1))
def test_a_regression_of_few_far_observations_is_sane(frames: list[int], sure: float, seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    confidence = torch.zeros(1, 64, 2)
    confidence[:, frames] = sure
    points = torch.randn(1, 64, 2, 3, generator=g) * confidence.gt(0)[..., None]
    filled = interpolate(points, confidence > 0)
    found = regression(filled, confidence)
    assert torch.isfinite(found).all()
    assert (found - filled).abs().max() <= 20 * filled.abs().max() + 1e-3
    moved = regression(filled + 5, confidence)
    torch.testing.assert_close(moved, found + 5, atol=1e-2, rtol=1e-3)
