"""Poses of any kind are repaired by a network of 3D: same frames, joints, coordinates and units."""

from __future__ import annotations

import numpy as np
import pytest

import skeletor
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.absent import mark_absent
from skeletor.poses.normalise import denormalise
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import MEDIAPIPE_75, SIGNING_50, mapping
from skeletor.repair import Repair, named_refiner
from skeletor.support.errors import InputError
from tests.skeletor.refiners.tiny import clips

FRAMES, GAP = 40, slice(20, 24)
HAND = list(SIGNING_50.group("right_hand"))
PLACE, SIZE = np.array([320.0, 200.0], np.float32), 100.0  # of the neck, and pixels of a shoulder width


def seen_flat(frames: int = FRAMES) -> PoseSequence:
    """2D in pixels, with a lost right hand."""
    motion = clips(1, frames=frames)[0]
    points = motion.keypoints[:, :, :2].copy()
    for side in ("right", "left"):  # hands hang on their wrists
        hand = list(SIGNING_50.group(f"{side}_hand"))
        points[:, hand] += points[:, [SIGNING_50.index(f"{side}_wrist")]] - points[:, hand[:1]]
    points = points * SIZE + PLACE
    confidence = np.ones(points.shape[:2], np.float32)
    points[GAP, HAND], confidence[GAP, HAND] = np.nan, 0
    where = Provenance("clip", image_size=(640, 480), units="pixel")
    return PoseSequence(points, confidence, 25.0, SIGNING_50, where)


def on_mediapipe(pose: PoseSequence) -> PoseSequence:
    """The same on 75 points: each joint of SIGNING_50 that is one of them, the others somewhere."""
    rows, columns = np.nonzero(mapping(MEDIAPIPE_75, SIGNING_50) == 1)
    points = np.random.default_rng(0).uniform(0, 480, (len(pose), 75, 2)).astype(np.float32)
    confidence = np.full((len(pose), 75), 0.5, np.float32)
    points[:, columns], confidence[:, columns] = pose.keypoints[:, rows], pose.confidence[:, rows]
    return PoseSequence(points, confidence, pose.fps, MEDIAPIPE_75, pose.provenance)


@pytest.fixture(name="repair", scope="module")
def _repair() -> Repair:
    return Repair(named_refiner("skeletor"))


def test_flat_poses_are_repaired_in_depth_and_laid_flat_again(repair: Repair) -> None:
    pose = seen_flat()
    result = repair(pose)
    assert (result.dims, result.fps, result.skeleton, result.provenance.units) == (2, 25.0, SIGNING_50, "pixel")
    lifted = build_lifter(FastOptions())(pose)
    inside = denormalise(named_refiner("skeletor")(lifted)).keypoints[:, :, :2]
    np.testing.assert_allclose(result.keypoints[GAP, HAND], inside[GAP, HAND], atol=1e-3)
    assert np.isfinite(result.keypoints).all() and (result.confidence[GAP, HAND] == 0).all()
    seen = ~pose.missing
    moved = np.linalg.norm(result.keypoints - pose.keypoints, axis=-1)[seen]
    assert moved.max() < 0.05 * SIZE and np.array_equal(result.confidence[seen], pose.confidence[seen])
    record = result.provenance.stage("refine")
    assert record is not None and record.config["lifted"].startswith("fast ")


def test_other_points_of_a_layout_stay_as_they_were(repair: Repair) -> None:
    pose = on_mediapipe(seen_flat())
    result = repair(pose)
    rows, columns = np.nonzero(mapping(MEDIAPIPE_75, SIGNING_50) == 1)
    others = np.setdiff1d(np.arange(75), columns)
    assert len(others) > 15 and result.skeleton == MEDIAPIPE_75
    assert np.array_equal(result.keypoints[:, others], pose.keypoints[:, others])
    assert np.array_equal(result.confidence[:, others], pose.confidence[:, others])
    same = repair(pose.to_skeleton(SIGNING_50))
    np.testing.assert_allclose(result.keypoints[:, columns], same.keypoints[:, rows], atol=1e-3)
    assert np.isfinite(result.keypoints[GAP, columns]).all()


def test_nothing_is_put_where_nobody_was_seen(repair: Repair) -> None:
    """An elbow and a hand that are never seen, a wrist that leaves for good."""
    pose = seen_flat()
    points, confidence = pose.keypoints.copy(), pose.confidence.copy()
    elbow, wrist = SIGNING_50.index("left_elbow"), SIGNING_50.index("left_wrist")
    gone = [elbow, *SIGNING_50.group("left_hand")]
    points[:, gone], confidence[:, gone] = np.nan, 0
    points[30:, wrist], confidence[30:, wrist] = np.nan, 0
    points[10:12, wrist], confidence[10:12, wrist] = np.nan, 0
    result = repair(pose.replace(points, confidence))
    assert result.missing[:, gone].all() and result.missing[30:, wrist].all()
    assert not result.missing[:30, wrist].any(), "between, it is on its way"


def test_depth_on_another_layout_keeps_it(repair: Repair) -> None:
    motion = clips(1, frames=FRAMES)[0]
    rows, columns = np.nonzero(mapping(MEDIAPIPE_75, SIGNING_50) == 1)
    points = np.full((FRAMES, 75, 3), 0.25, np.float32)
    points[:, columns] = motion.keypoints[:, rows]
    hand = [columns[list(rows).index(joint)] for joint in HAND]
    points[GAP, hand] = np.nan
    pose = PoseSequence(points, ~np.isnan(points[..., 0]), 25.0, MEDIAPIPE_75, Provenance(units="metre"))
    result = repair(pose)
    assert (result.dims, result.skeleton, result.provenance.units) == (3, MEDIAPIPE_75, "metre")
    assert np.isfinite(result.keypoints).all()
    others = np.setdiff1d(np.arange(75), columns)
    assert np.array_equal(result.keypoints[:, others], points[:, others])


def test_plain_arrays_are_repaired_by_the_packages_skeletor_or_by_a_smoother() -> None:
    pose = seen_flat()
    repaired = skeletor.refine(pose.keypoints, pose.confidence, units="pixel")
    np.testing.assert_array_equal(repaired, Repair(named_refiner("skeletor"))(pose).keypoints)
    smoothed = skeletor.refine(pose.keypoints, pose.confidence, units="pixel", refiner="savgol")
    assert np.isfinite(smoothed).all() and not np.array_equal(smoothed, repaired)


def test_what_cannot_be_is_one_line() -> None:
    with pytest.raises(InputError, match="takes no weights"):
        named_refiner("savgol", "x.safetensors")
    with pytest.raises(InputError, match="needs weights"):
        named_refiner("temporal-mlp")
    with pytest.raises(InputError, match="nonsense"):
        named_refiner("nonsense")


@pytest.mark.parametrize("name", ["skeletor", "linear", "savgol"])
def test_an_absent_hand_stays_missing_in_poses_that_do_not_tell(name: str) -> None:
    """3D from a file without records: a hand hangs for more than a second, and later is lost for a moment."""
    motion = clips(1, frames=90)[0]
    points, hand = motion.keypoints.copy(), list(SIGNING_50.group("left_hand"))
    points[10:50, hand], points[70:73, hand] = np.nan, np.nan
    pose = PoseSequence(points, ~np.isnan(points[..., 0]), 25.0, SIGNING_50, Provenance(units="shoulder"))
    result = Repair(named_refiner(name))(pose)
    assert result.missing[10:50, hand].all() and not result.missing[70:73, hand].any()
    assert not Repair(named_refiner(name), absent="filled")(pose).missing.any()


@pytest.mark.parametrize("name", ["skeletor", "savgol"])
def test_a_hand_that_flat_poses_tell_is_absent_is_not_filled(name: str) -> None:
    pose, hand = seen_flat(90), list(SIGNING_50.group("left_hand"))
    absent = np.zeros(pose.confidence.shape, bool)
    absent[10:50, hand] = True
    result = Repair(named_refiner(name), absent="filled")(mark_absent(pose, absent))
    assert result.missing[10:50, hand].all() and not result.missing[50:, hand].any()
