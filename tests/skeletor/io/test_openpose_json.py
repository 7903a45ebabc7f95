import json

import numpy as np
import pytest

from skeletor.errors import InputError
from skeletor.io import openpose_json
from skeletor.skeleton import BODY25_HANDS, SIGNING_50


def flat(points: int, x: float = 10.0, score: float = 0.5) -> list[float]:
    """Points in a row: x, x + 1, ..."""
    return [value for k in range(points) for value in (x + k, 2 * k + 1.0, score)]


def person(x: float = 10.0, **parts) -> dict:
    full = {
        "person_id": [-1],
        "pose_keypoints_2d": flat(25, x),
        "face_keypoints_2d": flat(70, 900),
        "hand_left_keypoints_2d": flat(21, x + 100),
        "hand_right_keypoints_2d": flat(21, x + 200),
    }
    return full | parts


def write(directory, number, people, name="clip"):
    directory.mkdir(exist_ok=True)
    (directory / f"{name}_{number:012d}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": people}))


def test_parts_go_to_their_places(tmp_path):
    write(tmp_path, 0, [person()])
    pose = openpose_json.read_pose(tmp_path, fps=30)
    assert pose.skeleton == BODY25_HANDS and pose.fps == 30 and pose.keypoints.shape == (1, 67, 2)
    np.testing.assert_array_equal(pose.keypoints[0, :25, 0], np.arange(25) + 10)
    np.testing.assert_array_equal(pose.keypoints[0, BODY25_HANDS.group("left_hand"), 0], np.arange(21) + 110)
    np.testing.assert_array_equal(pose.keypoints[0, BODY25_HANDS.group("right_hand"), 0], np.arange(21) + 210)
    assert (pose.confidence == 0.5).all()
    assert pose.provenance.units == "pixel" and pose.provenance.estimator == "openpose"


def test_empty_lists_leave_the_part_missing(tmp_path):
    """Not the hands in the face's places, as the library's reader has it."""
    write(tmp_path, 0, [person(face_keypoints_2d=[], hand_left_keypoints_2d=[])])
    pose = openpose_json.read_pose(tmp_path)
    assert pose.missing[0, BODY25_HANDS.group("left_hand")].all()
    np.testing.assert_array_equal(pose.keypoints[0, BODY25_HANDS.group("right_hand"), 0], np.arange(21) + 210)


def test_legacy_names_and_18_points(tmp_path):
    legacy = {
        "pose_keypoints": flat(18),
        "hand_left_keypoints": flat(21, 110),
        "hand_right_keypoints": [],
        "face_keypoints": [],
    }
    write(tmp_path, 0, [legacy])
    pose = openpose_json.read_pose(tmp_path)
    x = pose.keypoints[0, :, 0]
    assert x[BODY25_HANDS.index("left_wrist")] == 17  # the same place in both models
    assert np.isnan(x[BODY25_HANDS.index("mid_hip")])
    assert x[BODY25_HANDS.index("right_hip")] == 18 and x[BODY25_HANDS.index("left_ear")] == 27
    assert x[BODY25_HANDS.index("left_hand_root")] == 110


def test_missing_frame_numbers_keep_their_place_in_time(tmp_path):
    for number in (3, 4, 8):
        write(tmp_path, number, [person(number)])
    pose = openpose_json.read_pose(tmp_path)
    assert len(pose) == 6
    assert pose.missing.all(1).tolist() == [False, False, True, True, True, False]
    assert pose.keypoints[[0, 1, 5], 0, 0].tolist() == [3, 4, 8]


def test_zero_score_is_missing(tmp_path):
    body = flat(25)
    body[3:6] = [0, 0, 0]
    body[6:9] = [50, 60, 0]
    write(tmp_path, 0, [person(pose_keypoints_2d=body)])
    pose = openpose_json.read_pose(tmp_path)
    assert pose.missing[0].nonzero()[0].tolist() == [1, 2]


def test_nobody_anywhere_is_a_pose_of_missing_frames(tmp_path):
    for number in range(3):
        write(tmp_path, number, [])
    pose = openpose_json.read_pose(tmp_path)
    assert len(pose) == 3 and pose.missing.all()


def test_all_people_and_the_choice_of_one(tmp_path):
    """The signer moves, the other stands; OpenPose lists them in changing order."""
    for t in range(10):
        signer, other = person(10, hand_right_keypoints_2d=flat(21, 210 + 5 * t)), person(500)
        write(tmp_path, t, [signer, other] if t % 3 else [other, signer])
    people = openpose_json.read_people(tmp_path)
    assert people.keypoints.shape == (10, 2, 67, 2) and people.count == 2
    pose = openpose_json.read_pose(tmp_path)
    assert (pose.keypoints[:, 0, 0] == 10).all()
    bystander = openpose_json.read_pose(tmp_path, choose=lambda p: np.argmax(p.keypoints[:, :, 0, 0], 1))
    assert (bystander.keypoints[:, 0, 0] == 500).all()


def test_signer_who_is_gone_for_a_while_is_found_again(tmp_path):
    for t in range(12):
        signer, other = person(10, hand_right_keypoints_2d=flat(21, 210 + 5 * t)), person(500)
        write(tmp_path, t, [other] if 4 <= t < 7 else [other, signer])
    pose = openpose_json.read_pose(tmp_path)
    assert pose.missing.all(1).nonzero()[0].tolist() == [4, 5, 6]


def test_several_recordings_in_one_directory(tmp_path):
    write(tmp_path, 0, [person(1)], "a")
    write(tmp_path, 0, [person(2)], "b")
    assert openpose_json.read_pose(tmp_path, "b").keypoints[0, 0, 0] == 2
    with pytest.raises(InputError, match="a, b"):
        openpose_json.read_pose(tmp_path)
    assert list(openpose_json.read_all(tmp_path, None)) == ["a", "b"]


@pytest.mark.parametrize("name", ["images0007_keypoints.json", "0007.json", "x_7_keypoints.json"])
def test_other_file_names(tmp_path, name):
    (tmp_path / name).write_text(json.dumps({"people": [person()]}))
    assert len(openpose_json.read_pose(tmp_path)) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"people": [{"pose_keypoints_2d": [1, 2', "truncated"),
        ('{"peo": []}', "people"),
        ("[]", "not a readable"),
        ('{"people": 3}', "people"),
        ('{"people": [3]}', "not a readable"),
        ('{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}', "expected 75"),
        ('{"people": [{"pose_keypoints_2d": ["a", 2, 3]}]}', "not a readable"),
        ('{"people": [{"hand_left_keypoints_2d": [[1]]}]}', "expected 63"),
        ("", "not a readable"),
    ],
)
def test_bad_files_are_named_in_one_line(tmp_path, text, reason):
    write(tmp_path, 0, [person()])
    (tmp_path / "clip_000000000001_keypoints.json").write_text(text)
    with pytest.raises(InputError, match=reason) as caught:
        openpose_json.read_pose(tmp_path)
    assert "000000000001" in str(caught.value) and "\n" not in str(caught.value)


def test_leap_in_the_frame_numbers_is_refused(tmp_path):
    write(tmp_path, 0, [person()])
    write(tmp_path, 999_999_999_999, [person()])
    with pytest.raises(InputError, match="no video"):
        openpose_json.read_pose(tmp_path)


def test_round_trip(tmp_path, make, assert_same):
    pose = make(BODY25_HANDS, 5)
    openpose_json.write_pose(pose, tmp_path / "out")
    assert_same(openpose_json.read_pose(tmp_path / "out"), pose)
    openpose_json.write_pose(pose.frames(0, 2), tmp_path / "out")  # replaces the directory
    assert len(openpose_json.read_pose(tmp_path / "out")) == 2


def test_signing_50_maps_and_3d_is_refused(tmp_path, make, assert_same):
    pose = make(SIGNING_50, 3)
    openpose_json.write_pose(pose, tmp_path / "out")
    assert_same(openpose_json.read_pose(tmp_path / "out").to_skeleton(SIGNING_50), pose)
    with pytest.raises(InputError, match="3D"):
        openpose_json.write_pose(make(SIGNING_50, 3, 3), tmp_path / "other")
