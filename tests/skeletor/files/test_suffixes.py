from pathlib import Path

import pytest

from skeletor.files.suffixes import bare_name, is_poses


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.mp4", "a"), ("x/a.MOV", "a"), ("P01.S02.T01.webm", "P01.S02.T01"), ("P01.S02.T01", "P01.S02.T01"),
        ("a.skels", "a"), ("a.b.safetensors", "a.b"), ("a.txt", "a.txt"), (".mp4", ".mp4"), ("x/a/", "a"),
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
        "json/c_000000000000_keypoints.json",
        "frames/1.png",
        "frames/about.json",
        "no/x.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.pose").mkdir()
    found = {
        name: is_poses(tmp_path / name) for name in ("a.pose", "b.mp4", "json", "frames", "no", "folder.pose", "-")
    }
    assert found == {"a.pose": True, "b.mp4": False, "json": True, "frames": False, "no": False, "folder.pose": False,
                     "-": False}  # fmt: skip
