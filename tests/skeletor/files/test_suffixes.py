from pathlib import Path

import pytest

from skeletor.files.suffixes import bare_name, is_poses


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
