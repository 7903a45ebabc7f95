import json

import numpy as np
import pytest

from skeletor.io import openpose_json
from skeletor.io.layouts import LAYOUTS
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50
from skeletor.support.errors import InputError
from tests.skeletor.io.signer import person as signer_person
from tests.skeletor.io.signer import signer
from tests.skeletor.io.signer import write_json as write

SIGNER = signer(40)


def person(t: int = 0, shift: float = 0.0, **parts) -> dict:
    """A frame of the synthetic signer, moved to the right."""
    return signer_person({joint: points + [shift, 0] for joint, points in SIGNER.items()}, t, **parts)


def test_parts_go_to_their_places(tmp_path):
    write(tmp_path, 0, [person()])
    pose = openpose_json.read_pose(tmp_path, fps=30)
    assert pose.skeleton == BODY25_HANDS and pose.fps == 30 and pose.keypoints.shape == (1, 67, 2)
    for k, joint in enumerate(BODY25_HANDS.joints):
        np.testing.assert_allclose(pose.keypoints[0, k], SIGNER[joint][0], rtol=1e-5)
    assert (pose.confidence == np.float32(0.9)).all()
    assert pose.provenance.units == "pixel" and pose.provenance.estimator == "openpose"
    assert pose.provenance.stage("layout").config["layout"] == "body_25"


def test_empty_lists_leave_the_part_missing(tmp_path):
    """Not the hands in the face's places, as the library's reader has it."""
    write(tmp_path, 0, [person(face_keypoints_2d=[], hand_left_keypoints_2d=[])])
    pose = openpose_json.read_pose(tmp_path)
    assert pose.missing[0, BODY25_HANDS.group("left_hand")].all()
    root = BODY25_HANDS.index("right_hand_root")
    np.testing.assert_allclose(pose.keypoints[0, root], SIGNER["right_hand_root"][0], rtol=1e-5)


def test_legacy_names_and_18_points(tmp_path):
    now = signer_person(SIGNER, 0, LAYOUTS["coco_18"])
    legacy = {
        "pose_keypoints": now["pose_keypoints_2d"],
        "hand_left_keypoints": now["hand_left_keypoints_2d"],
        "hand_right_keypoints": [],
        "face_keypoints": [],
    }
    write(tmp_path, 0, [legacy])
    pose = openpose_json.read_pose(tmp_path)
    for joint in ("left_wrist", "right_hip", "left_ear", "left_hand_root"):
        np.testing.assert_allclose(pose.keypoints[0, BODY25_HANDS.index(joint)], SIGNER[joint][0], rtol=1e-5)
    assert pose.missing[0, BODY25_HANDS.index("mid_hip")]


def test_missing_frame_numbers_keep_their_place_in_time(tmp_path, caplog):
    for number in (3, 4, 8):  # OpenPose counts from 0: three frames are missing before
        write(tmp_path, number, [person(number)])
    pose = openpose_json.read_pose(tmp_path)
    assert len(pose) == 9
    assert pose.missing.all(1).nonzero()[0].tolist() == [0, 1, 2, 5, 6, 7]
    np.testing.assert_allclose(pose.keypoints[8, 4], SIGNER["right_wrist"][8], rtol=1e-5)
    assert "frame number 3" in caplog.text


def test_zero_score_is_missing(tmp_path):
    body = person()["pose_keypoints_2d"]
    body[3:6] = [0, 0, 0]
    body[11] = 0
    write(tmp_path, 0, [person(pose_keypoints_2d=body)])
    write(tmp_path, 1, [person()])
    pose = openpose_json.read_pose(tmp_path)
    assert pose.missing[0].nonzero()[0].tolist() == [1, 3]


def test_nobody_anywhere_is_a_pose_of_missing_frames(tmp_path):
    for number in range(3):
        write(tmp_path, number, [])
    pose = openpose_json.read_pose(tmp_path)
    assert len(pose) == 3 and pose.missing.all()


def test_all_people_and_the_choice_of_one(tmp_path):
    """The signer moves, the other stands; OpenPose lists them in changing order."""
    for t in range(10):
        moving, still = person(t), person(0, 300)
        write(tmp_path, t, [moving, still] if t % 3 else [still, moving])
    people = openpose_json.read_people(tmp_path)
    assert people.keypoints.shape == (10, 2, 67, 2) and people.count == 2
    pose = openpose_json.read_pose(tmp_path)
    np.testing.assert_allclose(pose.keypoints[:, 4], SIGNER["right_wrist"][:10], rtol=1e-5)
    bystander = openpose_json.read_pose(tmp_path, choose=lambda p: np.argmax(p.keypoints[:, :, 0, 0], 1))
    np.testing.assert_allclose(bystander.keypoints[:, 0, 0], SIGNER["nose"][0, 0] + 300, rtol=1e-5)


def test_signer_who_is_gone_for_a_while_is_found_again(tmp_path):
    for t in range(12):
        write(tmp_path, t, [person(0, 300)] if 4 <= t < 7 else [person(0, 300), person(t)])
    pose = openpose_json.read_pose(tmp_path)
    assert pose.missing.all(1).nonzero()[0].tolist() == [4, 5, 6]


def test_several_recordings_in_one_directory(tmp_path):
    write(tmp_path, 0, [person(1)], "a")
    write(tmp_path, 0, [person(2)], "b")
    np.testing.assert_allclose(openpose_json.read_pose(tmp_path, "b").keypoints[0, 0], SIGNER["nose"][2], rtol=1e-5)
    with pytest.raises(InputError, match="--clip NAME: a, b"):
        openpose_json.read_pose(tmp_path)
    recordings = openpose_json.read_all(tmp_path, None)
    assert list(recordings) == ["a", "b"] and len(recordings) == 2 and "c" not in recordings
    with pytest.raises(KeyError):
        recordings["c"]


def test_the_files_of_ours_say_their_body_and_unit(tmp_path, make):
    """Random joints lie as no body does; and shoulder widths come back as such."""
    pose = make(BODY25_HANDS, 3).replace(units="shoulder")
    openpose_json.write_pose(pose, tmp_path / "out")
    assert openpose_json.read_pose(tmp_path / "out").provenance.units == "shoulder"


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
        ('{"people": [{"pose_keypoints_2d": [1, 2, 0.5]}]}', "1 points"),
        ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', "2 values"),
        ('{"people": [{"pose_keypoints_2d": ["a", 2, 3]}]}', "not a list of numbers"),
        ('{"people": [{"pose_keypoints_2d": [null, 2, 3]}]}', "not a list of numbers"),
        ('{"people": [{"pose_keypoints_2d": [true, 2, 3]}]}', "not a list of numbers"),
        ('{"people": [{"pose_keypoints_2d": "12"}]}', "not a list of numbers"),
        ('{"people": [{"hand_left_keypoints_2d": [[1]]}]}', "not a list of numbers"),
        ('{"people": [{"hand_left_keypoints_2d": [1, 2, 0.5]}]}', "expected 63"),
        (json.dumps({"people": [{"hand_left_keypoints_2d": [1, 2, 55] * 21}]}), "score of 55"),
        (json.dumps({"people": [{"hand_left_keypoints_2d": [1e9, 2, 0.5] * 21}]}), "coordinate of 1e.09"),
        (json.dumps({"people": [{"hand_left_keypoints_2d": [float("inf"), 2, 0.5] * 21}]}), "coordinate of inf"),
        (json.dumps({"people": [{"hand_left_keypoints_2d": [10**4000, 2, 0.5] * 21}]}), "not a readable"),
        (json.dumps({"people": [{"hand_lefx_keypoints_2d": [1, 2, 0.5] * 21}]}), "no part"),
        (json.dumps({"people": [{"pose_keypoints_3d": [1, 2, 3, 0.5] * 25}]}), "_3d alone"),
        (json.dumps({"people": [{}] * 1000}), "1000 people"),
        ('{"people": ' + "[" * 100_000 + "]" * 100_000 + "}", "not a readable"),
        ('{"people": [], "units": "furlong"}', "furlong"),
        ('{"people": [], "x": "' + "x" * (5 << 20) + '"}', "5 MB"),
        ("", "not a readable"),
    ],
)
def test_bad_files_are_named_in_one_line(tmp_path, text, reason):
    write(tmp_path, 0, [person()])
    (tmp_path / "clip_000000000001_keypoints.json").write_text(text)
    with pytest.raises(InputError, match=reason) as caught:
        openpose_json.read_pose(tmp_path)
    assert "000000000001" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings(tmp_path, encoding):
    write(tmp_path, 0, [person()])
    path = next(tmp_path.iterdir())
    path.write_text(path.read_text(), encoding=encoding)
    assert len(openpose_json.read_pose(tmp_path)) == 1


def test_bodies_of_different_numbers_of_points_are_refused(tmp_path):
    write(tmp_path, 0, [person()])
    write(tmp_path, 1, [signer_person(SIGNER, 1, LAYOUTS["coco_18"])])
    with pytest.raises(InputError, match="18 points, the frames before have 25"):
        openpose_json.read_pose(tmp_path)


def test_nan_is_missing_and_scores_are_cut(tmp_path):
    body = person()["pose_keypoints_2d"]
    body[0], body[5] = float("nan"), 1.006
    write(tmp_path, 0, [person(pose_keypoints_2d=body)])
    pose = openpose_json.read_pose(tmp_path)
    assert pose.missing[0].nonzero()[0].tolist() == [0] and pose.confidence[0, 1] == 1


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
