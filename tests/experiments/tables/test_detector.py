"""Events of a detector, told from the truth."""

import numpy as np
import pytest

from experiments.tables.config import MotionConfig
from experiments.tables.data import motion_clips
from experiments.tables.detector import error_parts, hand_events, standing_hands
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50

LEFT, RIGHT = (list(SIGNING_50.group(g)) for g in ("left_hand", "right_hand"))


@pytest.fixture(scope="module")
def true() -> PoseSequence:
    pose = motion_clips(MotionConfig(train=2, dev=1, test=1), "test")[0]
    points = pose.keypoints[:, :, :2] * 60 + 120
    return PoseSequence(points, pose.confidence, 25, SIGNING_50, Provenance(units="pixel"))


def test_a_perfect_detection_has_no_events(true: PoseSequence) -> None:
    events = hand_events(true, true)
    assert not events.lost.any() and not events.swapped.any() and not events.frozen.any()


def test_lost_swapped_and_frozen_hands_are_found(true: PoseSequence) -> None:
    points, confidence = true.keypoints.copy(), true.confidence.copy()
    speed = np.linalg.norm(np.diff(true.keypoints[:, RIGHT], axis=0), axis=2).mean(1)
    frozen = 1 + int(speed.argmax())
    apart = np.linalg.norm(true.keypoints[:, RIGHT] - true.keypoints[:, LEFT], axis=2).mean(1)
    apart[max(0, frozen - 2) : frozen + 3] = 0
    swapped = int(apart.argmax())
    points[frozen, RIGHT] = points[frozen - 1, RIGHT]
    points[swapped, RIGHT] = points[swapped, LEFT]
    points[0, LEFT], confidence[0, LEFT] = np.nan, 0
    events = hand_events(true.replace(points, confidence), true)
    assert events.lost[0, 0] and events.lost.sum() == 1
    assert events.swapped[swapped, 1] and events.swapped.sum() == 1
    assert events.frozen[frozen, 1]


def test_a_hand_that_repeats_its_shape_stands(true: PoseSequence) -> None:
    points = true.keypoints.copy()
    points[5, LEFT] = points[4, LEFT] + 3  # carried by the wrist, but the same shape
    standing = standing_hands(true.replace(points), tolerance=1e-3)
    assert standing[5, LEFT].all()
    assert not standing[:, RIGHT].any() and not standing[:, :8].any()


def test_parts_of_an_error_sum_to_it() -> None:
    error = np.random.default_rng(0).normal(size=(60, 4, 3)) + 2.0
    parts = error_parts(error)
    np.testing.assert_allclose(sum(parts.values()), error, atol=1e-12)
    assert np.abs(parts["static"] - 2).max() < 1
    assert (parts["fast"] ** 2).mean() > 5 * (parts["slow"] ** 2).mean()  # white noise is fast
