import shutil
from pathlib import Path

import pytest

from skeletor.files.keyed import MARKER, empty_own, is_current, keyed_folder, remove_own
from skeletor.support.errors import InputError


def test_the_cache_is_emptied_under_another_key(tmp_path: Path) -> None:
    folder = keyed_folder(tmp_path / "clips", "a")
    (folder / "x").touch()
    assert (keyed_folder(folder, "a") / "x").exists() and not (keyed_folder(folder, "b") / "x").exists()
    assert is_current(folder, "b") and not is_current(folder, "a") and not is_current(tmp_path / "none", "b")


def test_files_that_are_not_our_own_are_never_removed(tmp_path: Path) -> None:
    theirs = tmp_path / "clips" / "0001.mp4"
    theirs.parent.mkdir()
    theirs.write_text("theirs")
    for call in (
        lambda f: keyed_folder(f, "a"),
        lambda f: empty_own(f, "done.json"),
        lambda f: remove_own(f, "done.json"),
    ):
        with pytest.raises(InputError, match=r"clips: holds 0001\.mp4, which would be lost"):
            call(theirs.parent)
        assert list(theirs.parent.iterdir()) == [theirs] and theirs.read_text() == "theirs"
    with pytest.raises(InputError, match="is a file"):
        keyed_folder(theirs, "a")


def test_a_folder_that_was_only_begun_is_our_own(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / ".key.123.tmp.txt").touch()
    (folder / ".lock").touch()
    assert is_current(keyed_folder(folder, "a"), "a")


def test_one_whose_emptying_was_broken_off_is_our_own_and_not_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = keyed_folder(tmp_path / "clips", "a")
    (folder / "part").mkdir()
    (folder / "part/x").touch()

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", killed)
        keyed_folder(folder, "b")
    assert not is_current(folder, "a") and not is_current(folder, "b")
    assert list(keyed_folder(folder, "a").iterdir()) == [folder / MARKER]


def test_a_link_to_another_disk_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "clips"
    link.symlink_to("disk")
    keyed_folder(link, "a")
    (link / "x").touch()
    keyed_folder(link, "b")
    assert link.is_symlink() and [p.name for p in (tmp_path / "disk").iterdir()] == [MARKER]
    remove_own(link, MARKER)
    assert link.is_symlink() and not list((tmp_path / "disk").iterdir())
    folder = keyed_folder(tmp_path / "own", "a")
    remove_own(folder, MARKER)
    assert not folder.exists()
    remove_own(folder, MARKER)
