"""Inputs of which each counts once, however it is named."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from skeletor.support.errors import printable
from skeletor.support.progress import log


def each_once(paths: Iterable[Path]) -> Iterator[Path]:
    """The paths, without those that lead to what one before them leads to (`./a`, `../here/a`, a symbolic link).

    A warning tells how many were left out. Of each a digest is kept: some 100 bytes.
    """
    seen: set[bytes] = set()
    twice, first = 0, ""
    for path in paths:
        digest = hashlib.blake2b(os.fsencode(_leads_to(path)), digest_size=16).digest()
        if digest in seen:
            twice, first = twice + 1, first or printable(str(path))
            continue
        seen.add(digest)
        yield path
    if twice:
        which = first if twice == 1 else f"{first} and {twice - 1} more"
        log.warning("%s: named twice (also by another path or a link); each counts once", which)


def _leads_to(path: Path) -> str:
    """`os.path.realpath`, but that the folder that a path lies in is not looked at again for each."""
    # No `abspath`: it takes ".." off the names, and behind a link the folder above is another one.
    folder, name = os.path.split(os.path.join(os.getcwd(), path))
    if name in ("", ".", ".."):
        return os.path.realpath(path)
    place = os.path.join(_real_folder(folder), name)
    try:
        link = stat.S_ISLNK(os.lstat(place).st_mode)
    except (OSError, ValueError):  # it cannot be read either, and that is told there
        return place
    return os.path.realpath(place) if link else place


@lru_cache(maxsize=1024)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)
