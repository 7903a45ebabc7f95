"""Checks whether a file ends where its container says, to find videos that break off, or that go on behind their end.

Each format says in its own way how long it is. What is checked is the outermost frame alone, from a few bytes; nothing
found is no proof that the file is whole.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from slt.video.headers.mp4 import MOST_BOXES, boxes

_TS_PACKETS = (188, 192, 204)
_TS_HEAD = 40  # packets to look at
_TS_TAIL = 4000  # packets at the end to look at
_TS_SHARE = 0.6
_TS_NULL = (0x1F, 0xFF)  # the number of packets that fill up a constant rate
_OGG_TAIL = 1 << 17
_PADDING = (b"free", b"skip", b"wide", b"uuid")
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_MXF_PART = bytes.fromhex("060e2b34020501010d01020101")
_EBML_SEGMENT = 0x18538067
_EBML_CLUSTER = 0x1F43B675
_EBML_PARTS = (
    0x1A45DFA3, _EBML_SEGMENT, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B, 0x1043A770, 0x1254C367,
    0x1941A469, 0xEC, 0xBF,
    0xE7, 0xA3, 0xA0, 0xAB, 0xA7, 0x5854,  # what is in a cluster, which a live recording writes without its length
)  # fmt: skip


def broken_end(path: Path, formats: str) -> str | None:
    """Why the file cannot be whole, as text; None if nothing speaks against it, or it cannot be read.

    formats: FFmpeg's name of the container, "mov,mp4,...".
    """
    check = next((_CHECKS[name] for name in formats.split(",") if name in _CHECKS), None)
    if check is None:
        return None
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return check(file, size)
    except (OSError, struct.error):
        return None


def second_video(path: Path, formats: str) -> bool:
    """Whether a second video stands behind the end of one in a format of which FFmpeg reads the first alone."""
    try:
        with path.open("rb") as file:
            if "mp4" in formats.split(","):
                names = Counter(name for _, _, name in boxes(file))
                return min(names[b"ftyp"], names[b"moov"]) > 1
            if formats == "asf":
                begin, told = file.read(16), _asf_length(file) or 0
                file.seek(told)
                return told > 0 and file.read(16) == begin
    except (OSError, OverflowError, ValueError, struct.error):
        return False  # whoever opens it says so
    return False


def _mov(file: BinaryIO, size: int) -> str | None:
    """The boxes one after the other."""
    place = 0
    for _ in range(MOST_BOXES):
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            return "it ends within a box" if head.strip(b"\0") else None
        length = int.from_bytes(head[:4], "big")
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        if length == 0:  # to the end of the file, or padding
            return None
        if length < 8 or not head[4:8].replace(b" ", b"").isalnum():
            return "its boxes are out of step"
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
    """The header, and the parts of its segment one after the other."""
    place, end = 0, size
    for _ in range(MOST_BOXES):
        file.seek(place)
        head = file.read(16)
        name, width = _ebml(head, 0, keep_marker=True)
        length, width = _ebml(head, width)
        if place >= min(end, size):
            return "it ends within its segment" if end > size or place > size else None
        if name not in _EBML_PARTS:
            return "its parts are out of step"
        if length is None:  # not known while it was written
            if name not in (_EBML_SEGMENT, _EBML_CLUSTER):
                return None
            length = 0
        elif name == _EBML_SEGMENT:
            end, length = place + width + length, 0
        place += width + length
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


def ts_packets(file: BinaryIO) -> tuple[int, int] | None:
    """Length of an MPEG transport stream's packets, and the place of the first whole one; None if it is none.

    A time stamp in front of a packet counts as the end of the one before.
    """
    file.seek(0)
    head = file.read(_TS_HEAD * max(_TS_PACKETS))
    best = (0.0, 0, 0)  # share of packets that begin as they should, their length, place of the first one
    for length in _TS_PACKETS:
        for offset in range(min(length, len(head))):
            starts = head[offset::length]
            best = max(best, (starts.count(0x47) / len(starts), length, -offset))
    return None if best[0] < _TS_SHARE else (best[1], -best[2])


def _mpegts(file: BinaryIO, size: int) -> str | None:
    found = ts_packets(file)
    if found is None:
        return None
    length, offset = found
    before = 4 if length == 192 else 0  # a time stamp
    if (offset - before) % length:
        return "it begins within a packet"
    if (size - offset + before) % length:
        return "it ends within a packet"
    return _last_picture(file, size, length)


def _last_picture(file: BinaryIO, size: int, length: int) -> str | None:
    """A picture ends with a packet that is filled up, unless it fits (1 of 184). The stream: the one with the most."""
    tail = min(size // length, _TS_TAIL) * length
    file.seek(size - tail)
    data = file.read(tail)[4 if length == 192 else 0 :]
    packets = [data[k : k + 6] for k in range(0, len(data) - 5, length)]
    sound = [p for p in packets if p[0] == 0x47 and p[3] & 0x10]  # with a payload
    streams = Counter((p[1] & 0x1F, p[2]) for p in sound)
    del streams[_TS_NULL]
    if not streams:
        return None
    main = streams.most_common(1)[0][0]
    last = next(p for p in reversed(sound) if (p[1] & 0x1F, p[2]) == main)
    filled = 0
    if last[3] & 0x20:  # an adaptation field; what its flags do not account for is filling
        filled = last[4] - 6 * (last[5] >> 4 & 1) - 6 * (last[5] >> 3 & 1) - (last[5] >> 2 & 1) if last[4] else 2
    return None if filled > 1 else "its last picture is cut"


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
    """Its tags one after the other; each is followed by its length."""
    file.seek(0)
    place = int.from_bytes(file.read(9)[5:], "big") + 4
    for _ in range(MOST_BOXES):
        if place == size:
            return None
        file.seek(place)
        head = file.read(11)
        length = 11 + int.from_bytes(head[1:4], "big")
        file.seek(place + length)
        behind = file.read(4)
        if len(behind) < 4:
            return "it ends within a tag"
        if int.from_bytes(behind, "big") != length:
            return "its tags are out of step"
        place += length + 4
    return None


def _mpeg(file: BinaryIO, size: int) -> str | None:
    """Its packs and packets one after the other."""
    place = 0
    for _ in range(MOST_BOXES):
        file.seek(place)
        head = file.read(14)
        if head[:3] != b"\0\0\1" or len(head) < 4:
            return "its packets are out of step" if head.strip(b"\0") else None
        if head[3] == 0xB9:  # end
            place += 4
        elif head[3] == 0xBA:  # a pack: MPEG-1's has 12 bytes
            place += 12 if head[4] >> 4 == 2 else 14 + (head[-1] & 7)
        else:
            place += 6 + int.from_bytes(head[4:6], "big")
        if place > size:
            return "it ends within a packet"
    return None


def _asf(file: BinaryIO, size: int) -> str | None:
    told = _asf_length(file)
    return "it is shorter than its header says" if told is not None and told > size else None


def _asf_length(file: BinaryIO) -> int | None:
    """Bytes of an ASF file as its header tells; None if it does not."""
    file.seek(0)
    head = file.read(1 << 16)
    place = head.find(_ASF_PROPERTIES)
    if place < 0:
        return None
    told: int = struct.unpack_from("<Q", head, place + 40)[0]
    return told


def _mxf(file: BinaryIO, size: int) -> str | None:
    """Its items one after the other; the last ones are a footer and an index of the parts."""
    place, last = 0, b""
    for _ in range(MOST_BOXES):
        file.seek(place)
        head = file.read(25)
        if place == size:
            return None if last[:13] == _MXF_PART and last[13] in (0x04, 0x11) else "its footer is missing"
        if len(head) < 17 or head[:4] != _MXF_PART[:4]:
            return "it ends within an item"
        width = head[16] & 0x7F if head[16] & 0x80 else 0
        length = int.from_bytes(head[17 : 17 + width], "big") if width else head[16]
        last, place = head[:16], place + 17 + width + length
        if place > size:
            return "it ends within an item"
    return None


def _mjpeg(file: BinaryIO, size: int) -> str | None:
    file.seek(max(0, size - 64))
    return None if file.read().rstrip(b"\0\r\n").endswith(b"\xff\xd9") else "it ends within a picture"


def _gif(file: BinaryIO, size: int) -> str | None:
    """Its blocks one after the other."""
    file.seek(0)
    data = file.read()
    announced = 0  # pictures by the extensions in front of them, less those that are there
    try:
        place = 13 + _gif_colours(data[10])
        while data[place] != 0x3B:
            if data[place] == 0x2C:  # a picture
                announced -= 1
                place += 11 + _gif_colours(data[place + 9])
            elif data[place] == 0x21:  # an extension
                announced += data[place + 1] == 0xF9
                place += 2
            else:
                return "its blocks are out of step"
            while data[place]:  # pieces, each with its length in front
                place += 1 + data[place]
            place += 1
    except IndexError:
        return "it ends within a block"
    return "its blocks are out of step" if announced > 0 or data[place + 1 :].strip(b"\0") else None


def _gif_colours(flags: int) -> int:
    """Bytes of the colour table that these flags announce."""
    return 3 * 2 ** (1 + (flags & 7)) if flags & 0x80 else 0


_CHECKS: dict[str, Callable[[BinaryIO, int], str | None]] = {
    "mov": _mov, "mp4": _mov, "avi": _riff, "matroska": _matroska, "webm": _matroska, "mpegts": _mpegts, "ogg": _ogg,
    "mxf": _mxf, "mjpeg": _mjpeg, "jpeg_pipe": _mjpeg, "mpeg": _mpeg,
    "flv": _flv, "asf": _asf, "gif": _gif,
}  # fmt: skip
