"""Folders of our own making, known by a marker, and emptied when what they were made of has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

from skeletor.files.atomic import write_text
from skeletor.files.lock import LOCK
from skeletor.support.errors import InputError, printable

MARKER = "key.txt"


def is_current(folder: Path, key: str) -> bool:
    """Whether the folder was made by `keyed_folder` with this key."""
    marker = folder / MARKER
    return marker.is_file() and marker.read_text(encoding="utf-8") == key


def keyed_folder(folder: Path, key: str) -> Path:
    """A folder that several runs of a stage share. It is emptied first if it was made under another key.

    Raises InputError as `empty_own` does.
    """
    if not is_current(folder, key):
        empty_own(folder, MARKER)
        write_text(folder / MARKER, key)
    return folder


def empty_own(folder: Path, marker: str) -> None:
    """Take all out of a folder, if there is one, but for `marker`, the file by which it is known as our own.

    The folder stays, so it may be a link to another disk. What is left of the marker is an empty file from the
    beginning on: killed, the folder is our own still, and no key is taken for that of the half that is left.
    Raises InputError if the folder holds anything and has no marker: somebody else's files would be lost.
    """
    if not folder.exists():
        return
    require_own(folder, marker)
    write_text(folder / marker, "")
    for path in folder.iterdir():
        if path.name == marker:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def remove_own(folder: Path, marker: str) -> None:
    """Remove a folder of our own, if there is one. InputError as `empty_own`. A link to a folder stays, empty."""
    if not folder.exists():
        return
    empty_own(folder, marker)
    (folder / marker).unlink()
    if not folder.is_symlink():
        folder.rmdir()


def require_own(folder: Path, marker: str) -> None:
    """Raises InputError if there is a folder of this name that holds anything and has no file `marker`."""
    if not folder.exists() or (folder / marker).is_file():
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: is a file, and a folder is to be made there; move it, or choose another folder")
    other = next((name for name in sorted(path.name for path in folder.iterdir()) if not _of_writing(name)), None)
    if other is not None:
        raise InputError(
            f"{folder}: holds {printable(other)}, which would be lost; move it, or choose another folder for results"
        )


def _of_writing(name: str) -> bool:
    """Whether a file is a lock, or what `atomic_path` had begun when its process was killed, before any marker."""
    return name == LOCK or (name.startswith(".") and ".tmp" in name)
