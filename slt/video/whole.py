"""Whether a file ends where its container says: the evidence that a video breaks off.

Each format says in its own way how long it is. What is checked is the outermost frame alone, from a few bytes; nothing
found is no proof that the file is whole.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_TS_PACKETS = (188, 192, 204)
_OGG_TAIL = 1 << 17
_BOXES = 1_000_000  # more than a day of fragments has
_PADDING = (b"free", b"skip", b"wide", b"uuid")
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_EBML_SEGMENT = 0x18538067


def broken_end(path: Path, formats: str) -> str | None:
    """Why the file cannot be whole, None if nothing speaks against it. formats: FFmpeg's name, "mov,mp4,..."."""
    check = next((_CHECKS[name] for name in formats.split(",") if name in _CHECKS), None)
    if check is None:
        return None
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return check(file, size)
    except (OSError, struct.error):
        return None


def _mov(file: BinaryIO, size: int) -> str | None:
    """The boxes one after the other."""
    place = 0
    for _ in range(_BOXES):
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            return "it ends within a box" if head.strip(b"\0") else None
        length = int.from_bytes(head[:4], "big")
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        if length < 8:  # to the end of the file, or no box
            return None
        place += length
        if place > size:
            name = head[4:8]
            return None if name in _PADDING else f"its box '{name.decode('latin-1')}' ends beyond the file"
    return None


def _riff(file: BinaryIO, size: int) -> str | None:
    place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(8)
        if head[:4] != b"RIFF":
            return None
        place += 8 + int.from_bytes(head[4:], "little")
        place += place % 2
    return "it ends within its RIFF chunk" if place > size + 1 else None


def _matroska(file: BinaryIO, size: int) -> str | None:
    file.seek(0)
    head, place = file.read(4096), 0
    for _ in range(8):
        name, place = _ebml(head, place, keep_marker=True)
        length, place = _ebml(head, place)
        if name == _EBML_SEGMENT:
            return "it ends within its segment" if length is not None and place + length > size else None
        if name is None or length is None:
            return None
        place += length
    return None


def _ebml(data: bytes, place: int, keep_marker: bool = False) -> tuple[int | None, int]:
    """A number of variable length at `place`, and the place after it; None if it is unknown or not there."""
    if place >= len(data) or data[place] == 0:
        return None, place
    width = 9 - data[place].bit_length()
    value = int.from_bytes(data[place : place + width], "big")
    bare = value & ((1 << 7 * width) - 1)
    if not keep_marker and bare == (1 << 7 * width) - 1:
        return None, place + width
    return (value if keep_marker else bare), place + width


def _mpegts(file: BinaryIO, size: int) -> str | None:
    file.seek(0)
    head = file.read(8 * max(_TS_PACKETS))
    for length in _TS_PACKETS:
        offset = head.find(0x47)
        if offset >= 0 and all(head[offset + k * length : offset + k * length + 1] in (b"\x47", b"") for k in range(7)):
            return "it ends within a packet" if (size - offset + (4 if length == 192 else 0)) % length else None
    return None


def _ogg(file: BinaryIO, size: int) -> str | None:
    file.seek(max(0, size - _OGG_TAIL))
    tail = file.read()
    place = tail.rfind(b"OggS")
    if place < 0 or len(tail) < place + 27:
        return "it ends within a page"
    segments = tail[place + 26]
    end = place + 27 + segments + sum(tail[place + 27 : place + 27 + segments])
    if end > len(tail):
        return "it ends within a page"
    return None if tail[place + 5] & 4 else "its last page is missing"


def _flv(file: BinaryIO, size: int) -> str | None:
    file.seek(max(0, size - 4))
    length = int.from_bytes(file.read(4), "big")
    start = size - 4 - length
    if length < 11 or start < 9:
        return "it ends within a tag"
    file.seek(start)
    head = file.read(4)
    sound = head[0] & 0x1F in (8, 9, 18) and int.from_bytes(head[1:4], "big") + 11 == length
    return None if sound else "it ends within a tag"


def _asf(file: BinaryIO, size: int) -> str | None:
    file.seek(0)
    head = file.read(1 << 16)
    place = head.find(_ASF_PROPERTIES)
    if place < 0:
        return None
    (told,) = struct.unpack_from("<Q", head, place + 40)
    return "it is shorter than its header says" if told > size else None


def _gif(file: BinaryIO, size: int) -> str | None:
    file.seek(max(0, size - 64))
    return None if file.read().rstrip(b"\0").endswith(b"\x3b") else "its last byte is missing"


_CHECKS: dict[str, Callable[[BinaryIO, int], str | None]] = {
    "mov": _mov, "mp4": _mov, "avi": _riff, "matroska": _matroska, "webm": _matroska, "mpegts": _mpegts, "ogg": _ogg,
    "flv": _flv, "asf": _asf, "gif": _gif,
}  # fmt: skip
