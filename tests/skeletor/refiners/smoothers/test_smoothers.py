"""The smoothers: what each promises, over random motions, gaps and confidences; and each against an oracle."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50, custom_skeleton
from skeletor.refiners.registry import REFINERS, build_refiner, smoother_names
from skeletor.refiners.smoothers.kalman import CONFIDENCE_FLOOR, drift, kalman, smoothed, transition
from skeletor.refiners.smoothers.simple import cubic, gaussian, hold, one_euro, zero
from skeletor.refiners.smoothers.smooth import evidence

JOINTS = 5
FILLING = [name for name in smoother_names() if name != "zero"]


def pose(keypoints: np.ndarray, confidence: np.ndarray | None = None, fps: float = 25) -> PoseSequence:
    if confidence is None:
        confidence = np.ones(keypoints.shape[:2])
    keypoints = np.where((confidence > 0)[..., None], keypoints, np.nan)
    skeleton = custom_skeleton(keypoints.shape[1])
    return PoseSequence(keypoints, confidence, fps, skeleton, Provenance(units="shoulder"))


def refined(name: str, clip: PoseSequence, **options: Any) -> np.ndarray:
    return build_refiner(REFINERS.parse({"name": name, **options}))(clip).keypoints


@st.composite
def gappy(draw: st.DrawFn, least: int = 0) -> PoseSequence:
    """Random walks with noise; joints come and go; a third of what is there has a low confidence."""
    frames = draw(st.integers(least, 40))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    points = rng.normal(size=(1, JOINTS, 3)) + np.cumsum(rng.normal(size=(frames, JOINTS, 3)) * 0.05, axis=0)
    confidence = rng.choice([0.0, 0.1, 0.6, 0.95], size=(frames, JOINTS), p=[0.3, 0.2, 0.2, 0.3])
    confidence[:, rng.random(JOINTS) < 0.15] = 0  # never seen
    return pose(points, confidence)


@pytest.mark.parametrize("name", FILLING)
@settings(max_examples=25)
@given(clip=gappy(), shift=st.integers(-8, 8), scale=st.sampled_from([0.25, 1.0, 4.0]))
def test_translation_and_scale(name: str, clip: PoseSequence, shift: int, scale: float) -> None:
    """The 1-Euro filter scales if its beta (Hz per unit per second) is scaled against the pose."""
    moved = clip.replace(clip.keypoints * np.float32(scale) + np.float32(shift))
    result = refined(name, moved, **({"beta": 8.0 / scale} if name == "one-euro" else {}))
    np.testing.assert_allclose(result, refined(name, clip) * scale + shift, atol=2e-5, rtol=1e-5)


@settings(max_examples=25)
@given(clip=gappy(), scale=st.sampled_from([0.25, 4.0]))
def test_zero_scales(clip: PoseSequence, scale: float) -> None:
    result = zero(clip.replace(clip.keypoints * np.float32(scale))).keypoints
    np.testing.assert_array_equal(result, zero(clip).keypoints * np.float32(scale))
    np.testing.assert_array_equal((result == 0).all(-1), clip.confidence < 0.3)


@pytest.mark.parametrize("name", FILLING)
@settings(max_examples=25)
@given(clip=gappy())
def test_gaps_are_filled_and_nan_does_not_leak(name: str, clip: PoseSequence) -> None:
    """Exactly the joints that are never there stay missing; a joint's result depends on no other joint."""
    result = refined(name, clip)
    np.testing.assert_array_equal(np.isnan(result), np.broadcast_to(clip.missing.all(0)[:, None], result.shape))
    keypoints, confidence = clip.keypoints.copy(), clip.confidence.copy()
    keypoints[:, 2], confidence[:, 2] = np.nan, 0
    other = refined(name, clip.replace(keypoints, confidence))
    rest = np.arange(JOINTS) != 2
    np.testing.assert_allclose(other[:, rest], result[:, rest], atol=1e-6)


@pytest.mark.parametrize("name", FILLING)
@settings(max_examples=25)
@given(clip=gappy(), place=st.floats(-5, 5, width=32))
def test_constants_stay(name: str, clip: PoseSequence, place: float) -> None:
    still = clip.replace(np.where(np.isnan(clip.keypoints), np.nan, np.float32(place)))
    result = refined(name, still)
    assert np.abs(result - np.float32(place))[:, ~clip.missing.all(0)].max(initial=0) <= 1e-5


@pytest.mark.parametrize(
    ("options", "tolerance"),
    [({"name": "linear"}, 2e-5), ({"name": "cubic"}, 2e-5), ({"name": "kalman"}, 2e-5),
     ({"name": "kalman", "motion": "acceleration"}, 5e-3)],
)  # fmt: skip
@settings(max_examples=25)
@given(clip=gappy(least=2), slope=st.floats(-0.5, 0.5, width=32))
def test_linear_motion_stays_linear(
    options: dict[str, Any], tolerance: float, clip: PoseSequence, slope: float
) -> None:
    """Between a joint's first and last sure frame, whatever is missing there."""
    line = np.arange(len(clip))[:, None, None] * np.float32(slope) + np.arange(JOINTS * 3).reshape(JOINTS, 3)
    result = refined(clip=clip.replace(np.where(np.isnan(clip.keypoints), np.nan, line)), **options)
    known = evidence(clip, 0.3)
    between = np.maximum.accumulate(known, 0) & np.maximum.accumulate(known[::-1], 0)[::-1]
    np.testing.assert_allclose(result[between], line[between], atol=tolerance)


@pytest.mark.parametrize("name", smoother_names())
@pytest.mark.parametrize("frames", [0, 1, 2, 30])
def test_nobody_and_single_frames(name: str, frames: int) -> None:
    nobody = pose(np.zeros((frames, JOINTS, 2)), np.zeros((frames, JOINTS)))
    result = refined(name, nobody)
    assert result.shape == (frames, JOINTS, 2)
    assert (result == 0).all() if name == "zero" else np.isnan(result).all()
    points = np.random.default_rng(0).normal(size=(frames, JOINTS, 2))
    if frames == 1:
        np.testing.assert_allclose(refined(name, pose(points)), points, atol=1e-6)


@pytest.mark.parametrize("name", smoother_names())
@settings(max_examples=5)
@given(clips=st.lists(gappy(), max_size=4))
def test_many_is_one_by_one(name: str, clips: list[PoseSequence]) -> None:
    refiner = build_refiner(REFINERS.parse({"name": name}))
    for one, clip in zip(refiner.many(clips), clips, strict=True):
        np.testing.assert_array_equal(one.keypoints, refiner(clip).keypoints)
        np.testing.assert_array_equal(one.confidence, clip.confidence)


def test_evidence_of_joints_that_are_never_sure() -> None:
    confidence = np.array([[0.9, 0.2, 0.0, 0.0], [0.2, 0.1, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    keypoints = np.zeros((3, 4, 2))
    keypoints[:, 3], keypoints[2, 1] = np.nan, np.nan
    clip = PoseSequence(keypoints, confidence, 25, custom_skeleton(4))
    want = [[True, True, True, False], [False, True, True, False], [False, False, True, False]]
    np.testing.assert_array_equal(evidence(clip, 0.3), want)


def test_hold() -> None:
    points = np.arange(6.0)[:, None, None] * np.ones((1, 1, 2))
    confidence = np.array([0.0, 0.9, 0.0, 0.1, 0.9, 0.0])[:, None]
    assert hold(pose(points, confidence)).keypoints[:, 0, 0].tolist() == [1, 1, 1, 1, 4, 4]


def test_cubic_is_scipys_natural_spline() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(20, 3, 2))
    confidence = np.ones((20, 3))
    confidence[[0, 5, 6, 7, 12, 19], 0] = confidence[[0, 5, 6, 7, 12, 19], 1] = 0  # one mask
    confidence[3:17, 2] = 0.1  # another one
    result = cubic(pose(points, confidence)).keypoints
    for joint in range(3):
        knots = np.flatnonzero(confidence[:, joint] > 0.3)
        spline = CubicSpline(knots, points[knots, joint], bc_type="natural")
        want = spline(np.clip(np.arange(20), knots[0], knots[-1]))
        np.testing.assert_allclose(result[:, joint], want, atol=1e-5)


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 25))
def test_cubic_does_not_explode(seed: int, gap: int) -> None:
    rng = np.random.default_rng(seed)
    points, confidence = rng.uniform(size=(gap + 8, 1, 2)), np.ones((gap + 8, 1))
    confidence[4 : 4 + gap] = 0
    sure = np.flatnonzero(confidence[:, 0])
    fastest = np.abs(np.diff(points[sure, 0], axis=0) / np.diff(sure)[:, None]).max()
    away = np.abs(cubic(pose(points, confidence)).keypoints - refined("linear", pose(points, confidence))).max()
    assert away <= 0.75 * (gap + 1) * fastest


@settings(max_examples=20)
@given(clip=gappy(least=1), min_cutoff=st.sampled_from([0.5, 4.0]), beta=st.sampled_from([0.0, 2.0]))
def test_one_euro_is_algorithm_1(clip: PoseSequence, min_cutoff: float, beta: float) -> None:
    """A scalar loop, written after the paper's pseudocode."""
    filled = refined("linear", clip).astype(float)
    result = one_euro(clip, min_cutoff=min_cutoff, beta=beta).keypoints

    def alpha(cutoff: float) -> float:
        tau = 1 / (2 * np.pi * cutoff)
        return 1 / (1 + tau * clip.fps)

    for joint in range(JOINTS):
        smooth, slope = filled[0, joint, 0], 0.0
        for t in range(1, len(clip)):
            slope = alpha(1.0) * (filled[t, joint, 0] - smooth) * clip.fps + (1 - alpha(1.0)) * slope
            share = alpha(min_cutoff + beta * abs(slope))
            smooth = share * filled[t, joint, 0] + (1 - share) * smooth
            np.testing.assert_allclose(result[t, joint, 0], smooth, atol=1e-5)


@pytest.mark.parametrize(("units", "scale"), [("pixel", 100.0), ("metre", 0.36), ("unknown", 7.0)])
def test_one_euro_smooths_as_much_in_every_unit(units: str, scale: float) -> None:
    points = np.random.default_rng(3).normal(size=(40, 50, 2)).cumsum(0) * 0.02
    points[:, [2, 5]] = [[-0.5, 0], [0.5, 0]]
    clip = PoseSequence(points, np.ones((40, 50)), 25, SIGNING_50, Provenance(units="shoulder"))
    other = PoseSequence(points * scale + 9, np.ones((40, 50)), 25, SIGNING_50, Provenance(units=units))
    result = (refined("one-euro", other) - 9) / scale
    np.testing.assert_allclose(result, refined("one-euro", clip), atol=1e-4)


def test_one_euro_tells_where_it_does_not_know_the_unit(caplog: pytest.LogCaptureFixture) -> None:
    clip = pose(np.zeros((4, JOINTS, 2)))
    refined("one-euro", clip)
    assert not caplog.messages
    refined("one-euro", PoseSequence(clip.keypoints, clip.confidence, 25, clip.skeleton, Provenance(units="pixel")))
    assert "no shoulders are seen" in caplog.text


def test_one_euro_is_causal() -> None:
    points = np.random.default_rng(2).normal(size=(30, JOINTS, 3))
    whole, part = one_euro(pose(points)).keypoints, one_euro(pose(points[:12])).keypoints
    np.testing.assert_array_equal(whole[:12], part)


@settings(max_examples=20)
@given(clip=gappy(least=1), sigma=st.sampled_from([0.5, 2.0]))
def test_gaussian_is_a_weighted_mean(clip: PoseSequence, sigma: float) -> None:
    filled, result = refined("linear", clip), gaussian(clip, sigma=sigma).keypoints
    weight = np.maximum(np.where(evidence(clip, 0.3), clip.confidence, 0), 0.05)
    distance = np.arange(len(clip))[:, None] - np.arange(len(clip))
    near = np.where(np.abs(distance) <= 4 * sigma, np.exp(-0.5 * (distance / sigma) ** 2), 0)  # (T, T)
    for joint in range(JOINTS):
        shares = near * weight[:, joint]
        want = shares @ filled[:, joint] / shares.sum(1, keepdims=True)
        np.testing.assert_allclose(result[:, joint], want, atol=1e-5)


def map_solve(
    values: np.ndarray, variance: np.ndarray, move: np.ndarray, noise: np.ndarray, prior: np.ndarray
) -> np.ndarray:
    """The most probable positions (T,) of one coordinate: one dense linear system over all states."""
    frames, order = len(values), len(move)
    first = int(np.flatnonzero(np.isfinite(variance))[0])
    precision, right = np.zeros((frames * order,) * 2), np.zeros(frames * order)
    start = first * order
    precision[start : start + order, start : start + order] += np.linalg.inv(prior)
    right[start] += values[first] / prior[0, 0]
    step, trust = np.hstack([-move, np.eye(order)]), np.linalg.inv(noise)
    for t in range(first, frames - 1):
        block = slice(t * order, (t + 2) * order)
        precision[block, block] += step.T @ trust @ step
    for t in range(first, frames):
        if np.isfinite(variance[t]):
            precision[t * order, t * order] += 1 / variance[t]
            right[t * order] += values[t] / variance[t]
    return np.linalg.solve(precision[start:, start:], right[start:])[::order]


@pytest.mark.parametrize("order", [2, 3])
@settings(max_examples=20)
@given(clip=gappy(least=1), ratio=st.sampled_from([0.02, 1.0]))
def test_kalman_is_the_dense_map_solution(order: int, clip: PoseSequence, ratio: float) -> None:
    known = evidence(clip, 0.3)
    joints = np.flatnonzero(known.any(0))
    if not len(joints):
        return
    variance = np.where(known, np.maximum(clip.confidence, CONFIDENCE_FLOOR) ** -2.0, np.inf)[:, joints]
    values = np.nan_to_num(clip.keypoints[:, joints].astype(float))
    model = transition(order), ratio**2 * drift(order), np.diag([1e4, 100.0, 1.0][:order])
    found = smoothed(values, variance, *model)
    for joint in range(len(joints)):
        want = map_solve(values[:, joint, 0], variance[:, joint], *model)
        np.testing.assert_allclose(found[len(found) - len(want) :, joint, 0], want, atol=1e-5)


def test_kalman_trusts_confidence_and_holds_the_ends() -> None:
    rng = np.random.default_rng(3)
    points = np.zeros((60, 1, 2))
    points[20:40] += rng.normal(size=(20, 1, 2)) * 0.2
    confidence = np.ones((60, 1))
    confidence[:5] = confidence[-10:] = 0
    sure = kalman(pose(points, confidence)).keypoints
    confidence[20:40] = 0.31
    unsure = kalman(pose(points, confidence)).keypoints
    assert np.abs(unsure[20:40]).mean() < 0.8 * np.abs(sure[20:40]).mean()
    assert (unsure[:5] == unsure[5]).all() and (unsure[-10:] == unsure[-11]).all()


def test_kalman_survives_very_long_gaps() -> None:
    points = np.linspace(0, 3, 1000)[:, None, None] * np.ones((1, 1, 2))
    confidence = np.ones((1000, 1))
    confidence[10:990] = 0
    for motion in ("velocity", "acceleration"):
        result = kalman(pose(points, confidence), motion=motion).keypoints  # type: ignore[arg-type]
        np.testing.assert_allclose(result, points, atol=5e-3)


def test_kalman_noise_is_per_second() -> None:
    """Two frames at twice the frame rate are one frame at the single rate."""
    for order in (2, 3):
        move, noise = transition(order), drift(order)
        scale = np.diag(2.0 ** np.arange(order))  # derivatives per frame are half as large at twice the rate
        fine = 2.0 ** (1 - 2 * order) * noise
        two = scale @ (move @ fine @ move.T + fine) @ scale
        np.testing.assert_allclose(two, noise, rtol=1e-12)
        np.testing.assert_allclose(scale @ move @ move @ np.linalg.inv(scale), move, rtol=1e-12)
