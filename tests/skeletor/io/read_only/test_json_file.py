"""Poses of a whole recording in one JSON file, as OpenPose's users, MMPose and AlphaPose write them."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skeletor.io.formats import read_pose, read_poses
from skeletor.io.layouts import LAYOUTS
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from tests.skeletor.io.signer import flat, in_layout, person, signer

JOINTS = signer()
COUNT = len(JOINTS["nose"])
FRAMES = [{"version": 1.3, "people": [person(JOINTS, t)]} for t in range(COUNT)]


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def assert_is_the_signer(pose: PoseSequence, first: int = 0) -> None:
    pose = pose.to_skeleton(SIGNING_50)
    assert len(pose) == first + COUNT and pose.missing[:first].all() and pose.provenance.units == "pixel"
    for k, joint in enumerate(SIGNING_50.joints):
        np.testing.assert_allclose(pose.keypoints[first:, k], JOINTS[joint], atol=1.5, err_msg=joint)


@pytest.mark.parametrize(
    "content",
    [
        FRAMES,
        {"frames": FRAMES},
        {f"{t:012d}": frame for t, frame in enumerate(FRAMES)},
        {"info": 1, "frames": {f"clip_{t + 1}": frame for t, frame in enumerate(FRAMES)}},
    ],
)
def test_frames_of_openpose(tmp_path: Path, content: object) -> None:
    poses = read_poses(write(tmp_path / "my clip.json", content), 30.0)
    assert list(poses) == ["my clip"] and poses["my clip"].fps == 30
    assert_is_the_signer(poses["my clip"])


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("key", ["instance_info", None])
def test_mmpose(tmp_path: Path, first: int, key: str | None) -> None:
    points = in_layout(JOINTS, LAYOUTS["coco_wholebody_133"])
    bystander = {"keypoints": (points[0] + [150, 0]).tolist(), "keypoint_scores": [1.2] * 133}
    frames: list[dict[str, Any]] = [
        {
            "frame_id": t + first,
            "instances": [bystander, {"keypoints": points[t].tolist(), "keypoint_scores": [0.4] * 133}],
        }
        for t in range(COUNT)
    ]
    content = frames if key is None else {"meta_info": {}, key: frames}
    persons = [frame["instances"] for frame in frames]
    for written in (content, persons, [both[1] for both in persons]):
        pose = read_pose(write(tmp_path / "a.json", written))
        assert_is_the_signer(pose)
        assert pose.provenance.estimator == "mmpose" and pose.confidence.max() == pytest.approx(0.4)


def test_a_third_number_without_scores_is_the_score(tmp_path: Path) -> None:
    """As MMPose had it before 1.0; a hand of score 0 was a seen one. Beside scores it is depth."""
    layout = LAYOUTS["coco_wholebody_133"]
    scores = np.full((COUNT, 133, 1), 0.6)
    scores[:, [k for k, joint in enumerate(layout.order) if joint and "left_hand" in joint]] = 0
    points = np.concatenate([in_layout(JOINTS, layout), scores], 2)
    for written in ([[{"keypoints": p.tolist()}] for p in points], [{"keypoints": p.tolist()} for p in points]):
        pose = read_pose(write(tmp_path / "a.json", written)).to_skeleton(SIGNING_50)
        left = [k for k, joint in enumerate(SIGNING_50.joints) if "left_hand" in joint]
        assert pose.missing[:, left].all() and pose.missing.sum() == 21 * COUNT
        assert pose.confidence.max() == pytest.approx(0.6)
    deep = [{"keypoints": p.tolist(), "keypoint_scores": [0.5] * 133} for p in points * [1, 1, 0] - [0, 0, 0.2]]
    assert_is_the_signer(read_pose(write(tmp_path / "a.json", deep)))
    for person_ in deep:
        del person_["keypoint_scores"]
    with pytest.raises(InputError, match="the last below 0, without scores; keep x and y"):
        read_pose(write(tmp_path / "a.json", deep))


def test_depths_of_0_do_not_pass_for_scores_of_nobody(tmp_path: Path) -> None:
    points = in_layout(JOINTS, LAYOUTS["coco_wholebody_133"])
    flat_ = [{"keypoints": np.column_stack([p, np.zeros(133)]).tolist()} for p in points]
    (tmp_path / "frames").mkdir()
    for t, one in enumerate(flat_):
        write(tmp_path / "frames" / f"{t:06d}.json", [one])
    for path in (write(tmp_path / "a.json", flat_), tmp_path / "frames"):
        with pytest.raises(InputError, match="the score of every point is 0: scores, or depth"):
            read_pose(path)
    nobody: list[Any] = [[], *([one] for one in flat_)]
    nobody[2] = [{"keypoints": np.column_stack([points[1], np.ones(133)]).tolist()}]  # so they are scores
    assert read_pose(write(tmp_path / "a.json", nobody)).missing.all(1).sum() == COUNT


@pytest.mark.parametrize("told", [[[{"keypoints": [[1, 2, 0.5]]}]], [{"bbox": [0, 0, 1, 1]}], "a dog"])
def test_predictions_of_other_tools_are_not_called_damaged(tmp_path: Path, told: object) -> None:
    with pytest.raises(InputError, match="no JSON file of a recording's poses that is known"):
        read_pose(write(tmp_path / "a.json", [{"predictions": told}] * 3))


def test_openpifpaf_and_frames_of_sapiens(tmp_path: Path) -> None:
    """Put into one list, as the refusal of its lines says; and a file a frame."""
    points = in_layout(JOINTS, LAYOUTS["coco_wholebody_133"])
    frames = [
        {"frame": t + 1, "predictions": [{"keypoints": flat(p), "score": 0.9, "category_id": 1}]}
        for t, p in enumerate(points)
    ]
    pose = read_pose(write(tmp_path / "a.json", [*frames, {"frame": COUNT + 1, "predictions": []}]))
    assert pose.missing[-1].all() and pose.provenance.estimator == "openpifpaf"
    assert_is_the_signer(pose.frames(0, COUNT))
    for folder, content in (
        ("pifpaf", [frame["predictions"] for frame in frames]),
        ("sapiens", [{"instance_info": [{"keypoints": p.tolist(), "keypoint_scores": [1.0] * 133}]} for p in points]),
    ):
        (tmp_path / folder).mkdir()
        for t, frame in enumerate(content):
            write(tmp_path / folder / f"{t:06d}.json", frame)
        assert_is_the_signer(read_pose(tmp_path / folder))


@pytest.mark.parametrize(
    ("key", "wrapped"),
    [
        ("hand_landmarks", lambda hand: [hand]),
        ("multiHandLandmarks", lambda hand: [hand, hand]),
        ("hands", lambda hand: {"left": hand}),
    ],
)
def test_hands_whose_side_is_not_told_are_not_lost_in_silence(tmp_path: Path, key: str, wrapped: Any) -> None:
    """Of MediaPipe's pose and hand landmarkers, body alone was read; 21 points of the world or the face are no loss."""
    frames = mediapipe_frames()
    frames = [{"poseLandmarks": f["poseLandmarks"], key: wrapped(f["leftHandLandmarks"])} for f in frames]
    nobody = [{"poseLandmarks": frames[0]["poseLandmarks"], key: []}]
    path = write(tmp_path / "a.json", nobody + frames)
    with pytest.raises(InputError, match=rf"frame 1: has hands under '{key}'.*; call them left_hand_landmarks and"):
        read_pose(path, size=(220, 260))
    world = [{"poseLandmarks": f["poseLandmarks"], "handWorldLandmarks": f[key]} for f in frames]
    assert len(read_pose(write(tmp_path / "a.json", world), size=(220, 260))) == COUNT


def test_hands_are_of_no_side_where_no_frame_has_others(tmp_path: Path) -> None:
    """Empty keys of both sides do not tell; frames without hands do not matter where others have them."""
    whole = mediapipe_frames()
    null = [
        {"poseLandmarks": f["poseLandmarks"], "leftHandLandmarks": None, "hands": f["leftHandLandmarks"]} for f in whole
    ]
    with pytest.raises(InputError, match="frame 0: has hands under 'hands'"):
        read_pose(write(tmp_path / "a.json", null), size=(220, 260))
    more = [f | {"hand3d": f["leftHandLandmarks"]} for f in whole]
    more[1] = {"poseLandmarks": more[1]["poseLandmarks"], "hand3d": more[1]["hand3d"]}
    assert len(read_pose(write(tmp_path / "a.json", more), size=(220, 260))) == COUNT


@pytest.mark.parametrize("layout", ["halpe_136", "coco_wholebody_133"])
def test_alphapose(tmp_path: Path, layout: str) -> None:
    """A person an entry; frames in which nobody was found are not there."""
    points = in_layout(JOINTS, LAYOUTS[layout])
    entries = [
        {"image_id": f"{t + 4}.jpg", "category_id": 1, "keypoints": flat(points[t]), "score": 2.9} for t in range(COUNT)
    ]
    nobody = {"image_id": "0.jpg", "category_id": 1, "keypoints": [0.0] * 3 * len(LAYOUTS[layout]), "score": 0.1}
    assert_is_the_signer(read_pose(write(tmp_path / "a.json", [nobody, *entries])), 4)


def test_alphapose_of_a_video_is_counted_from_0_and_what_is_before_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    points = in_layout(JOINTS, LAYOUTS["halpe_136"])
    entries = [{"image_id": f"{t + 3}.jpg", "keypoints": flat(points[t]), "score": 2.9} for t in range(COUNT)]
    with caplog.at_level(logging.WARNING, "skeletor"):
        assert_is_the_signer(read_pose(write(tmp_path / "a.json", entries)), 3)
    assert any("the first person is in frame 3" in line for line in caplog.messages)


def test_coco_wholebody_in_five_lists(tmp_path: Path) -> None:
    """COCO-WholeBody's results name hands and feet apart; read as 17 points they were lost."""
    points = in_layout(JOINTS, LAYOUTS["coco_wholebody_133"])
    parts = {"keypoints": slice(0, 17), "foot_kpts": slice(17, 23), "lefthand_kpts": slice(91, 112),
             "righthand_kpts": slice(112, 133)}  # fmt: skip
    entries = [{"image_id": t} | {name: flat(points[t, part]) for name, part in parts.items()} for t in range(COUNT)]
    assert_is_the_signer(read_pose(write(tmp_path / "a.json", entries)))
    entries[1]["foot_kpts"] = [1.0] * 17
    with pytest.raises(InputError, match="foot_kpts has 17 values, expected 18"):
        read_pose(write(tmp_path / "a.json", entries))


@pytest.mark.parametrize("name", ["frame", "frame_id", "frameIndex", "frame_no"])
def test_frames_of_openpose_that_say_their_number(tmp_path: Path, name: str) -> None:
    """Read by their place in the list, all behind a lost one came too early."""
    entries: list[dict[str, Any]] = [{name: t + 2} | frame for t, frame in enumerate(FRAMES)]
    nobody: dict[str, Any] = {name: 0, "people": []}
    assert_is_the_signer(read_pose(write(tmp_path / "a.json", {"frames": [nobody, *entries]})), 2)


def test_numbers_in_steps_are_all_frames_and_times_are_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """{"0": ..., "40": ...} by milliseconds was a clip of 40 times the frames, most of them missing."""
    with caplog.at_level(logging.WARNING, "skeletor"):
        stepped = {str(40 * t): frame for t, frame in enumerate(FRAMES)}
        assert_is_the_signer(read_pose(write(tmp_path / "a.json", stepped)))
    assert any("numbers are 40 apart" in line for line in caplog.messages)
    floats = [{"frame": float(t)} | frame for t, frame in enumerate(FRAMES)]
    assert_is_the_signer(read_pose(write(tmp_path / "a.json", floats)))
    with pytest.raises(InputError, match=r"a frame is called '0.00', a time; call them 0, 1, 2"):
        read_pose(write(tmp_path / "a.json", {f"{t / 25:.2f}": frame for t, frame in enumerate(FRAMES)}))


def test_what_the_file_says_of_rate_and_size_is_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    said = {"fps": 50, "frames": FRAMES}
    assert read_pose(write(tmp_path / "a.json", said)).fps == 50
    assert read_pose(tmp_path / "a.json", fps=30).fps == 30
    with pytest.raises(InputError, match=r"says 'fast' frames a second; give the right rate with --fps"):
        read_pose(write(tmp_path / "b.json", {"fps": "fast", "frames": FRAMES}))
    pose = read_pose(write(tmp_path / "c.json", {"width": 220, "height": 260, "frames": mediapipe_frames()}))
    assert_is_the_signer(pose)
    with caplog.at_level(logging.WARNING, "skeletor"):
        timed = [{"timestamp": 40 * t} | frame for t, frame in enumerate(FRAMES)]
        read_pose(write(tmp_path / "d.json", timed), fps=25)
        assert not caplog.messages
        read_pose(write(tmp_path / "d.json", timed))
    assert any("its times are not read" in line for line in caplog.messages)


def mediapipe_frames(
    names: tuple[str, ...] = ("poseLandmarks", "leftHandLandmarks", "rightHandLandmarks"),
) -> list[Any]:
    points = in_layout(JOINTS, LAYOUTS["mediapipe_75"]) / [220, 260]
    parts = (slice(0, 33), slice(33, 54), slice(54, 75))
    return [
        {name: [{"x": x, "y": y} for x, y in frame[part]] for name, part in zip(names, parts, strict=True)}
        for frame in points
    ]


def test_mediapipe_of_its_tasks_by_short_names_and_with_holes(tmp_path: Path) -> None:
    size = (220, 260)
    short: Any = mediapipe_frames(("pose", "left_hand", "right_hand"))
    assert_is_the_signer(read_pose(write(tmp_path / "a.json", short), size=size))
    tasks = [{part: [points] for part, points in frame.items()} for frame in short]
    assert_is_the_signer(read_pose(write(tmp_path / "b.json", tasks), size=size))
    short[2], short[3] = None, {}
    short[4]["pose"][13] = {"x": None, "y": None}
    pose = read_pose(write(tmp_path / "c.json", short), size=size)
    assert pose.missing[2:4].all() and pose.missing[4].sum() == 1 and len(pose) == COUNT
    numbered = [frame and {"frame": 2 * t} | frame for t, frame in enumerate(short)]
    for nothing in ({}, {"timestamp": 0.1}):
        numbered[2] = nothing
        with pytest.raises(InputError, match="frames without content among those that say their frame"):
            read_pose(write(tmp_path / "e.json", numbered), size=size)
    tasks[0]["pose"] *= 2
    with pytest.raises(InputError, match="frame 0: pose has 2 people; keep one"):
        read_pose(write(tmp_path / "d.json", tasks), size=size)


@pytest.mark.parametrize("nobody", [None, {}, {"timestamp": 0.1}])
def test_frames_of_nobody_among_those_of_other_tools(tmp_path: Path, nobody: object) -> None:
    points = in_layout(JOINTS, LAYOUTS["coco_wholebody_133"])
    persons = [{"keypoints": frame.tolist(), "keypoint_scores": [0.5] * 133} for frame in points]
    mmpose: list[Any] = [{"frame_id": t, "instances": [one]} for t, one in enumerate(persons)]
    for k, frames in enumerate(([*FRAMES], mmpose)):
        frames[0] = frames[2] = nobody
        pose = read_pose(write(tmp_path / f"{k}.json", frames))
        assert pose.missing.all(1).tolist()[:4] == [True, False, True, False] and len(pose) == len(frames)
    with pytest.raises(InputError, match="null where a person of AlphaPose should be"):
        read_pose(write(tmp_path / "a.json", [{"image_id": "0.jpg", "keypoints": [1.0] * 51}, nobody]))


def test_frames_that_say_their_number_alone_have_nobody_in_them(tmp_path: Path) -> None:
    alone = [{"frame": t, "timestamp": t / 25} for t in range(COUNT)]
    empty = read_pose(write(tmp_path / "alone.json", {"frames": alone, "fps": 25}))
    assert len(empty) == COUNT and empty.fps == 25 and empty.missing.all() and not empty.confidence.any()
    with pytest.raises(InputError, match="is no JSON file of a recording's poses that is known"):
        read_pose(write(tmp_path / "nothing.json", [{}, {}]))
    seen = mediapipe_frames()
    mixed = [one if t in (1, 4) else one | seen[t] for t, one in enumerate(alone)]
    pose = read_pose(write(tmp_path / "mixed.json", mixed), size=(220, 260))
    assert np.flatnonzero(pose.missing.all(1)).tolist() == [1, 4] and len(pose) == COUNT
    of_openpose = [one if t in (1, 4) else one | FRAMES[t] for t, one in enumerate(alone)]
    pose = read_pose(write(tmp_path / "openpose.json", of_openpose))
    assert np.flatnonzero(pose.missing.all(1)).tolist() == [1, 4] and len(pose) == COUNT


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a_0", "a_1", None], "number all, or leave them out"), ([None, None, None], "number all, or leave them out"),
        ([-2, -1, 0], "a frame has the number -2; count them from 0"),
    ],
)  # fmt: skip
def test_numbers_of_frames_that_cannot_be(tmp_path: Path, names: list[object], reason: str) -> None:
    empty: list[Any] = [] if -1 in names else [None]
    frames = [{"frame": name} | frame for name, frame in zip(names, mediapipe_frames(), strict=False)]
    with pytest.raises(InputError, match=reason):
        read_pose(write(tmp_path / "a.json", [*frames, *empty]), size=(220, 260))


def test_scores_that_are_no_numbers_are_not_nobody(tmp_path: Path) -> None:
    person = {"keypoints": [[1.0, 2.0]] * 133, "keypoint_scores": [float("nan")] * 133}
    with pytest.raises(InputError, match="all scores of a person are NaN; leave them out"):
        read_pose(write(tmp_path / "a.json", [{"frame_id": 0, "instances": [person]}]))


def test_json_lines_are_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("\n".join(map(json.dumps, FRAMES)))
    with pytest.raises(InputError, match="several JSON values, one after the other; put them into one list"):
        read_pose(tmp_path / "a.json")


@pytest.mark.parametrize("form", ["mmpose", "alphapose"])
def test_a_file_a_frame(tmp_path: Path, form: str) -> None:
    points = in_layout(JOINTS, LAYOUTS["coco_wholebody_133"])
    for t in range(COUNT):
        person = {"keypoints": points[t].tolist(), "keypoint_scores": [0.9] * 133}
        if form == "alphapose":
            person = {"image_id": f"{t}.jpg", "keypoints": flat(points[t]), "score": 2.0}
        write(tmp_path / f"{t:06d}.json", [] if t == 0 else [person])
    pose = read_pose(tmp_path)
    assert pose.missing[0].all() and pose.provenance.estimator == form
    np.testing.assert_allclose(pose.to_skeleton(SIGNING_50).keypoints[1:, 4], JOINTS["right_wrist"][1:], atol=1e-3)


@pytest.mark.parametrize("form", ["javascript", "python", "lists"])
def test_mediapipe(tmp_path: Path, form: str) -> None:
    points = in_layout(JOINTS, LAYOUTS["mediapipe_75"]) / [220, 260]
    parts = {"pose": slice(0, 33), "leftHand": slice(33, 54), "rightHand": slice(54, 75)}

    def landmark(x: float, y: float, part: str) -> object:
        seen = {"visibility": 0.5} if part == "pose" else {}
        return [x, y, 0.1, *seen.values()] if form == "lists" else {"x": x, "y": y, "z": 0.1} | seen

    frames: list[dict[str, object]] = []
    for frame in points:
        found = {part: [landmark(x, y, part) for x, y in frame[place]] for part, place in parts.items()}
        if form == "python":
            frames.append({f"{part}_landmarks".replace("Hand", "_hand"): {"landmark": v} for part, v in found.items()})
        else:
            frames.append({f"{part}Landmarks": value for part, value in found.items()})
    frames[3][next(key for key in frames[3] if "left" in key)] = None
    path = write(tmp_path / "a.json", frames)
    pose = read_pose(path, size=(220, 260))
    hand = slice(33, 54)
    assert pose.missing[3, hand].all() and pose.missing.sum() == 21 and pose.provenance.estimator == "mediapipe"
    assert (pose.confidence[:, :33] == 0.5).all() and (pose.confidence[4, 33:] == 1).all()
    truth = in_layout(JOINTS, LAYOUTS["mediapipe_75"])
    np.testing.assert_allclose(pose.keypoints[~pose.missing], truth[~pose.missing], atol=1e-3)
    with pytest.raises(InputError, match=r"a\.json: .*give its size, --size"):
        read_pose(path)
    with pytest.raises(InputError, match="--size is for shares"):
        read_pose(write(tmp_path / "b.json", FRAMES), size=(220, 260))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (FRAMES[0], "one frame of OpenPose; give the directory"),
        ([], "is no JSON file"),
        ({"a": 1}, "is no JSON file"),
        ([{"text": "hallo"}], "is no JSON file"),
        ([{"camera": "a1", "frames": {}}], "slt data import dgs-korpus"),
        ([{"frame_id": 1, "instances": []}, {"frame_id": 1, "instances": []}], "frame 0 twice"),
        ([{"frame_id": 1, "instances": [{"keypoints": [[1, 2]], "keypoint_scores": []}]}], r"scores \(0,\)"),
        ([{"poseLandmarks": [{"x": 0.1, "y": 0.1}] * 32}], "poseLandmarks has 32 points, not 33"),
        ([{"poseLandmarks": [{"x": 0.1}] * 33}], "without x and y"),
        ([{"image_id": "a.jpg", "keypoints": [1, 2, 3]}], "no number"),
        ([{"image_id": "a.jpg", "keypoints": "x"}, {"image_id": 99999, "keypoints": []}], "no number"),
        ([{"image_id": 0, "keypoints": []}, {"image_id": 99999, "keypoints": []}], "that is no video"),
        ([{"image_id": 0, "keypoints": [1, 2]}], "frame 0: pose_keypoints_2d has 2 values"),
    ],
)
def test_what_is_no_such_file_is_one_line(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_pose(write(tmp_path / "a.json", content))
    assert "a.json" in str(caught.value) and "\n" not in str(caught.value)
