"""Nobody's body: bones of one length, one stance, one camera; every angle between bones as it was."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.lifters.anonymise import LENGTHS, ORDER, PARENTS, anonymise
from skeletor.poses.normalise import denormalise, normalise
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError

LEFT, RIGHT = SIGNING_50.index("left_shoulder"), SIGNING_50.index("right_shoulder")


def turned(points: np.ndarray, yaw: float, roll: float) -> np.ndarray:
    """Points of somebody who leans to the side, then turns about the upright axis."""
    turn = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    lean = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return points @ (turn @ lean).T


def person(lengths: np.ndarray, frames: int = 12, seed: int = 0, missing: float = 0.0) -> PoseSequence:
    """A motion that only the seed decides, on bones of these lengths (50,), neck at 0; shoulders abreast on average."""
    rng = np.random.default_rng(seed)
    points = np.zeros((frames, 50, 3))
    toward = rng.normal(size=(1, 50, 3)) + 0.3 * rng.normal(size=(frames, 50, 3))
    toward[:, LEFT], toward[:, RIGHT] = (1, 0.1, 0), (-1, 0.1, 0)
    toward /= np.linalg.norm(toward, axis=2, keepdims=True)
    for joint in ORDER[1:]:
        points[:, joint] = points[:, PARENTS[joint]] + lengths[joint] * toward[:, joint]
    gone = rng.random((frames, 50)) < missing
    points[gone] = np.nan
    return PoseSequence(
        points, np.where(gone, 0, 0.9), 25.0, SIGNING_50, Provenance("anna.mp4", "ab", units="shoulder")
    )


def bones(pose: PoseSequence) -> np.ndarray:
    """(T, 50, 3) the bone to each joint, of the tree whose root is the neck."""
    points = pose.keypoints.astype(np.float64)
    made = points - points[:, [max(p, 0) for p in PARENTS]]
    made[:, ORDER[0]] = np.nan
    return made


def own_lengths(seed: int) -> np.ndarray:
    return LENGTHS * np.random.default_rng(100 + seed).uniform(0.5, 2, 50)


SEEDS = st.integers(0, 50)


@settings(max_examples=25)
@given(SEEDS, st.floats(0, 0.5))
def test_all_bones_have_the_mean_signers_lengths_and_what_is_missing_stays_so(seed: int, missing: float) -> None:
    pose = person(own_lengths(seed), seed=seed, missing=missing)
    made = anonymise(pose)
    sizes = np.linalg.norm(bones(made), axis=2)
    there = np.isfinite(sizes)
    np.testing.assert_allclose(sizes[there], np.broadcast_to(LENGTHS, sizes.shape)[there], atol=2e-6)
    np.testing.assert_array_equal(made.missing, pose.missing)
    np.testing.assert_array_equal(made.confidence, pose.confidence)


@settings(max_examples=25)
@given(SEEDS, st.floats(-1.5, 1.5), st.floats(-1, 1))
def test_all_angles_between_bones_stay(seed: int, yaw: float, roll: float) -> None:
    pose = person(own_lengths(seed), seed=seed)
    pose = pose.replace(turned(pose.keypoints, yaw, roll))
    cosines = []
    for one in (pose, anonymise(pose)):
        units = bones(one)[:, ORDER[1:]]
        units /= np.linalg.norm(units, axis=2, keepdims=True)
        cosines.append(np.einsum("tad,tbd->tab", units, units))
    np.testing.assert_allclose(*cosines, atol=2e-5)


@settings(max_examples=25)
@given(SEEDS, st.floats(-1.5, 1.5), st.floats(-1, 1), st.floats(0.2, 300))
def test_two_people_in_two_stances_before_two_cameras_become_one(
    seed: int, yaw: float, roll: float, zoom: float
) -> None:
    anna, ben = person(own_lengths(1), seed=seed), person(own_lengths(2), seed=seed)
    pixels = turned(ben.keypoints, yaw, roll) * zoom + (320, 200, 0)
    there = ben.replace(pixels, units="pixel")
    one, other = anonymise(anna), anonymise(there)
    np.testing.assert_allclose(other.keypoints, one.keypoints, atol=1e-3)
    assert one.provenance.units == other.provenance.units == "shoulder"


@settings(max_examples=25)
@given(SEEDS, st.floats(0, 0.5))
def test_twice_is_once(seed: int, missing: float) -> None:
    once = anonymise(person(own_lengths(seed), seed=seed, missing=missing))
    twice = anonymise(once)
    np.testing.assert_allclose(twice.keypoints, once.keypoints, atol=2e-5)
    assert twice.provenance == once.provenance


def test_motion_is_kept_leaning_and_turning_within_the_clip_too() -> None:
    """The neck goes its way, and the shoulders turn as they did about their mean."""
    pose = person(LENGTHS)
    sway = np.linspace(-0.3, 0.3, len(pose))[:, None, None] * np.array([1.0, 0, 0])
    moved = np.stack(
        [turned(frame, yaw, 0) for frame, yaw in zip(pose.keypoints, np.linspace(-0.4, 0.4, 12), strict=True)]
    )
    made = anonymise(pose.replace(moved + sway))
    np.testing.assert_allclose(made.keypoints, moved + sway, atol=1e-4)  # it had the mean body, and faced the camera


def test_a_hand_without_its_wrist_hangs_on_the_elbow_in_proportion() -> None:
    pose = person(2 * LENGTHS)
    points, confidence = pose.keypoints.copy(), pose.confidence.copy()
    wrist, root, elbow = (SIGNING_50.index(j) for j in ("right_wrist", "right_hand_root", "right_elbow"))
    points[3, wrist], confidence[3, wrist] = np.nan, 0
    made = anonymise(pose.replace(points, confidence)).keypoints
    whole = anonymise(pose).keypoints
    np.testing.assert_allclose(made[3, root] - made[3, elbow], whole[3, root] - whole[3, elbow], atol=1e-5)
    assert np.isnan(made[3, wrist]).all()


def test_without_neck_shoulders_or_anybody_nothing_breaks() -> None:
    pose = person(own_lengths(3))
    for gone in ([ORDER[0]], [LEFT], list(range(50))):
        points, confidence = pose.keypoints.copy(), pose.confidence.copy()
        points[:, gone], confidence[:, gone] = np.nan, 0
        made = anonymise(pose.replace(points, confidence))
        np.testing.assert_array_equal(made.missing, np.isnan(points[..., 0]))
    joined = pose.keypoints.copy()
    joined[:, 30] = joined[:, 29]  # a bone without length has no direction of its own
    assert np.isfinite(anonymise(pose.replace(joined)).keypoints).all()


def test_the_source_is_not_named_and_the_camera_is_the_same_for_all() -> None:
    pose = person(own_lengths(4))
    about = dataclasses.replace(pose.provenance, units="pixel", image_size=(720, 576), estimator="mediapipe",
                                stages=(StageRecord("lift", config={"mode": "fast"}),))  # fmt: skip
    raw = PoseSequence(pose.keypoints * 90 + 200, pose.confidence, 25.0, SIGNING_50, about)
    made = anonymise(normalise(raw))
    text = made.provenance.to_json()
    assert "anna" not in text and "720" not in text and '"ab"' not in text and "200" not in text
    assert made.provenance.stage("lift") == about.stages[0] and made.provenance.estimator == "mediapipe"
    seen = denormalise(made).keypoints
    np.testing.assert_allclose(np.median(seen[:, ORDER[0]], axis=0), (256, 180, 0), atol=1e-3)
    assert made.provenance.image_size == (512, 512)


def test_flat_poses_and_other_skeletons_are_refused_in_one_line() -> None:
    pose = person(LENGTHS)
    with pytest.raises(InputError, match="3D on signing_50 is needed"):
        anonymise(pose.replace(pose.keypoints[..., :2]))
