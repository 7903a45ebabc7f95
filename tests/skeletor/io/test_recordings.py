import logging
from pathlib import Path

import pytest

from skeletor.io.recordings import list_recordings
from skeletor.support.errors import InputError


def names(folder, *files):
    for name in files:
        (folder / name).write_text("{}")
    found = list_recordings(folder, "directory")
    return {clip: [(t, path.name) for t, path in recording] for clip, recording in found.items()}


@pytest.mark.parametrize(
    ("files", "clip", "frames"),
    [
        (["clip_000000000003_keypoints.json", "clip_000000000005_keypoints.json"], "clip", [3, 5]),
        (
            ["01April_2010_Thursday_heute.avi_pid0_fn000002-0_keypoints.json"],
            "01April_2010_Thursday_heute.avi_pid0",
            [2],
        ),
        (
            ["x_default-2.avi_pid0_fn000000-0.json", "x_default-2.avi_pid0_fn000001-0.json"],
            "x_default-2.avi_pid0",
            [0, 1],
        ),
        (["-g0iPSnQt6w-1-rgb_front_000000000012_keypoints.json"], "-g0iPSnQt6w-1-rgb_front", [12]),
        (["0001.json", "0002.json", "0004.json"], "", [0, 1, 3]),
        (["0.json", "1.json"], "", [0, 1]),
        (["frame12.json", "frame13.json"], "frame", [0, 1]),  # more missing before than there are: a cut
        (["frame3.json", "frame4.json", "frame5.json"], "frame", [2, 3, 4]),
        (["shot0040.json", "shot0080.json", "shot0160.json"], "shot", [0, 1, 3]),  # every 40th, or milliseconds
        ([f"a_{t:012d}_keypoints.json" for t in (0, 2, 4, 8)], "a", [0, 1, 2, 4]),  # OpenPose's --frame_step 2
        ([f"a_{t:012d}_keypoints.json" for t in (5, 10, 15)], "a", [1, 2, 3]),
        (["images0007_keypoints.json"], "images", [0]),
        (["cam2_7_of_90_keypoints.json", "cam2_8_of_90_keypoints.json"], "cam2_of_90", [0, 1]),
        (["take12-0001-a.json", "take12-0002-a.json"], "take12-a", [0, 1]),
    ],
)
def test_names_of_frames(tmp_path, files, clip, frames):
    found = names(tmp_path, *files)
    assert {name.replace("__", "_"): [t for t, _ in them] for name, them in found.items()} == {clip: frames}
    assert [name for _, name in next(iter(found.values()))] == files


def test_hidden_and_other_files_are_left_out(tmp_path):
    found = names(
        tmp_path, "a_000000000000_keypoints.json", "._a_000000000000_keypoints.json", ".x_1.json", "a.txt", "m.json"
    )
    assert found == {"a": [(0, "a_000000000000_keypoints.json")]}


@pytest.mark.parametrize("other", ["calib_2.json", "clip2.json", "preview.webp", "preview_7.PNG"])
def test_what_lies_beside_openposes_files_is_left_out_and_told(tmp_path, caplog, other):
    with caplog.at_level(logging.WARNING, "skeletor"):
        found = names(tmp_path, *(f"a_{t:012d}_keypoints.json" for t in range(4)), other)
    assert list(found) == ["a"] and len(found["a"]) == 4
    assert len(caplog.messages) == 1 and other in caplog.text


def test_recordings_of_numbered_clips_stay_apart(tmp_path):
    found = names(tmp_path, *(f"clip{c}_{t:04d}.json" for c in (1, 2) for t in (1, 2, 3)))
    assert sorted(found) == ["clip1", "clip2"] and [t for t, _ in found["clip2"]] == [0, 1, 2]


@pytest.mark.parametrize("word", ["cam", "view_", "Person"])
def test_a_number_that_counts_cameras_or_people_is_no_time(tmp_path, word):
    found = names(tmp_path, *(f"{t:04d}_{word}{c}.json" for c in (1, 2) for t in (0, 1, 2)))
    assert sorted(found) == [f"_{word}1", f"_{word}2"] and [t for t, _ in found[f"_{word}2"]] == [0, 1, 2]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (["a_1.json", "a_01.json"], "two files"),
        (["a_000000000000_keypoints.json", "a_000000009000_keypoints.json"], "no video"),
        (["a_1.json", "a_99999999999999999999.json"], "digits"),
        (["b.json"], "holds no file"),
    ],
)
def test_what_is_no_recording(tmp_path, files, reason):
    with pytest.raises(InputError, match=reason) as caught:
        names(tmp_path, *files)
    assert "\n" not in str(caught.value)


def test_numbers_a_step_apart_are_said(tmp_path, caplog):
    names(tmp_path, *(f"a_{t:012d}_keypoints.json" for t in (0, 3, 6, 9)))
    assert "3 apart; they are taken as all frames" in caplog.text


def test_a_folder_of_folders_is_told_to_give_these(tmp_path):
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "a_000000000000_keypoints.json").write_text("{}")
    with pytest.raises(InputError, match=r"is a folder of folders of JSON files; give these, as .*/\*$"):
        list_recordings(tmp_path, "directory of OpenPose JSON files")


@pytest.mark.parametrize("name", ["a.safetensors", "A.POSE"])
def test_a_folder_of_pose_files_is_told_to_give_its_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    suffix = Path(name).suffix.lower()
    with pytest.raises(InputError, match=rf"is a folder of \{suffix} files; give the files, as .*/\*\{suffix}$"):
        list_recordings(tmp_path, "directory of OpenPose JSON files")
