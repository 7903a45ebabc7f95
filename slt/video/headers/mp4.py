"""The outermost boxes of an MP4 or MOV file, and what they say of it. (ISO/IEC 14496-12.)"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

LARGEST_HEAD = 1 << 26  # bytes of a moov box
MOST_BOXES = 1_000_000  # more than a day of fragments has
_FIRST_BOXES = (b"ftyp", b"styp", b"moov", b"moof", b"sidx")


def boxes(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Place, length and name of the outermost boxes, as far as they are in step; one without a length is not given."""
    place = 0
    for _ in range(MOST_BOXES):
        file.seek(place)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        if len(head) < 8 or length < 8 or not head[4:8].replace(b" ", b"").isalnum():
            return
        yield place, length, head[4:8]
        place += length


def cut_fragment(path: Path) -> int | None:
    """Where the head of the last fragment of an MP4 begins, if the file ends within it; None for any other file."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if file.read(8)[4:] not in _FIRST_BOXES:
                return None
            return next((p for p, length, name in boxes(file) if name == b"moof" and p + length > size), None)
    except OSError:
        return None


def encrypted(path: Path, formats: str) -> bool:
    """Whether an MP4 says that its pictures are encrypted ("encv", with a scheme, in the description of a stream)."""
    if "mp4" not in formats.split(","):
        return False
    try:
        with path.open("rb") as file:
            heads = [(place, length) for place, length, name in boxes(file) if name == b"moov"]
            for place, length in heads[:1]:
                file.seek(place)
                head = file.read(min(length, LARGEST_HEAD))
                return all(name in head for name in (b"encv", b"sinf", b"schm"))
    except (OSError, OverflowError, ValueError):
        return False  # whoever opens it says so
    return False
