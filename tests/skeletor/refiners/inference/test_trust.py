"""What is certain stays where it was; and where a clip stands in the picture, or how large, changes nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.refiners.inference.stream import StreamingRefiner
from skeletor.refiners.inference.trust import Trust
from skeletor.refiners.inference.windowed import SkeletorRefiner
from skeletor.support.errors import InputError
from tests.skeletor.refiners.inference.test_stream import LOADED, broken_clip
from tests.skeletor.refiners.tiny import clips


def with_confidence(frames: int, seed: int) -> PoseSequence:
    pose = broken_clip(frames, seed)
    confidence = np.random.default_rng(seed).random(pose.confidence.shape).astype(np.float32)
    return pose.replace(confidence=np.where(pose.missing, 0, confidence))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(0, 2**31 - 1), st.floats(0.3, 1), st.floats(0, 0.2))
def test_sure_joints_stay_within_the_bound_and_the_others_are_refined(frames, seed, certain, bound) -> None:
    pose = with_confidence(frames, seed)
    free = SkeletorRefiner(LOADED)(pose).keypoints
    held = SkeletorRefiner(LOADED, trust=Trust(certain, bound))(pose).keypoints
    sure = (pose.confidence >= certain) & ~pose.missing
    moved = np.linalg.norm(held - pose.keypoints, axis=-1)[sure]
    assert (moved <= bound + 1e-5).all()
    np.testing.assert_array_equal(held[~sure], free[~sure])
    near = np.linalg.norm(free - pose.keypoints, axis=-1) <= bound
    np.testing.assert_allclose(held[sure & near], free[sure & near], atol=1e-5)


def test_without_a_bound_the_network_moves_sure_joints() -> None:
    pose = with_confidence(40, 3)
    free = SkeletorRefiner(LOADED)(pose).keypoints
    sure = (pose.confidence >= 0.5) & ~pose.missing
    assert np.linalg.norm(free - pose.keypoints, axis=-1)[sure].max() > 0.2  # else the test above shows nothing


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(1, 30))
def test_a_stream_keeps_to_the_same_bound(seed: int, size: int) -> None:
    pose, trust = with_confidence(50, seed), Trust(0.5, 0.03)
    stream = StreamingRefiner(LOADED, trust=trust)
    cuts = range(0, len(pose), size)
    parts = [stream.push(pose.keypoints[k : k + size], pose.confidence[k : k + size]) for k in cuts]
    found = np.concatenate([*parts, stream.finish()])
    np.testing.assert_allclose(found, SkeletorRefiner(LOADED, trust=trust)(pose).keypoints, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31 - 1), st.floats(0.1, 500), st.lists(st.floats(-1000, 1000), min_size=3, max_size=3))
def test_place_and_size_change_nothing(seed: int, scale: float, shift: list[float]) -> None:
    pose = clips(1, seed=seed, frames=40)[0]
    rng = np.random.default_rng(seed)
    gone = rng.random(pose.confidence.shape) < 0.2
    gone[:, [1, 2, 5]] = False  # normalisation needs the neck and both shoulders
    gone[10:22, 29:] = True
    points = np.where(gone[..., None], np.float32(np.nan), pose.keypoints)
    confidence = np.where(gone, 0, pose.confidence)

    def refined(keypoints: np.ndarray) -> np.ndarray:
        pixels = PoseSequence(keypoints, confidence, 25, pose.skeleton, Provenance(units="pixel"))
        result: np.ndarray = SkeletorRefiner(LOADED)(pixels).keypoints
        return result

    expected = refined(points) * scale + np.array(shift)
    found = refined(points * scale + np.array(shift, np.float32))
    size = np.abs(np.array(shift)).max() + scale
    np.testing.assert_allclose(found, expected, atol=2e-4 * size)


@pytest.mark.parametrize(("certain", "bound"), [(0, 0.1), (1.2, 0.1), (0.5, -1)])
def test_bounds_are_checked(certain: float, bound: float) -> None:
    with pytest.raises(InputError, match="trust"):
        Trust(certain, bound)
