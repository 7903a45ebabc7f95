"""Parts that were not seen, filled by whoever saved the file: they are missing in every format."""

from pathlib import Path

import numpy as np
import pytest

from skeletor.io import formats
from skeletor.io.layouts import LAYOUTS, collapsed
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import BODY25_HANDS, MEDIAPIPE_75
from tests.skeletor.io.signer import in_layout, person, signer, write_json, write_pose_file

LOST = slice(3, 7)  # frames without a left hand


def _filled(points: np.ndarray, first: int, value: float) -> np.ndarray:
    points = points.astype(np.float64).copy()
    points[LOST, first : first + 21] = value
    return points


def _assert_hand_is_missing(pose: PoseSequence) -> None:
    left = [k for k, joint in enumerate(pose.skeleton.joints) if joint.startswith("left_hand")]
    gone = pose.missing[:, left]
    assert gone[LOST].all() and not gone[:3].any() and not gone[7:].any()
    assert (pose.confidence[LOST][:, left] == 0).all()
    right = [k for k, joint in enumerate(pose.skeleton.joints) if joint.startswith("right_hand")]
    assert not pose.missing[:, right].any()


@pytest.mark.parametrize("value", [0, -1, -1000, 55.5])
def test_arrays(tmp_path: Path, value: float) -> None:
    points = _filled(in_layout(signer(), LAYOUTS["mediapipe_75"]), 33, value)
    np.save(tmp_path / "clip.npy", points)
    _assert_hand_is_missing(formats.read_pose(tmp_path / "clip.npy"))


def test_arrays_centred_after_they_were_filled(tmp_path: Path) -> None:
    points = _filled(in_layout(signer(), LAYOUTS["mediapipe_75"]), 33, 0)
    middle = (points[:, 11:12] + points[:, 12:13]) / 2
    np.save(tmp_path / "clip.npy", (points - middle) / np.linalg.norm(points[:, 11] - points[:, 12], axis=1).mean())
    _assert_hand_is_missing(formats.read_pose(tmp_path / "clip.npy"))


@pytest.mark.parametrize("value", [0, -1, 33])
def test_openpose_json_with_a_score_of_1(tmp_path: Path, value: float) -> None:
    joints = signer()
    for joint in BODY25_HANDS.joints:
        if joint.startswith("left_hand"):
            joints[joint][LOST] = value
    for t in range(len(joints["nose"])):
        write_json(tmp_path / "clip", t, [person(joints, t)])
    _assert_hand_is_missing(formats.read_pose(tmp_path / "clip"))


@pytest.mark.parametrize("value", [0, -1])
def test_pose_files_with_a_confidence_of_1(tmp_path: Path, value: float) -> None:
    points = _filled(in_layout(signer(), LAYOUTS["mediapipe_75"]), 33, value)
    write_pose_file(tmp_path / "clip.pose", {"POINTS": [str(k) for k in range(75)]}, points[:, None])
    _assert_hand_is_missing(formats.read_pose(tmp_path / "clip.pose", skeleton="mediapipe_75"))


def test_a_few_points_that_meet_are_no_lost_part() -> None:
    points = np.random.default_rng(0).normal(size=(2, 75, 2))
    points[0, 40:43] = points[0, 40]
    points[1, 33:54] = np.nan
    points[1, 33:37] = 7  # four points are all there is of it
    assert not collapsed(points, MEDIAPIPE_75.joints).any()
    points[1, 37] = 7
    assert collapsed(points, MEDIAPIPE_75.joints).sum() == 5


def test_the_second_axis_may_be_people(tmp_path: Path) -> None:
    points = in_layout(signer(), LAYOUTS["mediapipe_75"])
    np.save(tmp_path / "clip.npy", points[:, None])
    found = formats.read_poses(tmp_path / "clip.npy")
    assert list(found) == ["clip"] and len(found["clip"]) == len(points)
    np.save(tmp_path / "two.npy", np.stack([points, points + 300], 1))
    with pytest.raises(Exception, match="2 people or 12 clips of 2 frames; save one person"):
        formats.read_poses(tmp_path / "two.npy")
