"""NumPy arrays of key points as people save them of MediaPipe: layouts, units, missing points, refusals."""

import logging
from pathlib import Path

import numpy as np
import pytest

from skeletor.io.formats import read_pose, read_poses, write_pose
from skeletor.io.layouts import LAYOUTS
from skeletor.io.read_only.arrays import picture_size
from skeletor.poses.skeleton import BODY25_HANDS, MEDIAPIPE_75
from skeletor.support.errors import InputError
from tests.skeletor.io.signer import in_layout, signer

SIZE = (640, 480)
SHARED = Path(__file__).parents[5] / "shared" / "data"
_PLACES = {
    "nose": (0.5, 0.3), "left_shoulder": (0.6, 0.45), "right_shoulder": (0.4, 0.45), "left_elbow": (0.62, 0.62),
    "right_elbow": (0.38, 0.62), "left_wrist": (0.6, 0.75), "right_wrist": (0.4, 0.75), "left_hip": (0.56, 0.9),
    "right_hip": (0.44, 0.9), "neck": (0.5, 0.45), "mid_hip": (0.5, 0.9),
}  # fmt: skip


def person(joints: tuple[str, ...], frames: int = 8, seed: int = 0) -> np.ndarray:
    """(T, J, 2) somebody who faces the camera, in shares of the picture."""
    rng = np.random.default_rng(seed)
    points = np.zeros((frames, len(joints), 2), np.float32)
    for k, joint in enumerate(joints):
        side = joint.split("_")[0]
        hand = "_hand_" in joint
        place = _PLACES[f"{side}_wrist"] if hand else _PLACES.get(joint, (0.5, 0.3))
        points[:, k] = np.add(place, (0.002 * (k % 7), 0.003 * (k % 5)) if hand else (0, 0))
    return points + rng.normal(0, 0.001, points.shape).astype(np.float32)


def save(path: Path, **arrays: np.ndarray) -> Path:
    np.savez_compressed(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("count", "pose", "left", "right"),
    [(33, 0, None, None), (75, 0, 33, 54), (543, 0, 501, 522), (543, 489, 468, 522), (553, 0, 511, 532)],
)
def test_mediapipe_arrays_are_put_on_their_joints_in_pixels(
    tmp_path: Path, count: int, pose: int, left: int | None, right: int | None
) -> None:
    truth = person(MEDIAPIPE_75.joints)
    points = np.full((len(truth), count, 3), 0.5, np.float32)  # a face, and depths
    points[:, :, 1] = 0.3
    for start, (first, last) in {pose: (0, 33), left: (33, 54), right: (54, 75)}.items():
        if start is not None:
            points[:, start : start + last - first, :2] = truth[:, first:last]
    points[2, pose + 13] = 0  # the left elbow in one frame
    np.save(tmp_path / "clip.npy", points)
    found = read_pose(tmp_path / "clip.npy", size=SIZE)
    expected = truth * np.float32(SIZE)
    expected[2, 13] = np.nan
    if left is None:
        expected[:, 33:] = np.nan
        expected[:, 33] = truth[:, 15] * np.float32(SIZE) if not np.isnan(found.keypoints[0, 33, 0]) else np.nan
    np.testing.assert_allclose(found.keypoints[:, :33], expected[:, :33], rtol=1e-5)
    if left is not None:
        np.testing.assert_allclose(found.keypoints, expected, rtol=1e-5)
    assert found.provenance.units == "pixel" and found.provenance.image_size == SIZE and found.fps == 25
    assert found.confidence[2, 13] == 0 and found.confidence[3, 13] == 1


def test_many_clips_of_one_length_and_of_several(tmp_path: Path) -> None:
    clips = np.stack([person(MEDIAPIPE_75.joints, 5, k) for k in range(3)])
    poses = read_poses(save(tmp_path / "a.npz", kp=clips, label=np.array(["x", "y", "z"])), size=SIZE)
    assert list(poses) == ["kp_0000", "kp_0001", "kp_0002"] and all(len(p) == 5 for p in poses.values())
    np.testing.assert_allclose(poses["kp_0001"].keypoints, clips[1] * np.float32(SIZE), rtol=1e-5)
    flat = np.concatenate([person(BODY25_HANDS.joints, 4), person(BODY25_HANDS.joints, 7, 1)])
    path = save(tmp_path / "b.npz", kp=flat, length=np.array([4, 7]), fps=np.float32(50))
    poses = read_poses(path, size=SIZE)
    assert [len(p) for p in poses.values()] == [4, 7] and poses["kp_0001"].fps == 50
    assert poses["kp_0000"].skeleton == BODY25_HANDS and read_poses(path, fps=30, size=SIZE)["kp_0000"].fps == 30
    with pytest.raises(InputError, match=r"b2.npz: length sums to 12, but there are 11 frames"):
        read_poses(save(tmp_path / "b2.npz", kp=flat, length=np.array([4, 8])), size=SIZE)


def test_pixels_need_no_size_and_shares_do(tmp_path: Path) -> None:
    shares = person(MEDIAPIPE_75.joints)
    np.save(tmp_path / "shares.npy", shares)
    with pytest.raises(InputError, match=r"shares.npy: coordinates are shares of the picture .* --size"):
        read_pose(tmp_path / "shares.npy")
    np.save(tmp_path / "pixels.npy", shares * np.float32(SIZE))
    found = read_pose(tmp_path / "pixels.npy")
    np.testing.assert_allclose(found.keypoints, shares * np.float32(SIZE), rtol=1e-5)
    write_pose(found, tmp_path / "pixels.pose")
    with pytest.raises(InputError, match=r"--size is for arrays"):
        read_pose(tmp_path / "pixels.pose", size=SIZE)


def test_visibility_is_the_bodys_confidence_and_hands_count_as_seen(tmp_path: Path) -> None:
    points = np.zeros((6, 75, 4), np.float32)
    points[..., :2] = person(MEDIAPIPE_75.joints, 6)
    points[:, :33, 3] = 0.75
    points[1, 54:75] = 0
    np.save(tmp_path / "a.npy", points)
    confidence = read_pose(tmp_path / "a.npy", size=SIZE).confidence
    assert (confidence[:, :33] == 0.75).all() and (confidence[:, 33:54] == 1).all()
    assert (confidence[1, 54:] == 0).all() and (confidence[2, 54:] == 1).all()


def test_openpose_scores_are_confidences(tmp_path: Path) -> None:
    points = np.full((5, 67, 3), 0.4, np.float32)
    points[..., :2] = person(BODY25_HANDS.joints, 5) * np.float32(SIZE)
    np.save(tmp_path / "a.npy", points)
    np.testing.assert_allclose(read_pose(tmp_path / "a.npy").confidence, 0.4)
    points[..., 2] = 40
    np.save(tmp_path / "b.npy", points)
    with pytest.raises(InputError, match=r"b.npy: the last value .* should be a confidence"):
        read_pose(tmp_path / "b.npy")


@pytest.mark.parametrize(
    ("name", "dims"),
    [("mediapipe_75", 2), ("mediapipe_75", 3), ("mediapipe_33", 4), ("signing_50", 3), ("coco_wholebody_133", 2)],
)
def test_rows_of_numbers_are_frames(tmp_path: Path, name: str, dims: int) -> None:
    points = np.full((12, len(LAYOUTS[name]), dims), 0.5)
    points[..., :2] = in_layout(signer(), LAYOUTS[name])
    np.save(tmp_path / "whole.npy", points)
    for rows in (points, points.transpose(0, 2, 1)):  # point after point; all x, all y
        np.save(tmp_path / "rows.npy", rows.reshape(12, -1))
        for given in (None, name):
            found = read_pose(tmp_path / "rows.npy", skeleton=given)
            whole = read_pose(tmp_path / "whole.npy", skeleton=given)
            np.testing.assert_array_equal(found.keypoints, whole.keypoints)
            np.testing.assert_array_equal(found.confidence, whole.confidence)
    np.save(tmp_path / "clips.npy", np.stack([points.reshape(12, -1)] * 2))
    assert len(read_poses(tmp_path / "clips.npy")) == 2


@pytest.mark.parametrize(
    "axes", [(0, 2, 1), (2, 0, 1), (2, 0, 1, 3), (3, 2, 0, 1, 4)], ids=["TDJ", "DTJ", "DTJ1", "NDTJ1"]
)
def test_coordinates_may_be_in_front(tmp_path: Path, axes: tuple[int, ...]) -> None:
    points = np.full((12, 75, 3), 0.5)
    points[..., :2] = in_layout(signer(), LAYOUTS["mediapipe_75"])
    np.save(tmp_path / "whole.npy", points)
    for axis in range(3, len(axes)):
        points = np.expand_dims(points, axis)
    if len(axes) == 5:  # two clips
        points = np.repeat(points, 2, 3)
    np.save(tmp_path / "turned.npy", points.transpose(axes))
    found = list(read_poses(tmp_path / "turned.npy").values())
    assert len(found) == (2 if len(axes) == 5 else 1)
    for pose in found:
        np.testing.assert_array_equal(pose.keypoints, read_pose(tmp_path / "whole.npy").keypoints)


@pytest.mark.parametrize("shape", [(75, 2), (150,), (1662,)])
def test_one_frame_is_told(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "0.npy", np.ones(shape))
    with pytest.raises(InputError, match=r"0\.npy: one frame of key points; .* numpy\.stack"):
        read_pose(tmp_path / "0.npy")


@pytest.mark.parametrize("face", [0, 468, 478])
def test_rows_of_mediapipes_holistic(tmp_path: Path, face: int) -> None:
    """As the field's tutorials save them: body with visibility, face and hands without."""
    truth = in_layout(signer(), LAYOUTS["mediapipe_75"])
    body = np.concatenate([truth[:, :33], np.zeros((12, 33, 1)), np.full((12, 33, 1), 0.75)], 2)
    hands = np.concatenate([truth[:, 33:], np.zeros((12, 42, 1))], 2)
    hands[4, :21] = 0  # no left hand
    parts = body.reshape(12, -1), np.full((12, 3 * face), 7.0), hands.reshape(12, -1)
    np.save(tmp_path / "a.npy", np.concatenate(parts, 1))
    pose = read_pose(tmp_path / "a.npy")
    gone = np.zeros((12, 75), bool)
    gone[4, 33:54] = True
    np.testing.assert_array_equal(pose.missing, gone)
    np.testing.assert_allclose(pose.keypoints[~gone], truth[~gone], rtol=1e-6)
    assert (pose.confidence[:, :33] == 0.75).all() and (pose.confidence[~gone][-42:] == 1).all()


@pytest.mark.parametrize(("body", "dims"), [("mediapipe_33", 2), ("mediapipe_33", 4), ("body_25", 3)])
def test_body_and_hands_in_arrays_of_their_own_are_one_clip(tmp_path: Path, body: str, dims: int) -> None:
    joints = signer()
    values = np.full((12, len(LAYOUTS[body]), dims), 0.5)
    values[..., :2] = in_layout(joints, LAYOUTS[body])
    sides = {
        f"{side}_hand": np.stack([joints[j] for j in BODY25_HANDS.joints if j.startswith(f"{side}_hand")], 1)
        for side in ("right", "left")
    }
    third = np.full((12, 21, int(dims > 2)), 0.5)
    hands = {name: np.concatenate([hand, third], 2) for name, hand in sides.items()}
    pose = read_pose(save(tmp_path / "clip.npz", **hands, pose=values, face=np.ones((12, 468, 2))))
    assert not pose.missing[:, [k for k, j in enumerate(pose.skeleton.joints) if "hand" in j]].any()
    for k, joint in enumerate(pose.skeleton.joints):
        np.testing.assert_allclose(pose.keypoints[:, k], joints[joint], atol=1e-4)
    with pytest.raises(InputError, match="different numbers of frames"):
        read_pose(save(tmp_path / "b.npz", **hands, pose=values[:5]))


def test_parts_do_not_take_the_place_of_an_array_called_points(tmp_path: Path) -> None:
    joints, layout = signer(), LAYOUTS["mediapipe_75"]
    sides = {
        f"{side}_hand": np.stack([joints[j] for j in BODY25_HANDS.joints if j.startswith(f"{side}_hand")], 1) + 9
        for side in ("right", "left")
    }
    body = in_layout(joints, LAYOUTS["mediapipe_33"]) + 9
    found = read_poses(save(tmp_path / "clip.npz", **sides, pose=body, points=in_layout(joints, layout)))
    assert sorted(found) == ["joined", "points"]
    nose = [pose.keypoints[0, pose.skeleton.index("nose")] for pose in (found["points"], found["joined"])]
    np.testing.assert_allclose(nose[1] - nose[0], 9, atol=1e-3)


def test_scores_beside_points_are_their_confidence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    points = in_layout(signer(), LAYOUTS["coco_wholebody_133"])
    scores = np.full((12, 133), 0.9)
    scores[:, 91:112] = 0.2  # the left hand
    scores[3, 112:] = 0
    pose = read_pose(save(tmp_path / "a.npz", keypoints=points, keypoint_scores=scores))
    left, right = (
        [k for k, j in enumerate(pose.skeleton.joints) if j.startswith(f"{s}_hand")] for s in ("left", "right")
    )
    np.testing.assert_allclose(pose.confidence[:, left], 0.2)
    assert pose.missing[3, right].all() and not pose.missing[4].all() and not caplog.text
    read_pose(save(tmp_path / "b.npz", keypoints=points, mask=scores > 0))
    assert "the array 'mask', a number a point, is not used" in caplog.text
    with pytest.raises(InputError, match="scores reaches 90"):
        read_pose(save(tmp_path / "c.npz", keypoints=points, scores=scores * 100))


def test_points_in_metres_beside_those_of_the_picture_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    points = in_layout(signer(), LAYOUTS["mediapipe_75"])
    world = np.random.default_rng(0).normal(0, 0.3, (12, 33, 3))
    pose = read_pose(save(tmp_path / "a.npz", landmarks=points, pose_world=world))
    np.testing.assert_allclose(pose.keypoints, points, rtol=1e-6)
    assert "the array 'pose_world' (12, 33, 3) is not used" in caplog.text


def test_the_size_of_the_picture_may_stand_in_the_file(tmp_path: Path) -> None:
    points = in_layout(signer(), LAYOUTS["mediapipe_75"])
    shares = points / [220, 260]
    pose = read_pose(save(tmp_path / "a.npz", kp=shares, frame_width=np.array(220), frame_height=np.array([260.0])))
    np.testing.assert_allclose(pose.keypoints, points, atol=1e-3)
    assert pose.provenance.image_size == (220, 260) and pose.provenance.units == "pixel"
    with pytest.raises(InputError, match="--size"):
        read_pose(save(tmp_path / "b.npz", kp=shares, width=np.array(220), height=np.array(0)))
    with pytest.raises(InputError, match="--size"):  # of the signer, say
        read_pose(save(tmp_path / "c.npz", kp=shares, box_width=np.array(90), box_height=np.array(120)))


def test_the_content_tells_whether_it_is_an_archive(tmp_path: Path) -> None:
    points = in_layout(signer(), LAYOUTS["mediapipe_75"])
    save(tmp_path / "a.npz", x=points).rename(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", points)
    (tmp_path / "b.npy").rename(tmp_path / "b.npz")
    np.testing.assert_array_equal(read_pose(tmp_path / "a.npy").keypoints, read_pose(tmp_path / "b.npz").keypoints)


def test_what_is_no_key_points_is_told_in_one_line(tmp_path: Path) -> None:
    faults = {
        "no array of key points": np.zeros((4, 151), np.float32),
        "rows of 150 numbers, which do not lie as": np.zeros((4, 150), np.float32),
        "74 points are no layout": np.ones((4, 74, 2), np.float32),
        "too little of a person is seen": np.pad(np.full((4, 1, 2), 5, np.float32), ((0, 0), (0, 74), (0, 0))),
        "holds objects": np.array([{}], dtype=object),
    }
    for said, array in faults.items():
        np.save(tmp_path / "a.npy", array, allow_pickle=True)
        with pytest.raises(InputError, match=said) as error:
            read_pose(tmp_path / "a.npy", size=SIZE)
        assert "\n" not in str(error.value) and "a.npy" in str(error.value)
    (tmp_path / "b.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match="not a readable NumPy file of key points"):
        read_pose(tmp_path / "b.npy")


def test_arrays_of_objects_are_left_out_and_told_unless_they_are_needed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    points, objects = in_layout(signer(), LAYOUTS["mediapipe_75"]), np.array([{"a": 1}, None], dtype=object)
    alone = read_pose(save(tmp_path / "a.npz", keypoints=points))
    with caplog.at_level(logging.WARNING, "skeletor"):
        pose = read_pose(save(tmp_path / "a.npz", keypoints=points, meta=objects, gloss=objects))
    np.testing.assert_array_equal(pose.keypoints, alone.keypoints)
    (told,) = caplog.messages
    assert told == f"{tmp_path / 'a.npz'}: 'meta' and 1 more left out: objects (a pickle), which are not read"
    needed: list[dict[str, np.ndarray]] = [
        {"keypoints": objects, "labels": np.arange(2)},
        {"keypoints": points, "length": objects},
        {"keypoints": points, "frame_ids": objects},
        {"keypoints": points, "fps": objects},
        {"keypoints": points, "scores": objects},
        {"pose": points[:, :33], "left_hand": objects, "right_hand": objects},
    ]
    for arrays in needed:
        with pytest.raises(InputError, match="holds objects"):
            read_pose(save(tmp_path / "b.npz", **arrays))


@pytest.mark.parametrize("text", ["640", "640x", "0x480", "x", "640x480x3", "-640x480", "6 40x480", "640x999999"])
def test_a_wrong_size_is_told(text: str) -> None:
    assert picture_size("640x480") == picture_size("640X480") == picture_size("640×480") == SIZE
    with pytest.raises(InputError, match="--size"):
        picture_size(text)


@pytest.mark.skipif(not (SHARED / "isolated_signs").is_dir(), reason="../shared has no isolated_signs here")
def test_real_recordings_are_read() -> None:
    poses = read_poses(SHARED / "isolated_signs" / "traduttore_14.npz", size=SIZE)
    one = next(iter(poses.values()))
    assert len(poses) == 1530 and one.skeleton == MEDIAPIPE_75 and len(one) == 20
    assert (~one.missing[:, 11:17]).mean() > 0.5


def test_scores_with_an_axis_of_one_are_confidences_and_logits_are_refused(tmp_path: Path) -> None:
    """(T, J, 1) beside (T, J, 2) was left out without a word, and a negative score counted as seen."""
    points = person(MEDIAPIPE_75.joints, 5) * np.float32(SIZE)
    for shape in ((5, 75, 1), (5, 1, 75)):
        path = save(tmp_path / "a.npz", keypoints=points, scores=np.full(shape, 0.5, np.float32))
        assert (read_pose(path).confidence == 0.5).all()
    scores = np.full((5, 75), 0.5)
    scores[1], scores[2] = 0, -0.5  # MediaPipe's hands have no visibility, 0; a negative score is of what was not found
    missing = read_pose(save(tmp_path / "a.npz", keypoints=points, scores=scores)).missing
    assert missing.all(1).tolist() == [False, False, True, False, False] and missing.sum() == 75
    with pytest.raises(InputError, match=r"a.npz: visibility reaches -3; expected confidences from 0 to 1"):
        read_pose(save(tmp_path / "a.npz", keypoints=points, visibility=np.full((5, 75), -3.0)))
    with pytest.raises(InputError, match=r"a.npz: all of scores are NaN; leave them out"):
        read_pose(save(tmp_path / "a.npz", keypoints=points, scores=np.full((5, 75), np.nan)))


@pytest.mark.parametrize(("said", "rate"), [("50", 50), ([30.0, 30.0], 30), ("fast", None), ([30.0, 25.0], None)])
def test_a_rate_that_is_said_is_read_or_refused(tmp_path: Path, said: object, rate: float | None) -> None:
    """It was 25 then, without a word."""
    path = save(tmp_path / "a.npz", keypoints=person(MEDIAPIPE_75.joints) * np.float32(SIZE), fps=np.array(said))
    if rate is None:
        with pytest.raises(InputError, match=r"a.npz: its frame rate is not one number; give it with --fps"):
            read_pose(path)
    assert read_pose(path, fps=rate or 20.0).fps == (rate or 20.0)


def test_frames_that_are_left_out_are_refused_and_times_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    points = person(MEDIAPIPE_75.joints, 5) * np.float32(SIZE)
    assert len(read_pose(save(tmp_path / "a.npz", keypoints=points, frame_ids=np.arange(7, 12)))) == 5
    for dtype in (int, float):
        with pytest.raises(InputError, match=r"a.npz: frame_ids are not one after the other: put NaN where"):
            read_pose(save(tmp_path / "a.npz", keypoints=points, frame_ids=np.array([0, 1, 3, 4, 5], dtype)))
    with caplog.at_level(logging.WARNING, "skeletor"):
        assert len(read_pose(save(tmp_path / "c.npz", keypoints=points, frame_ids=np.arange(0, 15, 3)))) == 5
    assert caplog.messages == ["frame_ids are 3 apart; they are taken as all frames"]
    caplog.clear()
    path = save(tmp_path / "b.npz", keypoints=points, timestamps=np.arange(5) / 50)
    with caplog.at_level(logging.WARNING, "skeletor"):
        assert read_pose(path, fps=50).fps == 50 and not caplog.messages
        assert read_pose(path).fps == 25
    assert any("the times 'timestamps' are not read" in m for m in caplog.messages)


@pytest.mark.parametrize("filling", [0, -1, np.nan])
def test_nobody_is_nobody_and_no_fault(tmp_path: Path, filling: float) -> None:
    np.save(tmp_path / "a.npy", np.full((6, 75, 3), filling))
    found = read_pose(tmp_path / "a.npy")
    assert found.missing.all() and found.keypoints.shape == (6, 75, 2)


def test_graph_networks_second_person_is_empty_or_told(tmp_path: Path) -> None:
    """(3, T, J, 2) was three clips, of which each had x and y, ... of the one and the other as its x and y."""
    one = np.full((8, 133, 3), 0.9, np.float32)
    one[..., :2] = np.nan
    layout = LAYOUTS["coco_wholebody_133"]
    truth = in_layout(signer(8), layout)
    one[..., :2] = truth
    both = np.stack([one.transpose(2, 0, 1), np.zeros((3, 8, 133))], -1)
    np.save(tmp_path / "a.npy", both)
    found = read_pose(tmp_path / "a.npy")
    np.testing.assert_allclose(
        found.keypoints[:, found.skeleton.index("left_wrist")], truth[:, layout.columns["left_wrist"]], rtol=1e-5
    )
    both[..., 1] = both[..., 0]
    np.save(tmp_path / "a.npy", both)
    with pytest.raises(InputError, match=r"\(3, 8, 133, 2\) is two people; save one"):
        read_pose(tmp_path / "a.npy")


def test_a_score_of_0_beside_x_and_y_is_a_missing_point(tmp_path: Path) -> None:
    """RTMPose gives a place to what it does not see: as an array of scores tells it, so does a third column."""
    layout = LAYOUTS["coco_wholebody_133"]
    points = in_layout(signer(), layout)
    scores = np.full((*points.shape[:2], 1), 0.8)
    left = [k for k, joint in enumerate(layout.order) if joint and "left_hand" in joint]
    scores[:, left] = 0
    np.save(tmp_path / "a.npy", np.concatenate([points, scores], 2))
    pose = read_pose(tmp_path / "a.npy", fps=25)
    gone = [k for k, joint in enumerate(pose.skeleton.joints) if "left_hand" in joint]
    kept = [k for k, joint in enumerate(pose.skeleton.joints) if "right_hand" in joint]
    assert pose.missing[:, gone].all() and not pose.missing[:, kept].any()
    flat = np.concatenate([points, np.zeros_like(scores)], 2)
    with pytest.raises(InputError, match=r"every point is 0 \(or no number\): confidences, or depth\? Save x, y"):
        read_pose(save(tmp_path / "b.npz", points=flat), fps=25)


def test_where_a_tool_puts_what_it_does_not_see_is_not_doubted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """RTMPose puts points of score 0 into a corner of the person's box: no hand that lies away from its wrist."""
    layout = LAYOUTS["coco_wholebody_133"]
    points = in_layout(signer(), layout)
    scores = np.full((*points.shape[:2], 1), 0.8)
    left = [k for k, joint in enumerate(layout.order) if joint and "left_hand" in joint]
    points[:, left] = [3, 4] + np.random.default_rng(0).normal(0, 0.5, (len(points), len(left), 2))
    seen = np.concatenate([points, scores], 2)
    scores[:, left] = 0
    for unseen in ({"points": np.concatenate([points, scores], 2)}, {"points": points, "scores": scores[..., 0]}):
        read_pose(save(tmp_path / "a.npz", **unseen), fps=25)
    assert "wrist" not in caplog.text
    read_pose(save(tmp_path / "a.npz", points=seen), fps=25)
    assert "left hand lies away from its wrist" in caplog.text
