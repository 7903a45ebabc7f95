"""The bytes of a `.pose` file (versions 0.0, 0.1, 0.2): what its header says, and all values behind it.

Lengths are checked before anything is allocated: pose-format's own reader loads version 0.1 files that lack half of
their frames without a word, and of version 0.0 only the first person.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from skeletor.io.people import check_crowd
from skeletor.support.errors import InputError

MOST_POINTS = 4096  # of one person; MediaPipe's holistic has 586
MOST_COMPONENTS = 256
LOWEST_FPS, HIGHEST_FPS = 1.0, 1000.0


@dataclass(frozen=True)
class Component:
    """A named part of the header: its points and the limbs (a, b) between them; dims: coordinates of a point."""

    name: str
    points: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    dims: int


@dataclass(frozen=True)
class PoseFile:
    """values: (T, P, N, D); confidence: (T, P, N); fps: as the file says; size: (width, height), 0 if not known."""

    components: tuple[Component, ...]
    size: tuple[int, int]
    fps: float
    values: np.ndarray
    confidence: np.ndarray


class _Bytes:
    """Reads little-endian values, one after the other. InputError at the end of the content."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def unpack(self, form: str) -> Any:
        """The values of a `struct` format; a single one as itself."""
        size = struct.calcsize("<" + form)
        if self.at + size > len(self.content):
            raise InputError("is truncated in its header")
        values = struct.unpack_from("<" + form, self.content, self.at)
        self.at += size
        return values[0] if len(values) == 1 else values

    def text(self) -> str:
        """A text with its length before it."""
        length = self.unpack("H")
        if self.at + length > len(self.content):
            raise InputError("is truncated in its header")
        self.at += length
        return self.content[self.at - length : self.at].decode("utf-8")


def parse(content: bytes) -> PoseFile:
    """A whole file. InputError unless it is exactly as long as its header says, and of a known version."""
    reader = _Bytes(content)
    version = round(float(reader.unpack("f")), 3)
    if version not in (0.0, 0.1, 0.2):
        raise InputError(f"version {version:g} of the .pose format is unknown; 0.0, 0.1 and 0.2 are read")
    width, height, _ = reader.unpack("HHH")
    components = _components(reader)
    points = sum(len(c.points) for c in components)
    if version == 0.0:
        fps, values = _body_0(reader, points, components)
    else:
        fps, values = _body(reader, version, points, components[0].dims)
    return PoseFile(components, (width, height), fps, *values)


def _components(reader: _Bytes) -> tuple[Component, ...]:
    count = reader.unpack("H")
    if not 0 < count <= MOST_COMPONENTS:
        raise InputError(f"says that it has {count} components; expected 1 to {MOST_COMPONENTS}")
    found: list[Component] = []
    formats = set()
    for _ in range(count):
        name, form = reader.text(), reader.text()
        points, limbs, colours = reader.unpack("HHH")
        if points + sum(len(c.points) for c in found) > MOST_POINTS:
            raise InputError(f"says that it has over {MOST_POINTS} points; no pose has")
        formats.add(form)
        if not formats <= {"XYC", "XYZC"} or len(formats) > 1:
            raise InputError(
                f"components with values {', '.join(sorted(formats))[:40]!r}; expected all XYC or all XYZC"
            )
        names = tuple(reader.text() for _ in range(points))
        ends = tuple(dict.fromkeys(reader.unpack("HH") for _ in range(limbs)))
        reader.unpack(f"{3 * colours}H" if colours else "0s")
        if any(max(limb) >= points for limb in ends):
            raise InputError(f"component {name[:40]!r}: a limb ends in a point that is not there")
        found.append(Component(name, names, ends, len(form) - 1))
    if not any(c.points for c in found):
        raise InputError("has no points")
    return tuple(found)


def _body(reader: _Bytes, version: float, points: int, dims: int) -> tuple[float, tuple[np.ndarray, np.ndarray]]:
    """fps, and values and confidence of versions 0.1 and 0.2."""
    fps, said, people = reader.unpack("HHH" if version == 0.1 else "fIH")
    if people == 0:
        raise InputError("holds nobody (0 people)")
    frames, rest = divmod(len(reader.content) - reader.at, 4 * people * points * (dims + 1))
    # version 0.1 counts frames in 16 bits, so longer recordings wrap around
    same = frames % 65536 == said if version == 0.1 else frames == said
    if rest and same:
        raise InputError(f"is damaged: {rest} bytes follow its {said} frames")
    if rest or not same:
        raise InputError(f"is truncated or damaged: its header says {said} frames, its length {frames}")
    check_crowd(frames, people)
    count = frames * people * points
    values = np.frombuffer(reader.content, "<f4", count * dims, reader.at)
    confidence = np.frombuffer(reader.content, "<f4", count, reader.at + values.nbytes)
    return float(fps), (values.reshape(frames, people, points, dims), confidence.reshape(frames, people, points))


def _body_0(
    reader: _Bytes, points: int, components: tuple[Component, ...]
) -> tuple[float, tuple[np.ndarray, np.ndarray]]:
    """The same of version 0.0, where each frame says how many people it has."""
    fps, said = reader.unpack("HH")
    fields = components[0].dims + 1
    frames: list[np.ndarray] = []
    one = np.dtype([("id", "<i2"), ("values", "<f4", (points, fields))])
    for frame in range(said):
        rest = len(reader.content) - reader.at
        people = reader.unpack("H") if rest >= 2 else 0
        if rest < 2 + people * one.itemsize:
            raise InputError(f"is truncated or damaged: its header says {said} frames, it ends in frame {frame}")
        check_crowd(said, people)
        frames.append(np.frombuffer(reader.content, one, people, reader.at)["values"])
        reader.at += people * one.itemsize
    if reader.at != len(reader.content) or said == 0:
        raise InputError(f"is damaged: {len(reader.content) - reader.at} bytes follow its {said} frames")
    values = np.zeros((said, max(len(frame) for frame in frames), points, fields), np.float32)
    for row, frame_values in zip(values, frames, strict=True):
        row[: len(frame_values)] = frame_values
    return float(fps), (values[..., :-1], values[..., -1])


def usable_fps(said: float, given: float | None) -> float:
    """The rate that is given, or else the file's own. InputError if that is none."""
    if given is not None:
        return given
    if not (np.isfinite(said) and LOWEST_FPS <= said <= HIGHEST_FPS):
        raise InputError(f"says {said:g} frames per second; give the right rate with --fps")
    return said
