"""Folders that are emptied when what they hold is stale."""

from __future__ import annotations

import shutil
from pathlib import Path

from skeletor.files.atomic import write_text

MARKER = "key.txt"


def is_current(folder: Path, key: str) -> bool:
    """Whether a folder was made under a key."""
    marker = folder / MARKER
    return marker.is_file() and marker.read_text(encoding="utf-8") == key


def keyed_folder(folder: Path, key: str) -> Path:
    """A folder for what several runs of a stage share; emptied if it was made under another key."""
    if not is_current(folder, key):
        if folder.exists():
            shutil.rmtree(folder)
        write_text(folder / MARKER, key)
    return folder
