"""How the threads of a live session hand on what they have made: queues of bounded length, and one that drops."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from slt.live.clock import Clock, Timeline

T = TypeVar("T")
SLACK = 0.2  # seconds that a frame may wait; later ones give way to newer ones


class Stopped(Exception):
    """The session is over: nobody takes what is put."""


class Channel(Generic[T]):
    """A queue of at most `room` items between two threads."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._ended, self._stopped = False, False
        self._error: BaseException | None = None

    def put(self, item: T) -> None:
        """Add an item; waits while there is no room. Raises Stopped if the session is over."""
        with self._changed:
            self._add(item)
            self._changed.notify_all()
            while len(self._items) > self._room and not self._stopped:
                self._changed.wait()
            if self._stopped:
                raise Stopped

    def take(self) -> T | None:
        """The next item; waits for one. None at the end. Raises what the other side ended with."""
        with self._changed:
            while not self._items and not self._ended and not self._stopped:
                self._changed.wait()
            if self._stopped:
                raise Stopped
            if not self._items:
                if self._error is not None:
                    raise self._error
                return None
            self._changed.notify_all()
            return self._next()

    @property
    def waiting(self) -> int:
        """Items that can be taken at once."""
        return len(self._items)

    def end(self, error: BaseException | None = None) -> None:
        """No item comes any more. error: what `take` raises once all were taken."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def stop(self) -> None:
        """The session is over: whoever waits here gets Stopped."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _add(self, item: T) -> None:
        self._items.append(item)

    def _next(self) -> T:
        return self._items.popleft()


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture (H, W, 3) uint8 RGB. slot: its number on the grid of time. arrived: when it came, by our clock."""

    slot: int
    image: np.ndarray
    arrived: float


class Mailbox(Channel[Frame]):
    """Frames for an estimator that may be too slow for them.

    A frame that has waited `slack` seconds longer than it was due gives way to those behind it; the newest is never
    dropped. So an estimator that manages four frames of five loses every fifth, and is never behind by more. What comes
    before it is due (a pipe that is read faster than it plays) waits, and so does whoever sends it.
    """

    def __init__(self, fps: float, clock: Clock, slack: float = SLACK) -> None:
        super().__init__(round(slack * fps) + 2)
        self._clock, self._slack, self._timeline = clock, slack, Timeline(fps)
        self._due: deque[float] = deque()
        self.came, self.dropped = 0, 0

    def _add(self, item: Frame) -> None:
        self.came += 1
        self._due.append(self._timeline.due(item.slot, item.arrived))
        super()._add(item)
        self._drop()

    def _next(self) -> Frame:
        self._drop()
        self._due.popleft()
        return super()._next()

    def _drop(self) -> None:
        now = self._clock.now()
        while len(self._items) > 1 and now - self._due[0] > self._slack:
            self._items.popleft()
            self._due.popleft()
            self.dropped += 1
