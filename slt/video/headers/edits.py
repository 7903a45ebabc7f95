"""Edit lists of MP4 files: which part of a track players show, when, and how fast.

FFmpeg follows them but for the speed. (ISO/IEC 14496-12, boxes "elst", "mdhd", "tkhd", "mvhd", "hdlr".)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slt.video.headers.mp4 import LARGEST_HEAD, boxes

_BEYOND = 0.5  # seconds; encoders end the list with the sound, which may be longer by a little


@dataclass(frozen=True)
class Edit:
    """seconds: how long it is shown. start: seconds of the track's own clock; None for a time without a picture."""

    seconds: float
    start: float | None
    rate: float


@dataclass(frozen=True)
class Edits:
    """Those of a track of pictures. length: seconds of its own clock that there are; 0 if the head does not know."""

    listed: tuple[Edit, ...]
    length: float

    @property
    def show_nothing(self) -> bool:
        """Whether not one of the pictures is within an edit."""
        within = [e for e in self.listed if e.start is not None and e.start < self.length and e.seconds > 0]
        return bool(self.listed and self.length) and not within

    @property
    def misread(self) -> bool:
        """Whether FFmpeg makes of the list what it does not say: a picture that is to stand still goes on, what is to
        go backwards goes forwards, each once more than it should."""
        return any(edit.rate <= 0 for edit in self.listed if edit.start is not None)

    def notes(self) -> list[str]:
        """What the user should know."""
        if self.show_nothing:
            return ["its edit list shows none of its pictures; they are read as if it had none"]
        if self.misread:
            return ["its edit list holds pictures still, or plays them backwards; they are read as if it had none"]
        found = []
        rates = sorted({edit.rate for edit in self.listed if edit.start is not None} - {1.0})
        if rates:
            listed = ", ".join(f"{rate:g}" for rate in rates)
            found.append(f"its edit list asks for other speeds ({listed} times); its pictures are read at their own")
        over = [e.start + e.seconds * e.rate - self.length for e in self.listed if e.start is not None]
        if self.length and max(over, default=0.0) > _BEYOND:
            found.append(f"its edit list goes on for {max(over):.1f} s behind its last picture; nothing is read there")
        return found


def read_edits(path: Path) -> dict[int, Edits]:
    """The edits of each track of pictures of an MP4 file, by its number; {} for any other, or a damaged one."""
    try:
        with path.open("rb") as file:
            heads = [(place, length) for place, length, name in boxes(file) if name == b"moov"]
            if not heads or heads[0][1] > LARGEST_HEAD:
                return {}
            file.seek(heads[0][0] + 8)
            moov = file.read(heads[0][1] - 8)
        parts = list(_parts(moov))
        scale = next(_ticks(data)[0] for name, data in parts if name == b"mvhd")
        fragments = any(name == b"mvex" for name, _ in parts)
        tracks = [dict(_parts(data)) for name, data in parts if name == b"trak"]
        return dict(_track(track, scale) for track in tracks if _shows(track)) if not fragments else {}
    except (OSError, OverflowError, ValueError, KeyError, StopIteration, IndexError, struct.error, ZeroDivisionError):
        return {}  # whoever opens it says so


def _shows(track: dict[bytes, bytes]) -> bool:
    """Whether a track is of pictures, and has an edit list."""
    return b"edts" in track and dict(_parts(track[b"mdia"]))[b"hdlr"][8:12] == b"vide"


def _track(track: dict[bytes, bytes], scale: int) -> tuple[int, Edits]:
    wide, head = track[b"tkhd"][0] == 1, track[b"tkhd"]
    (number,) = struct.unpack_from(">I", head, 20 if wide else 12)
    ticks, length = _ticks(dict(_parts(track[b"mdia"]))[b"mdhd"])
    listed = dict(_parts(track[b"edts"]))[b"elst"]
    entry = struct.Struct(">Qqhh" if listed[0] == 1 else ">Iihh")
    (count,) = struct.unpack_from(">I", listed, 4)
    edits = []
    for k in range(min(count, (len(listed) - 8) // entry.size)):
        seconds, start, whole, part = entry.unpack_from(listed, 8 + k * entry.size)
        at = None if start == -1 else start / ticks
        edits.append(Edit(seconds / scale, at, whole + (part & 0xFFFF) / 65536))
    return number, Edits(tuple(edits), length / ticks)


def _ticks(head: bytes) -> tuple[int, int]:
    """Ticks a second, and the length in them, of a "mvhd" or "mdhd"."""
    ticks, length = struct.unpack_from(">IQ", head, 20) if head[0] == 1 else struct.unpack_from(">II", head, 12)
    return ticks, length


def _parts(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box within another one."""
    place = 0
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        begin = 8
        if length == 1:
            length, begin = int.from_bytes(data[place + 8 : place + 16], "big"), 16
        if length < begin:
            return
        yield data[place + 4 : place + 8], data[place + begin : place + length]
        place += length
