from pathlib import Path

import pytest

from skeletor.files.suffixes import bare_name, is_poses, poses_beside


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.mp4", "a"), ("x/a.MOV", "a"), ("P01.S02.T01.webm", "P01.S02.T01"), ("P01.S02.T01", "P01.S02.T01"),
        ("a.skels", "a"), ("a.b.safetensors", "a.b"), ("a.txt", "a.txt"), ("a.json", "a"), (".mp4", ".mp4"),
        ("x/a/", "a"),
    ],
)  # fmt: skip
def test_only_a_known_suffix_is_no_part_of_a_name(path, name):
    assert bare_name(Path(path)) == name


def test_a_folder_keeps_its_name_and_dots_stand_for_one(tmp_path, monkeypatch):
    inner = tmp_path / "clips.mp4" / "P01.S02"
    inner.mkdir(parents=True)
    assert bare_name(tmp_path / "clips.mp4") == "clips.mp4"
    monkeypatch.chdir(inner)
    assert [bare_name(Path(p)) for p in (".", "./", "..", "../..")] == [
        "P01.S02",
        "P01.S02",
        "clips.mp4",
        tmp_path.name,
    ]
    assert bare_name(Path("/")) == ""


def test_what_is_poses(tmp_path):
    for name in (
        "a.pose",
        "b.mp4",
        "d.json",
        "json/c_000000000000_keypoints.json",
        "frames/1.png",
        "frames/about.json",
        "no/x.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.pose").mkdir()
    found = {path.name for path in tmp_path.iterdir() if is_poses(path)}
    assert found == {"a.pose", "d.json", "json"} and not is_poses(tmp_path / "-")


@pytest.mark.parametrize(
    ("files", "pictures", "poses"),
    [
        (10, ["preview.webp"], True), (10, ["thumb.png", "poster.bmp"], True), (3, ["a_1.jpg"], True),
        (3, [f"{k:03d}.png" for k in range(3)], False), (5, [f"{k:03d}.png" for k in range(9)], False),
        (3, [f"a_{k:012d}_rendered.png" for k in range(3)], True), (1, ["a.png"], True), (0, ["a.png"], False),
    ],
)  # fmt: skip
def test_a_few_pictures_beside_many_json_files_are_previews(tmp_path, files, pictures, poses):
    for name in [*(f"a_{k:012d}_keypoints.json" for k in range(files)), *pictures]:
        (tmp_path / name).write_text('{"version": 1.3, "people": []}' if name.endswith("json") else "")
    assert is_poses(tmp_path) == poses


def test_json_beside_a_picture_counts_as_poses_only_if_it_speaks_of_them(tmp_path):
    (tmp_path / "cover.png").touch()
    for k in range(3):
        (tmp_path / f"camera{k}.json").write_text('{"focal": 1200, "pose": [0, 0, 0]}')
    assert not is_poses(tmp_path) and poses_beside(tmp_path) == []
    for k in range(3):
        (tmp_path / f"camera{k}.json").write_text('[{"keypoints": [[1, 2]], "keypoint_scores": [1]}]')
    assert is_poses(tmp_path) and len(poses_beside(tmp_path)) == 3


@pytest.mark.parametrize("nobody", ["[]", "{}", "null\n", ""])
def test_frames_before_a_person_comes_say_nothing_of_what_the_others_are(tmp_path, nobody):
    (tmp_path / "preview.png").touch()
    for k in range(4):
        (tmp_path / f"{k}.json").write_text(nobody)
    assert not is_poses(tmp_path)
    (tmp_path / "4.json").write_text('[{"keypoints": [1, 2, 1]}]')
    assert is_poses(tmp_path) and len(poses_beside(tmp_path)) == 5
