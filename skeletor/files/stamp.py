"""What tells whether a file, or a folder of files, is still the same, without reading it."""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path

Stamp = list[int]


def stamp(path: Path) -> Stamp | None:
    """Size and time of a file; None if there is none.

    Of a folder (of frames, of JSON) how many files lie in it, their size in all, the newest time, and a checksum of
    names, sizes and times: its own time says nothing of files that are written anew in place. Hidden files, and folders
    in it, are no part of it.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISDIR(status.st_mode):
            return [status.st_size, status.st_mtime_ns]
        with os.scandir(path) as entries:
            files = sorted(map(_listed, (one for one in entries if not one.name.startswith(".") and not one.is_dir())))
    except OSError:
        return None
    sizes, times = [size for _, size, _ in files], [time for *_, time in files]
    return [len(files), sum(sizes), max(times, default=0), zlib.crc32(repr(files).encode())]


def _listed(entry: os.DirEntry[str]) -> tuple[str, int, int]:
    """Name, size and time of a file; a link that leads nowhere has none."""
    try:
        status = entry.stat()
    except OSError:
        return entry.name, 0, 0
    return entry.name, status.st_size, status.st_mtime_ns
