"""The clock of a live session, and the clock of its pictures beside it."""

from __future__ import annotations

import threading
import time

_BEHIND = 0.5  # seconds that a frame comes too late by when its stream is taken to have paused


class Clock:
    """Seconds that pass, and waiting that can be broken off. Tests have one of their own, which never waits."""

    def __init__(self) -> None:
        self._ended = threading.Event()

    def now(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def wait_until(self, moment: float) -> None:
        """Wait until `now` is that moment, or somebody calls `end`."""
        self._ended.wait(max(0.0, moment - self.now()))

    def end(self) -> None:
        """Nobody waits any more."""
        self._ended.set()

    @property
    def ended(self) -> bool:
        """Whether `end` was called."""
        return self._ended.is_set()


class Timeline:
    """When the frames of a stream are due, by the clock of the one who watches.

    A frame that comes earlier than its stamp says (a pipe that is read faster than it plays) can wait; what counts as
    late is counted from the moment at which it was due. The first frame is due when it comes. A stream that pauses, or
    whose clock is slower than ours, moves all later ones.
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._start: float | None = None

    def due(self, slot: int, arrived: float) -> float:
        """When frame `slot` (its number on the grid), which came at `arrived`, is due: then, or later."""
        at = slot / self._fps
        if self._start is None or arrived - at > self._start + _BEHIND:
            self._start = arrived - at
        return max(arrived, self._start + at)
