"""What a run that is refused leaves behind: nothing, if it had made nothing yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from skeletor.files.lock import LOCK
from skeletor.support.errors import InputError
from slt.pipeline.cache.stage import DONE, read_json

# What is written before the data are looked at; the marker of a stage that has begun.
_BEGUN = {"config.json", "versions.json", "log.txt", LOCK, DONE}


@dataclass(frozen=True)
class Before:
    """What was there. place: the folder itself, or the nearest above it; names: in the folder."""

    place: Path
    names: frozenset[str]


def before(folder: Path) -> Before:
    """What is there before the folder is locked."""
    place = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return Before(place, frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset())


@contextmanager
def nothing_left_if_refused(folder: Path, there: Before) -> Iterator[None]:
    """Remove what a run has begun if the block raises InputError before any result is in its folder, which is locked.

    there: what `before` gave. What was there before stays, and so does all of a run with a result or with a list of
    what was left out. Folders above it that were made for it alone go too.
    """
    try:
        yield
    except InputError:
        folder = folder.absolute()
        with suppress(OSError):  # a disk that cannot be written any more: the refusal is what is told
            begun = [path for path in folder.iterdir() if path.name not in there.names]
            if not any(map(_has_results, begun)):
                _remove(folder, begun, there.place)
        raise


def _remove(folder: Path, begun: Sequence[Path], there: Path) -> None:
    """Remove what was begun in the folder and, up to what was there, the folders that are empty then."""
    for path in begun:
        _remove_begun(path)
    for place in (folder, *folder.parents):
        if place == there or any(place.iterdir()):
            return
        place.rmdir()


def _remove_begun(path: Path) -> None:
    """Remove a file that a run begins with, or all of these in a folder; what others write meanwhile stays."""
    if not path.is_dir() or path.is_symlink():
        if path.name in _BEGUN:
            path.unlink(missing_ok=True)
        return
    for one in path.iterdir():
        _remove_begun(one)
    if not any(path.iterdir()):
        path.rmdir()


def _has_results(path: Path) -> bool:
    """Whether there is a file that tells more than that a run was begun."""
    files = [one for one in path.rglob("*") if not one.is_dir()] if path.is_dir() else [path]
    return any(one.name not in _BEGUN or (one.name == DONE and read_json(one).get("done")) for one in files)
