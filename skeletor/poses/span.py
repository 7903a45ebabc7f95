"""A part of a recording by its times, and the frames that it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from skeletor.support.errors import InputError

_TAIL = 0.1  # seconds by which a recording's sound may outlast its pictures: ends that were set by ear lie there


@dataclass(frozen=True)
class Span:
    """From `start` to `end` in seconds of the recording, `end` not included; None: to the recording's end."""

    start: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and self.start >= 0):
            raise InputError(f"start {self.start:g}: has to be a number of seconds from 0 on")
        if self.end is not None and not (math.isfinite(self.end) and self.end > self.start):
            raise InputError(f"end {self.end:g}: has to come after the start, {self.start:g}")

    def __str__(self) -> str:
        return f"{self.start:g} s to the end" if self.end is None else f"{self.start:g} to {self.end:g} s"

    def frames(self, fps: float, count: int, begins: float = 0.0) -> range:
        """The frames of a recording of `count` frames at `fps` that are the part: numbers from 0.

        begins: the second of the recording at which frame 0 is shown; what lies before has no frames.
        Frame k is shown from begins + k / fps on; each edge is put where a frame begins, the nearest. So parts that
        touch have no frame in common, and leave none out. An end up to a tenth of a second behind the last frame is the
        recording's. Raises InputError, without the file's name, if the part is not within the recording, or is shorter
        than a frame.
        """
        first = max(0, math.floor((self.start - begins) * fps + 0.5))
        stop = count if self.end is None else math.floor((self.end - begins) * fps + 0.5)
        if self.end is not None and self.end - begins <= count / fps + _TAIL:
            stop = min(stop, count)
        if first >= count or stop > count:
            whole, late = begins + count / fps, f", the first at {begins:.2f} s" if begins else ""
            raise InputError(f"the part from {self} is not within its {whole:.2f} s ({count} frames{late})")
        if stop <= first:
            raise InputError(f"the part from {self} holds no frame at {fps:g} frames a second")
        return range(first, stop)
