"""The baselines linear and savgol."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.registry import REFINERS, build_refiner
from skeletor.refiners.smoothers.smooth import linear, savgol
from skeletor.support.errors import InputError
from tests.skeletor.refiners.tiny import clips


def pose(keypoints: np.ndarray, confidence: np.ndarray | None = None) -> PoseSequence:
    if confidence is None:
        confidence = np.ones(keypoints.shape[:2])
    return PoseSequence(keypoints, confidence, 25, SIGNING_50, Provenance(units="shoulder"))


def line(frames: int) -> np.ndarray:
    return np.linspace(0, 1, frames)[:, None, None] * np.ones((1, 50, 3)) + np.arange(50)[:, None]


def test_linear_restores_uniform_motion() -> None:
    points, confidence = line(11), np.full((11, 50), 0.9)
    broken = points.copy()
    broken[3:6, 7], confidence[3:6, 7] = np.nan, 0  # missing
    broken[2:9, 30], confidence[2:9, 30] = 5.0, 0.2  # low confidence
    broken[4, 8], confidence[4, 8] = -5.0, 0  # inferred by somebody
    result = linear(pose(broken, confidence), minimum_confidence=0.3)
    np.testing.assert_allclose(result.keypoints, points, atol=1e-5)
    np.testing.assert_array_equal(result.confidence, confidence.astype(np.float32))


def test_linear_holds_at_the_ends_and_keeps_the_never_seen() -> None:
    points, confidence = line(6), np.ones((6, 50))
    points[:2, 3], confidence[:2, 3] = np.nan, 0
    points[:, 40], confidence[:, 40] = np.nan, 0
    points[:, 41], confidence[:, 41] = 7, 0
    result = linear(pose(points, confidence)).keypoints
    np.testing.assert_allclose(result[:2, 3], points[[2, 2], 3])
    assert np.isnan(result[:, 40]).all() and (result[:, 41] == 7).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 9), st.sampled_from([(5, 2), (7, 2), (7, 3)]))
def test_savgol_keeps_polynomials_at_any_length(frames: int, shape: tuple[int, int]) -> None:
    time = np.arange(frames)[:, None, None] / 5
    points = (1 + time - time**2) * np.ones((1, 50, 3))
    result = savgol(pose(points), window=shape[0], order=shape[1])
    np.testing.assert_allclose(result.keypoints, points, atol=1e-5)


def test_savgol_reduces_white_noise_and_keeps_nan_in_its_place() -> None:
    rng = np.random.default_rng(0)
    clean = np.sin(np.arange(80) / 15)[:, None, None] * np.ones((1, 50, 3))
    noisy = clean + rng.normal(size=clean.shape) * 0.05
    confidence = np.ones((80, 50))
    noisy[:, 33], confidence[:, 33] = np.nan, 0
    result = savgol(pose(noisy, confidence), window=7).keypoints
    assert np.isnan(result[:, 33]).all()
    rest = np.arange(50) != 33
    assert np.std((result - clean)[:, rest]) < 0.7 * np.std((noisy - clean)[:, rest])


@pytest.mark.parametrize("window", [4, 2, 1])
def test_savgol_refuses_bad_windows(window: int) -> None:
    with pytest.raises(InputError, match="window"):
        savgol(pose(line(9)), window=window)


def test_a_lost_hand_is_carried_by_its_wrist() -> None:
    clip = clips(1, frames=30)[0]
    points, confidence = clip.keypoints.copy(), clip.confidence.copy()
    left = list(SIGNING_50.group("left_hand"))
    points[:, left] = points[:1, left] - points[:1, [7]] + points[:, [7]]  # a stiff hand on a moving wrist
    truth = points.copy()
    points[10:20, left], confidence[10:20, left] = np.nan, 0
    pose = clip.replace(points, confidence)
    for name in ("linear", "cubic", "kalman", "hold"):
        plain, carried = (
            build_refiner(REFINERS.parse({"name": name, "carried": flag}))(pose) for flag in (False, True)
        )
        errors = [np.abs(p.keypoints[10:20, left] - truth[10:20, left]).max() for p in (plain, carried)]
        assert errors[1] < 0.3 * errors[0]
        np.testing.assert_array_equal(plain.keypoints[:, :8], carried.keypoints[:, :8])
        assert carried.provenance.stage("refine").config["carried"] is True


def test_a_hand_whose_wrist_is_never_seen_is_smoothed_as_it_is() -> None:
    clip = clips(1, frames=20)[0]
    points, confidence = clip.keypoints.copy(), clip.confidence.copy()
    points[:, 7], confidence[:, 7] = np.nan, 0
    pose = clip.replace(points, confidence)
    plain, carried = (
        build_refiner(REFINERS.parse({"name": "savgol", "carried": flag}))(pose) for flag in (False, True)
    )
    left = list(SIGNING_50.group("left_hand"))
    np.testing.assert_array_equal(plain.keypoints[:, left], carried.keypoints[:, left])
    assert np.isfinite(carried.keypoints[:, left]).all()


@pytest.mark.parametrize(("value", "fine"), [(0.0, True), (0.5, True), (0.999, True), (1.0, False), (-0.1, False)])
def test_the_confidence_under_which_joints_are_replaced_is_a_share(value: float, fine: bool) -> None:
    if fine:
        assert REFINERS.check({"name": "savgol", "minimum_confidence": value}, "here").name == "savgol"
        return
    with pytest.raises(InputError, match=r"here: key 'minimum_confidence'"):
        REFINERS.check({"name": "savgol", "minimum_confidence": value}, "here")
