import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.errors import InputError
from skeletor.normalise import denormalise, normalise, renormalise
from skeletor.pose import PoseSequence, Provenance
from skeletor.skeleton import MEDIAPIPE_75, SIGNING_50, custom_skeleton


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


@pytest.mark.parametrize("skeleton", [MEDIAPIPE_75, custom_skeleton(4)], ids=lambda s: s.name)
def test_a_skeleton_without_neck_or_shoulders_is_refused_in_one_line(skeleton):
    pose = PoseSequence(np.ones((2, len(skeleton), 2)), np.ones((2, len(skeleton))), 25, skeleton)
    with pytest.raises(InputError, match=f"skeleton {skeleton.name} has no neck"):
        normalise(pose)
