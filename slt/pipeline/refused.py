"""What a run that is refused leaves behind: nothing, if it had made nothing yet."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skeletor.files.lock import LOCK
from skeletor.support.errors import InputError
from slt.pipeline.cache.stage import DONE, read_json

# What is written before the data are looked at; the marker of a stage that has begun.
_BEGUN = {"config.json", "versions.json", "log.txt", LOCK, DONE}


def deepest_there(folder: Path) -> Path:
    """The folder itself if it is there, or the nearest above it that is. To be asked before the folder is locked."""
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())


@contextmanager
def nothing_left_if_refused(folder: Path, there: Path) -> Iterator[None]:
    """Remove a run's folder if the block raises InputError before any result is in it. The folder is locked.

    there: what `deepest_there` gave. A folder that was there before stays, and so does one with a result or with a list
    of what was left out. Folders above it that were made for it alone go too.
    """
    try:
        yield
    except InputError:
        folder = folder.absolute()
        if folder != there and not _has_results(folder):
            shutil.rmtree(folder, ignore_errors=True)
            for parent in folder.parents:
                if parent == there or any(parent.iterdir()):
                    break
                parent.rmdir()
        raise


def _has_results(folder: Path) -> bool:
    """Whether there is a file that tells more than that a run was begun."""
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    return any(path.name not in _BEGUN or (path.name == DONE and read_json(path).get("done")) for path in files)
