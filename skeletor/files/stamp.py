"""What tells whether a file, or a folder of files, is still the same, without reading all of it."""

from __future__ import annotations

import hashlib
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


def content_digest(path: Path, most: int) -> str:
    """SHA-256, as hex, of a file's size and of at most `most` bytes of it: all, or its beginning, middle and end.

    Raises OSError if it cannot be read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        part = most // 3
        starts = [0] if size <= most else [0, (size - part) // 2, size - part]
        digest = hashlib.sha256(str(size).encode())
        for start in starts:
            file.seek(start)
            digest.update(file.read(most if len(starts) == 1 else part))
    return digest.hexdigest()
