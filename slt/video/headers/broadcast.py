"""What an MPEG transport stream says of its own streams, from its first byte to its last.

FFmpeg decodes a stream by what was said of it first. (ISO/IEC 13818-1: program association and map sections.)
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slt.video.headers.whole import ts_packets

_CHUNK = 1 << 15  # packets to look at at once
_FIRST = 1 << 12  # bytes by which packets are known
_PICTURES = {
    0x01: "MPEG-1", 0x02: "MPEG-2", 0x10: "MPEG-4", 0x1B: "H.264", 0x24: "H.265", 0x33: "H.266", 0x42: "AVS",
    0x80: "MPEG-2", 0xD1: "Dirac", 0xD2: "AVS2", 0xD4: "AVS3", 0xEA: "VC-1",
}  # fmt: skip


# Bytes of a packet that begins with a program map: place, mask, value. No packet of pictures or sound begins so.
_MAP = ((0, 0xFF, 0x47), (1, 0x40, 0x40), (3, 0x30, 0x10), (4, 0xFF, 0), (5, 0xFF, 2), (6, 0xF0, 0xB0))


@dataclass(frozen=True)
class Change:
    """A stream that goes on in another codec. at: share of the file, 0 to 1."""

    before: str
    after: str
    at: float


def codec_change(path: Path, stream: int) -> Change | None:
    """Where the pictures of that stream (its packets' number) change their codec first; None if they do not, or the
    file cannot be read."""
    before: int | None = None
    try:
        for at, kinds in _maps(path):
            kind = kinds.get(stream)
            if kind not in _PICTURES:
                continue
            if before is not None and _PICTURES[kind] != _PICTURES[before]:
                return Change(_PICTURES[before], _PICTURES[kind], at)
            before = kind
    except (OSError, ValueError, IndexError):
        return None  # whoever decodes it says so
    return None


def _maps(path: Path) -> Iterator[tuple[float, dict[int, int]]]:
    """Each program map that is not as the one before: its place as a share of the file, packet number -> kind.

    Of a map of several packets the first one is read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        found = ts_packets(file)
        if found is None:
            return
        length, place = found
        known = b""
        file.seek(place)
        while len(data := file.read(_CHUNK * length)) >= length:
            for k, section in _sections(data, length):
                if section != known:
                    known = section
                    yield (place + k * length) / size, _kinds(section)
            place += len(data)


def _sections(data: bytes, length: int) -> Iterator[tuple[int, bytes]]:
    """Number of each packet of `length` bytes that begins with a program map, and that."""
    packets = np.frombuffer(data[: len(data) // length * length], np.uint8).reshape(-1, length)  # (P, length)
    maps = np.ones(len(packets), bool)
    for byte, mask, value in _MAP:
        maps &= packets[:, byte] & mask == value
    for k in np.flatnonzero(maps):
        yield int(k), packets[k, 5:188].tobytes()


class CodecWatch:
    """Tells a change of codec while a stream comes in: `tell` gets the codecs before and after, once.

    What comes before `follow` says of which stream is kept in mind. Of what is no transport stream nothing is told.
    """

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self._tell = tell
        self._stream: int | None = None
        self._length: int | None = None  # of a packet; 0: this is no transport stream
        self._rest = self._known = b""
        self._maps: list[dict[int, int]] = []  # not looked at yet
        self._codec: str | None = None  # of the stream, so far

    def see(self, data: bytes) -> None:
        """The next bytes, from the first ones on."""
        if self._length == 0:
            return
        self._rest += data
        if self._length is None:
            if len(self._rest) < _FIRST:
                return
            self._length, place = ts_packets(io.BytesIO(self._rest)) or (0, len(self._rest))
            self._rest = self._rest[place:]
            if self._length == 0:
                return
        for _, section in _sections(self._rest, self._length):
            if section != self._known:
                self._known = section
                with suppress(IndexError):  # a damaged one
                    self._maps.append(_kinds(section))
        self._rest = self._rest[len(self._rest) // self._length * self._length :]
        self._look()

    def follow(self, stream: int) -> None:
        """It is the pictures of that stream (its packets' number) that are decoded."""
        self._stream = stream
        self._look()

    def _look(self) -> None:
        if self._stream is None:
            return
        maps, self._maps = self._maps, []
        for kinds in maps:
            before, after = self._codec, _PICTURES.get(kinds.get(self._stream, 0))
            self._codec = after or before
            if before and after and after != before:
                self._length, self._rest = 0, b""  # nothing more is told
                self._tell(before, after)
                return


def _kinds(section: bytes) -> dict[int, int]:
    """Packet number -> kind of stream, of a program map."""
    end = min(len(section), 3 + ((section[1] & 0x0F) << 8 | section[2]) - 4)
    place = 12 + ((section[10] & 0x0F) << 8 | section[11])
    kinds: dict[int, int] = {}
    while place + 5 <= end:
        kinds[(section[place + 1] & 0x1F) << 8 | section[place + 2]] = section[place]
        place += 5 + ((section[place + 3] & 0x0F) << 8 | section[place + 4])
    return kinds
