import os

import pytest

from skeletor.atomic import atomic_path, write_text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    file = tmp_path / "a.txt"
    write_text(file, "old")
    with pytest.raises(RuntimeError), atomic_path(file) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


def test_a_file_gets_the_usual_permissions_whatever_its_writer_did(tmp_path):
    usual = tmp_path / "usual"
    usual.touch()
    with atomic_path(tmp_path / "a") as temporary:
        temporary.touch()
        os.chmod(temporary, 0o600)
    assert (tmp_path / "a").stat().st_mode == usual.stat().st_mode


def test_a_folder_replaces_the_old_one_whole(tmp_path):
    folder = tmp_path / "model"
    for name in ("old", "new"):
        with atomic_path(folder) as temporary:
            temporary.mkdir()
            (temporary / name).touch()
    assert [p.name for p in folder.iterdir()] == ["new"]
