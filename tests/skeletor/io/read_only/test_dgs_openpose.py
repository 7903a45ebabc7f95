"""OpenPose of a whole transcript: each camera's signer in its own time, what is missing missing, bad files one line."""

import json

import numpy as np
import pytest

from skeletor.io.read_only import dgs_openpose
from skeletor.io.read_only.dgs_openpose import read_cameras
from skeletor.poses.skeleton import BODY25_HANDS
from skeletor.support.errors import InputError
from tests.skeletor.io.signer import person, signer
from tests.skeletor.io.transcripts import camera, frames, write

NAME = "1413485_openpose.json.gz"
WRIST = BODY25_HANDS.index("right_wrist")


def three() -> list[dict[str, object]]:
    """a1 lacks frames 0, 3 and all from 8 on, b1 frame 5; c sees both."""
    a = frames([1, 2, 4, 5, 6, 7])
    b = frames([t for t in range(10) if t != 5], seed=1, shift=300)
    both = {t: {"people": frames([int(t)])[t]["people"] + b[t]["people"]} for t in b}
    return [camera("a1", a), camera("b1", b), camera("c", both)]


@pytest.mark.parametrize("name", [NAME, "1413485.openpose.json"])
@pytest.mark.parametrize("indent", [2, None])
def test_each_camera_has_its_signer_and_all_one_time(tmp_path, name, indent):
    found = read_cameras(write(tmp_path / name, three(), indent))
    assert list(found) == ["a1", "b1", "c"] and {len(pose) for pose in found.values()} == {10}
    a, b = found["a1"], found["b1"]
    assert a.fps == 50 and a.keypoints.shape == (10, 67, 2)
    assert np.flatnonzero(a.missing.all(1)).tolist() == [0, 3, 8, 9], "never zeros, never moved up"
    assert np.flatnonzero(b.missing.all(1)).tolist() == [5]
    assert np.isnan(a.keypoints[a.missing]).all() and (a.confidence[a.missing] == 0).all()
    for t in (1, 4, 7):
        np.testing.assert_allclose(a.keypoints[t, WRIST], signer(8)["right_wrist"][t], rtol=1e-5)
    assert b.keypoints[4, WRIST, 0] > a.keypoints[4, WRIST, 0] + 200
    assert a.provenance.image_size == (1280, 720) and a.provenance.units == "pixel"
    assert a.provenance.stage("camera").config == {"camera": "a1"} and a.provenance.source == name


def test_only_the_cameras_that_are_wanted_and_there(tmp_path):
    path = write(tmp_path / NAME, three()[1:])
    found = read_cameras(path, {"a1", "b1"})
    assert list(found) == ["b1"] and len(found["b1"]) == 10
    assert read_cameras(path, ()) == {}


def test_a_wanted_camera_that_sees_nobody_is_missing_throughout(tmp_path):
    found = read_cameras(write(tmp_path / NAME, [camera("a1", {}), camera("b1", frames(range(4)))]))
    assert len(found["a1"]) == 4 and found["a1"].missing.all() and not found["b1"].missing.all(1).any()


def test_the_name_of_a_camera_may_stand_behind_its_frames(tmp_path):
    entry = dict(reversed(camera("a1", frames(range(3))).items()))
    assert next(iter(entry)) == "frames"
    path = write(tmp_path / NAME, [entry])
    assert len(read_cameras(path, {"a1"})["a1"]) == 3 and read_cameras(path, {"b1"}) == {}


@pytest.mark.parametrize("piece", [1, 7, 64])
def test_where_the_pieces_end_changes_nothing(tmp_path, monkeypatch, piece):
    path = write(tmp_path / NAME, [camera("a1", frames([0, 2]))])
    whole = read_cameras(path)["a1"]
    monkeypatch.setattr(dgs_openpose, "_PIECE", piece)
    parts = read_cameras(path)["a1"]
    np.testing.assert_array_equal(parts.keypoints, whole.keypoints)
    np.testing.assert_array_equal(parts.confidence, whole.confidence)


def test_only_a_piece_of_the_text_is_in_memory(tmp_path, monkeypatch):
    path = write(tmp_path / NAME, three())
    monkeypatch.setattr(dgs_openpose, "_PIECE", 4096)
    held = []
    more = dgs_openpose._Text._more
    monkeypatch.setattr(dgs_openpose._Text, "_more", lambda text: (more(text), held.append(len(text._buffer)))[0])
    read_cameras(path)
    longest = max(len(json.dumps(frame, indent=2)) for entry in three() for frame in entry["frames"].values())
    assert max(held) < 3 * longest + 2 * 4096 < sum(len(json.dumps(entry)) for entry in three())


def other(**changes: object) -> list[dict[str, object]]:
    entry = camera("a1", frames(range(2))) | changes
    return [{key: value for key, value in entry.items() if value is not None}]


@pytest.mark.parametrize(
    ("cameras", "message"),
    [
        ({"people": []}, r"'\{' where '\[' should be"),
        ([], "no frames in any camera"),
        ([camera("a1", {})], "no frames in any camera"),
        (other(camera=None), "without camera and frames"),
        (other(frames=None), "without camera and frames"),
        (other(width="wide"), "a picture of 'wide' x 720, expected pixels"),
        (other(height=0), "a picture of 1280 x 0, expected pixels"),
        (other(frames={"first": {"people": []}}), "a frame called 'first', expected its number from 0"),
        (other(frames={"-1": {"people": []}}), "a frame called '-1'"),
        (other(frames={"0": {"people": []}, "00": {"people": []}}), "has frame 0 twice"),
        (other(frames={"0": {}}), "camera 'a1': frame 0 is no frame of OpenPose"),
        (other(frames={"0": None}), "camera 'a1': frame 0 is no frame of OpenPose"),
        (other(frames={"0": {"people": [person(signer(1), 0, pose_keypoints_2d=[1.0] * 7)]}}), "frame 0 .*7 values"),
        (other(frames={"999999999": {"people": []}}), "1 frames numbered up to 999999999; that is no video"),
        (three() + other(), "camera 'a1' stands there twice"),
    ],
)
def test_what_is_no_such_file_is_one_line(tmp_path, cameras, message):
    path = write(tmp_path / NAME, cameras)
    with pytest.raises(InputError, match=message) as error:
        read_cameras(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_damaged_files_are_one_line(tmp_path):
    path = write(tmp_path / NAME, three())
    sound = path.read_bytes()
    plain = write(tmp_path / "1413485.openpose.json", three(), None)
    text = plain.read_text()
    cases = [
        (path, sound[: len(sound) // 2]), (path, b""), (path, b"\x1f\x8b"), (plain, text[:-1].encode()),
        (plain, text.encode() + b"]"), (plain, text.replace('"people"', '"people', 1).encode()),
        (plain, b"[" * 100_000), (plain, b"\xff\xfe[]"),
    ]  # fmt: skip
    for file, content in cases:
        file.write_bytes(content)
        with pytest.raises(InputError) as error:
            read_cameras(file)
        assert str(file) in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(InputError, match="no such file"):
        read_cameras(tmp_path / "gone.json.gz")


def test_a_file_that_unfolds_out_of_proportion_is_not_read_on(tmp_path, monkeypatch):
    monkeypatch.setattr(dgs_openpose, "UNFOLDED_BYTES", 1000)
    path = write(tmp_path / NAME, [camera("a1", {"0": {"people": [], "note": " " * (3 << 20)}})])
    with pytest.raises(InputError, match="unfolds to more than 20 times its size"):
        read_cameras(path)
