"""Errors against the truth."""

import numpy as np
import pytest

from skeletor.poses.metrics import pose_errors
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50, custom_skeleton
from skeletor.support.errors import InputError


def pose(keypoints: np.ndarray, units: str = "shoulder") -> PoseSequence:
    confidence = 1.0 - np.isnan(keypoints).any(2)
    return PoseSequence(keypoints, confidence, 25, SIGNING_50, Provenance(units=units))


@pytest.fixture(name="truth")
def _truth() -> PoseSequence:
    return pose(np.random.default_rng(0).normal(size=(12, 50, 3)))


def test_no_error(truth: PoseSequence) -> None:
    errors = pose_errors(truth, truth)
    assert set(errors.mpjpe) == {"all", "body", "left_hand", "right_hand", "hands", "hands_relative"}
    assert all(v == 0 for v in (*errors.mpjpe.values(), *errors.acceleration.values(), errors.bone, errors.velocity))
    assert errors.pck == errors.coverage == 1 and errors.frames == 12


def test_a_shifted_hand(truth: PoseSequence) -> None:
    moved = truth.keypoints.copy()
    moved[:, 8:29] += np.array([0.3, 0, 0.4], np.float32)  # left hand, by .5
    errors = pose_errors(pose(moved), truth)
    assert errors.mpjpe == pytest.approx(
        {"all": 0.5 * 21 / 50, "body": 0, "left_hand": 0.5, "right_hand": 0, "hands": 0.25, "hands_relative": 0.25},
        abs=1e-6,
    )
    assert errors.acceleration["all"] == pytest.approx(0, abs=1e-6)  # a constant shift
    assert errors.pck == pytest.approx(29 / 50)


def test_wrist_and_hand_shifted_together_keep_the_shape(truth: PoseSequence) -> None:
    moved = truth.keypoints.copy()
    moved[:, [4, *range(29, 50)]] += 1
    assert pose_errors(pose(moved), truth).mpjpe["hands_relative"] == pytest.approx(0, abs=1e-6)


def test_acceleration_of_one_wrong_frame(truth: PoseSequence) -> None:
    moved = truth.keypoints.copy()
    moved[6, :, 0] += 1  # second differences are off by 1, 2, 1 in three of ten frames
    errors = pose_errors(pose(moved), truth)
    assert errors.acceleration["all"] == pytest.approx(0.4, rel=1e-5)
    assert errors.velocity == pytest.approx(2 / 11, rel=1e-5)


def test_scaled_by_a_tenth(truth: PoseSequence) -> None:
    errors = pose_errors(pose(1.1 * truth.keypoints), truth)
    parents, children = np.array(SIGNING_50.bones).T
    lengths = np.linalg.norm(truth.keypoints[:, children] - truth.keypoints[:, parents], axis=2)
    assert errors.bone == pytest.approx(0.1 * lengths.mean(), rel=1e-4)
    assert errors.bone_jitter == pytest.approx((lengths.std(0) / lengths.mean(0)).mean(), rel=1e-4)


def test_missing_joints_lower_coverage_only(truth: PoseSequence) -> None:
    part = truth.keypoints.copy()
    part[:3, 10] = np.nan
    errors = pose_errors(pose(part), truth)
    assert errors.coverage == pytest.approx(1 - 3 / 600) and errors.mpjpe["all"] == 0
    nobody = pose_errors(pose(np.full_like(part, np.nan)), truth)
    assert nobody.coverage == 0 and nobody.mpjpe == {} and np.isnan(nobody.pck)


def test_many_clips_weigh_by_frames(truth: PoseSequence) -> None:
    short, other = truth.frames(0, 4), pose(truth.keypoints + 1)
    errors = pose_errors([short, other], [short, truth])
    assert errors.mpjpe["all"] == pytest.approx(3**0.5 * 12 / 16, rel=1e-5)


def test_what_does_not_fit_is_refused(truth: PoseSequence) -> None:
    with pytest.raises(InputError, match="units"):
        pose_errors(pose(truth.keypoints, "metre"), truth)
    with pytest.raises(InputError, match="shape"):
        pose_errors(truth.frames(0, 3), truth)
    with pytest.raises(InputError, match="1 predicted poses for 2"):
        pose_errors([truth], [truth, truth])
    other = PoseSequence(truth.keypoints, truth.confidence, 25, custom_skeleton(50))
    with pytest.raises(InputError, match="skeleton"):
        pose_errors(other, truth)
