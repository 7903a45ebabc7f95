"""Whether a file can run code when it is opened: pickles, and what hides them, told by content and not by name."""

from __future__ import annotations

import mmap
import pickletools
from pathlib import Path
from typing import IO, cast

_PACKED = {
    b"PK\x03\x04": "an archive (zip), as torch.save writes it around a pickle",
    b"PK\x05\x06": "an archive (zip)",
    b"\x1f\x8b": "packed (gzip)",
    b"BZh": "packed (bzip2)",
    b"\xfd7zXZ\x00": "packed (xz)",
    b"\x28\xb5\x2f\xfd": "packed (zstd)",
    b"7z\xbc\xaf\x27\x1c": "an archive (7z)",
    b"\x93NUMPY": "a NumPy array, which may hold a pickle",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file, which may hold a pickle",
}
_TAR = (257, b"ustar")
_MOST = 10_000  # operations; what has so many of them is no accident
_LEAST = 2  # operations: a text that begins with a full stop is a pickle of one


def unsafe_kind(path: Path) -> str | None:
    """What a file is, in words, if it is a pickle, or a container that may hold one; None if it is neither.

    Nothing is unpickled and nothing unpacked: the operations of a pickle are only counted. Raises OSError if the file
    cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(512)
        if not head:
            return None
        for begin, kind in _PACKED.items():
            if head.startswith(begin):
                return kind
        place, mark = _TAR
        if head[place : place + len(mark)] == mark:
            return "an archive (tar)"
        # mapped, since a file's own `read` asks for as many bytes as a damaged length says
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return "a pickle, which can run any code" if _is_pickle(content) else None


def _is_pickle(content: mmap.mmap) -> bool:
    """Whether the bytes are, from the first one on, operations of a pickle up to its end."""
    count = 0
    try:
        for _ in pickletools.genops(cast(IO[bytes], content)):
            count += 1
            if count >= _MOST:
                return True
    except Exception:  # of damaged bytes pickletools raises nearly all there are
        return False
    return count >= _LEAST
