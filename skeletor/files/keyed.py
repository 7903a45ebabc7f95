"""Folders under a key, emptied when they were made under another one."""

from __future__ import annotations

import shutil
from pathlib import Path

from skeletor.files.atomic import write_text

MARKER = "key.txt"


def is_current(folder: Path, key: str) -> bool:
    """Whether the folder was made by `keyed_folder` with this key."""
    marker = folder / MARKER
    return marker.is_file() and marker.read_text(encoding="utf-8") == key


def keyed_folder(folder: Path, key: str) -> Path:
    """A folder that several runs of a stage share. It is emptied first if it was made under another key."""
    if not is_current(folder, key):
        if folder.exists():
            shutil.rmtree(folder)
        write_text(folder / MARKER, key)
    return folder
