"""The folder in which a server keeps uploads and results: for this user alone, and gone with the server."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from time import time

from skeletor.files.lock import locked
from skeletor.support.errors import InputError

_PREFIX = "slt-serve-"
_YOUNG = 60.0  # seconds in which a server that begins may not have locked its folder yet


@contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder that only this user may read, for the block. What killed servers left is removed first."""
    _remove_abandoned(Path(gettempdir()))
    with TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as made, locked(made):
        yield Path(made)


def _remove_abandoned(place: Path) -> None:
    """Remove the folders of this user's servers that do not run any more: a server holds a lock on its own."""
    for folder in place.glob(f"{_PREFIX}*"):
        try:
            found = folder.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and time() - found.st_mtime > _YOUNG:
                with locked(folder):
                    shutil.rmtree(folder, ignore_errors=True)
        except (OSError, InputError):  # gone, or in use
            continue
