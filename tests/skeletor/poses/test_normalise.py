import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.poses.normalise import denormalise, normalise, renormalise
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import MEDIAPIPE_75, SIGNING_50, custom_skeleton
from skeletor.support.errors import InputError


@given(st.integers(0, 10_000), st.floats(0.5, 400), st.floats(-500, 500), st.sampled_from([2, 3]))
def test_normalisation_is_invertible_and_ignores_place_and_size(seed, scale, shift, dims):
    rng = np.random.default_rng(seed)
    keypoints = rng.normal(size=(7, 50, dims)).astype(np.float32)
    keypoints[2, 30] = np.nan
    confidence = np.where(np.isnan(keypoints[..., 0]), 0, 1)
    pose = PoseSequence(keypoints, confidence, 25, SIGNING_50, Provenance(units="metre"))
    moved = pose.replace(keypoints * scale + shift, units="pixel")
    one, other = normalise(pose), normalise(moved)
    size = max(1.0, float(np.nanmax(np.abs(one.keypoints))))
    np.testing.assert_allclose(one.keypoints, other.keypoints, atol=2e-3 * size * max(1, abs(shift) / scale / 10))
    back = denormalise(other)
    np.testing.assert_allclose(back.keypoints, moved.keypoints, rtol=1e-4, atol=1e-3 * (scale + abs(shift)))
    assert back.provenance.units == "pixel"


def test_nobody_to_normalise():
    pose = PoseSequence(np.full((3, 50, 2), np.nan), np.zeros((3, 50)), 25, SIGNING_50)
    with pytest.raises(InputError, match="never seen"):
        normalise(pose)


def test_two_detections_of_one_picture_are_put_on_one_scale():
    rng = np.random.default_rng(0)
    keypoints = 200 + 50 * rng.normal(size=(9, 50, 2)).astype(np.float32)
    clean = PoseSequence(keypoints, np.ones((9, 50)), 25, SIGNING_50, Provenance(units="pixel"))
    noisy = clean.replace(keypoints + rng.normal(size=keypoints.shape).astype(np.float32))
    moved = renormalise(normalise(noisy), normalise(clean))
    np.testing.assert_allclose(denormalise(moved).keypoints, noisy.keypoints, atol=1e-2)
    assert moved.provenance.stage("normalise").config == normalise(clean).provenance.stage("normalise").config


def standing(frames: int, dims: int = 2) -> np.ndarray:
    """(T, 50, D): neck at (10, 20), shoulders 4 apart."""
    points = np.zeros((frames, 50, dims), np.float32)
    points[..., :2] = (10, 20)
    points[:, SIGNING_50.index("left_shoulder"), 0] = 12
    points[:, SIGNING_50.index("right_shoulder"), 0] = 8
    return points


def test_frames_of_just_the_least_confidence_count_and_others_do_not():
    points, confidence = standing(5), np.full((5, 50), 0.5, np.float32)
    points[2:] = 3 * points[2:]  # elsewhere, three times as wide
    confidence[2:] = 0.4
    pose = PoseSequence(points, confidence, 25, SIGNING_50)
    found = normalise(pose, minimum_confidence=0.5).provenance.stage("normalise").config
    assert found["scale"] == pytest.approx(4) and found["centre"] == pytest.approx([10, 20])
    wide = normalise(pose, minimum_confidence=0.4).provenance.stage("normalise").config
    assert wide["scale"] == pytest.approx(12), "the median is over the five frames"
    none = normalise(pose, minimum_confidence=0.9).provenance.stage("normalise").config
    assert none == wide, "where no frame is sure, all that are seen count"


def test_one_unsure_shoulder_is_an_unsure_frame():
    points, confidence = standing(3), np.ones((3, 50), np.float32)
    points[1:, SIGNING_50.index("left_shoulder"), 0] = 40
    confidence[1:, SIGNING_50.index("left_shoulder")] = 0.1
    found = normalise(PoseSequence(points, confidence, 25, SIGNING_50)).provenance.stage("normalise").config
    assert found["scale"] == pytest.approx(4)


def test_the_scale_is_measured_in_the_picture_and_points_are_refused():
    points = standing(3, 3)
    points[:, SIGNING_50.index("left_shoulder"), 2] = 100  # turned away: depth is not width
    pose = PoseSequence(points, np.ones((3, 50)), 25, SIGNING_50)
    assert normalise(pose).provenance.stage("normalise").config["scale"] == pytest.approx(4)
    points[..., :2] = (10, 20)
    with pytest.raises(InputError, match="lie in one point"):
        normalise(pose.replace(points))


@pytest.mark.parametrize("skeleton", [MEDIAPIPE_75, custom_skeleton(4)], ids=lambda s: s.name)
def test_a_skeleton_without_neck_or_shoulders_is_refused_in_one_line(skeleton):
    pose = PoseSequence(np.ones((2, len(skeleton), 2)), np.ones((2, len(skeleton))), 25, skeleton)
    with pytest.raises(InputError, match=f"skeleton {skeleton.name} has no neck"):
        normalise(pose)
