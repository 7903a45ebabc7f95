"""Tables of MediaPipe's landmarks in the two forms that Kaggle's data sets have."""

import csv
import logging
import tracemalloc
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from skeletor.files.suffixes import is_poses
from skeletor.io.formats import read_pose, read_poses
from skeletor.io.layouts import LAYOUTS
from skeletor.io.read_only import landmark_table
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import MEDIAPIPE_75
from skeletor.support.errors import InputError
from tests.skeletor.io.signer import in_layout, signer

SIZE = (220, 260)
JOINTS = signer(5)
POINTS = in_layout(JOINTS, LAYOUTS["mediapipe_75"]) / SIZE  # (T, 75, 2)
PARTS = {"face": range(0), "left_hand": range(33, 54), "pose": range(33), "right_hand": range(54, 75)}
LONG = ("frame", "row_id", "type", "landmark_index", "x", "y", "z")


def long(frames: Iterable[int], first: int = 0) -> list[Sequence[object]]:
    """A line a landmark; the right hand is not found in frame 2."""
    rows: list[Sequence[object]] = []
    for t in frames:
        rows += [(t + first, f"{t}-face-{k}", "face", k, 0.5, 0.2, 0) for k in (0, 467)]
        for part, places in PARTS.items():
            for k, place in enumerate(places):
                xy = ("", "") if part == "right_hand" and t == 2 else POINTS[t, place]
                rows.append((t + first, f"{t}-{part}-{k}", part, k, *xy, ""))
    return rows


def wide(clips: Iterable[int]) -> list[Sequence[object]]:
    """The head line, and a line a frame."""
    names = [(axis, part, k) for axis in "xyz" for part, places in PARTS.items() for k in range(len(places))]
    rows: list[Sequence[object]] = [["sequence_id", "frame", "x_face_0", *(f"{a}_{part}_{k}" for a, part, k in names)]]
    for clip in clips:
        for t in range(len(POINTS)):
            cells = [0 if a == "z" else POINTS[t, PARTS[part][k], "xy".index(a)] for a, part, k in names]
            rows.append([clip, t, 0.5, *cells])
    return rows


def write(path: Path, head: Sequence[object], rows: Iterable[Sequence[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([head, *rows])
    return path


def assert_is_the_signer(pose: PoseSequence, without: tuple[int, ...] = ()) -> None:
    assert pose.skeleton == MEDIAPIPE_75 and pose.provenance.units == "pixel" and len(pose) == len(POINTS)
    there = [t for t in range(len(pose)) if t not in without]
    for k, joint in enumerate(MEDIAPIPE_75.joints):
        seen = [t for t in there if "right_hand" not in joint or t != 2 or not without]
        np.testing.assert_allclose(pose.keypoints[seen, k], JOINTS[joint][seen], atol=0.01, err_msg=joint)


def test_a_line_a_landmark(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "1000035562.csv", LONG, long((0, 1, 2, 4), first=20))
    with caplog.at_level(logging.WARNING, "skeletor"):
        poses = read_poses(path, size=SIZE)
    assert list(poses) == ["1000035562"] and is_poses(path)
    pose = poses["1000035562"]
    assert_is_the_signer(pose, without=(3,))
    assert pose.missing[3].all() and pose.missing[2, 54:].all() and not pose.missing[2, :54].any()
    assert pose.fps == 25 and pose.provenance.stages[-1].config == {"fps": 25, "by": "default"}
    caplog.clear()
    assert read_pose(path, fps=30, size=SIZE).fps == 30 and not caplog.messages


def test_a_table_that_was_cut_off_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = long(range(5))
    with caplog.at_level(logging.WARNING, "skeletor"):
        read_poses(write(tmp_path / "a.csv", LONG, rows), 30, size=SIZE)
        assert not caplog.messages
        read_poses(write(tmp_path / "a.csv", LONG, rows[:-9]), 30, size=SIZE)
    assert caplog.messages == ["a.csv: its last frame has 68 lines, all others 77; was it cut off?"]


def test_a_line_a_frame_and_several_clips(tmp_path: Path) -> None:
    head, *rows = wide((7, 8))
    poses = read_poses(write(tmp_path / "a.csv", head, rows), 30.0, size=SIZE)
    assert list(poses) == ["7", "8"]
    for pose in poses.values():
        assert_is_the_signer(pose)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "holds no frames"), (long((0, 1)), "give its size, --size"),
        ([*long((0,)), *long((0,))], "frame 0 has a landmark twice"),
        ([(0, "", "pose")], "line 2: has 3 cells, the first line 7"),
        ([(0, "", "pose", 0, 0.5, 0.5, 0, 0)], "line 2: has 8 cells, the first line 7"),
        ([(0.04, "", "pose", 0, 0.5, 0.5, 0)], "line 2: '0.04' is no whole number"),
        ([("inf", "", "pose", 0, 0.5, 0.5, 0)], "line 2: 'inf' is no whole number"),
        ([(0, "", "pose", 33, 0.5, 0.5, 0)], "line 2: no landmark 33 of 'pose'"),
        ([(0, "", "left_foot", 0, 0.5, 0.5, 0)], "no landmark 0 of 'left_foot'"),
        ([(0, "", "pose", 0, "left", 0.5, 0)], "line 2: could not convert"),
        ([(0, "", "pose", 0, 0.5, 0.5, 0), (10**7, "", "pose", 0, 0.5, 0.5, 0)], "that is no video"),
    ],
)  # fmt: skip
def test_what_is_no_sound_table_is_told_in_a_line(tmp_path: Path, rows: list[Sequence[object]], reason: str) -> None:
    path = write(tmp_path / "a.csv", LONG, rows)
    with pytest.raises(InputError, match=reason) as error:
        read_poses(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("mark", "decimal", "code"),
    [
        (";", ",", "utf-8"), (";", ".", "utf-8-sig"), (";", ",", "utf-16"), ("\t", ",", "utf-8"), ("\t", ".", "utf-16"),
        ("\t", ",", "utf-16-le"), (",", ".", "utf-16-be"), (",", ",", "utf-8"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["long", "wide"])
def test_what_a_spreadsheet_makes_of_it(tmp_path: Path, form: str, mark: str, decimal: str, code: str) -> None:
    head, *rows = [LONG, *long(range(5))] if form == "long" else wide((7,))
    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding=code) as file:
        cells = [[str(c).replace(".", decimal) if isinstance(c, float) else c for c in row] for row in rows]
        csv.writer(file, delimiter=mark).writerows([head, *cells])
    pose = read_pose(path, fps=25, size=SIZE)
    plain = read_pose(write(tmp_path / "plain.csv", head, rows), fps=25, size=SIZE)
    np.testing.assert_array_equal(pose.keypoints, plain.keypoints)
    assert is_poses(path) and len(pose) == len(POINTS) and not pose.missing[:2].any()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("frame|type|landmark_index|x|y\n0|pose|0|0.5|0.5\n", r"columns are parted by '\|'; save it with commas"),
        ('"frame" "type" "landmark_index" "x" "y"\n', "columns are parted by ' '"),
        ("frame;type;landmark_index;x;y\n0;pose;0;0,5;1.234\n", "line 2: '1.234' stands among decimals with ','"),
        ("frame;type;landmark_index;x;y\n0;pose;0;1.234,5;0\n", "line 2: could not convert"),
        ("frame,type,landmark_index,x,y\n0,pose,0,0,5,0,6\n", "line 2: has 7 cells, the first line 5"),
        ("frame,type,landmark_index,x,y\n" + "0," * (1 << 20), "line 2: has more than 1048576 characters"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=reason) as error:
        read_poses(path, size=SIZE)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


@pytest.mark.parametrize("names", ["frame,x_pose_0", "sequence_id,frame,x_pose_0"])
def test_more_frames_than_memory_is_taken_for_are_refused(
    tmp_path: Path, names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landmark_table, "_MOST_FRAMES", 50)
    clips = names.startswith("sequence_id")
    for count in (50, 51):
        path = write(tmp_path / "a.csv", names.split(","), [(t, 0, 0.5) if clips else (t, 0.5) for t in range(count)])
        if count == 50:
            assert len(read_poses(path, 25, size=SIZE)) == (50 if clips else 1)
            continue
        with pytest.raises(InputError, match="has more than 50 frames; cut it into pieces"):
            read_poses(path, 25, size=SIZE)


def test_a_frame_takes_no_more_memory_than_its_points(tmp_path: Path) -> None:
    """Of 150 empty cells, 150 bytes of the file; a dictionary of them took 25 kB."""
    names = [f"{a}_{part}_{k}" for part in ("pose", "left_hand", "right_hand") for k in range(21) for a in "xy"]
    path = write(tmp_path / "a.csv", ["frame", *names], [(t, *[""] * len(names)) for t in range(1000)])
    tracemalloc.start()
    try:
        read_poses(path, 25, size=SIZE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1000 * 8_000


def test_many_clips_of_two_frames_far_apart_take_no_memory(tmp_path: Path) -> None:
    """Each is a clip that could be; together 116,040 frames from a file of 2 kB."""
    rows = [(clip, frame, "") for clip in range(40) for frame in (0, 2900)]
    file = write(tmp_path / "far.csv", ["sequence_id", "frame", "x_pose_0"], rows)
    with pytest.raises(InputError, match="116040 in all; that is no video"):
        read_poses(file, size=(640, 480))


def test_names_of_clips_in_another_code_are_told_as_such(tmp_path: Path) -> None:
    """Not as a table whose columns are not known."""
    path = write(tmp_path / "a.csv", ["sequence_id", "frame", "x_pose_0"], [("M\u00fcller", 0, 0.5)])
    path.write_bytes(path.read_text("utf-8-sig").encode("latin-1"))
    with pytest.raises(InputError, match="codec can't decode"):
        read_poses(path, size=(640, 480))


def test_other_tables_are_refused_as_before_and_parquet_with_the_way_out(tmp_path: Path) -> None:
    for name, advice in (("a.csv", "each project names its points otherwise"), ("a.parquet", "to_csv")):
        (tmp_path / name).write_text("frame,nose_x,nose_y\n0,1,2\n")
        with pytest.raises(InputError, match=advice):
            read_poses(tmp_path / name)


@pytest.mark.parametrize(
    ("told", "mark"), [("sep=;", ";"), ("SEP=,", ","), ('"sep=|"', "|"), ("sep=\t", "\t"), ("sep=,", ";")]
)
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_a_line_that_says_what_parts_the_columns(tmp_path: Path, told: str, mark: str, suffix: str) -> None:
    """As Excel wants it above the names of the columns; where it is wrong, the names tell."""
    path = tmp_path / f"a.b{suffix}"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        file.write(f"{told}\r\n")
        csv.writer(file, delimiter=mark).writerows([LONG, *long(range(5))])
    assert is_poses(path)
    poses = read_poses(path, 25, size=SIZE)
    assert list(poses) == ["a.b"]
    plain = read_pose(write(tmp_path / "plain.csv", LONG, long(range(5))), fps=25, size=SIZE)
    np.testing.assert_array_equal(poses["a.b"].keypoints, plain.keypoints)
    with path.open("a") as file:
        file.write("0\n")
    with pytest.raises(InputError, match=f"line {2 + len(long(range(5))) + 1}: has 1 cells"):
        read_poses(path, 25, size=SIZE)


@pytest.mark.parametrize(
    ("values", "doubted"),
    [
        (("1.234", "987", ""), True), (("1.234", "12.000"), True), (("1.234", "0.987"), False),
        (("1.234", "245.123"), False), (("1.2345", "1.234"), False), (("0.500", "0.250"), False), (("1", "0"), False),
        (("1.000", "0.000"), False), (("-1.234", "1.500"), True), (("1.000",), True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mark", [".", ","])
def test_thousands_are_not_read_as_decimals(tmp_path: Path, values: Sequence[str], doubted: bool, mark: str) -> None:
    """A share of the picture that is above 1 is outside it; so are all, if all with a mark are thousands."""
    path = tmp_path / "a.csv"
    with path.open("w", newline="") as file:
        rows = [(t, "", "pose", 0, value.replace(".", mark), "", 0) for t, value in enumerate(values)]
        csv.writer(file).writerows([LONG, *rows])
    if doubted:
        with pytest.raises(InputError, match="which may be thousands; save it without"):
            read_poses(path, 25, size=SIZE)
    else:
        assert len(read_pose(path, fps=25, size=SIZE)) == len(values)


def test_numbers_of_frames_are_no_coordinates(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", LONG, [("1.000", "", "pose", 0, 1, "", 0), ("2.000", "", "pose", 0, 0, "", 0)])
    assert len(read_pose(path, fps=25, size=SIZE)) == 2
