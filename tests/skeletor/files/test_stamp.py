"""What tells that a file or a folder of files has changed."""

import os
from pathlib import Path

import pytest

from skeletor.files.stamp import stamp


def test_no_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for k in range(4):
        (folder / f"{k}.json").write_text(f"{k}")
        os.utime(folder / f"{k}.json", ns=(0, 1000 + k))
    found = stamp(folder)
    assert stamp(folder / "0.json") == [1, 1000] and stamp(tmp_path / "none") is None
    assert found is not None and found[:3] == [4, 4, 1003]
    monkeypatch.setattr("builtins.open", None)
    assert stamp(folder) == found


def test_where_a_folder_lies_decides_nothing_and_what_lies_in_it_does(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        empty = stamp(tmp_path / name)
        assert empty is not None and empty[:3] == [0, 0, 0]
        (tmp_path / name / "1.png").write_bytes(b"1")
        os.utime(tmp_path / name / "1.png", ns=(0, 5))
    assert stamp(tmp_path / "a") == stamp(tmp_path / "b")
    (tmp_path / "b" / "1.png").rename(tmp_path / "b" / "2.png")
    assert stamp(tmp_path / "a") != stamp(tmp_path / "b")
