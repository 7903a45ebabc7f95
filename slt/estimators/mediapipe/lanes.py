"""Body and hands of a stream in threads of their own, so that a frame is ready sooner than they take together.

A hand needs the body of its frame and itself in the frame before, the body itself only: while the hands of a frame are
looked at, so is the body of the next. What comes out is the same, bit for bit, as one after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

import numpy as np

from slt.estimators.mediapipe.track import Looks, Tracker

_AHEAD = 3  # looks at the body whose frames may be in work; where frames come faster, they wait before that


class Lanes:
    """Follows one stream. tell: is called with each frame's number and (75, 3), in order, by one of the threads."""

    def __init__(self, tracker: Tracker, tell: Callable[[int, np.ndarray], None]) -> None:
        """tracker: one that is `apart`; it is closed with this."""
        self._tracker, self._tell = tracker, tell
        self._body = ThreadPoolExecutor(1, "body")
        self._hands = [ThreadPoolExecutor(1, "hands") for _ in tracker.sides]
        self._going: deque[list[Future[None]]] = deque()
        self._lock = Lock()

    def look(self, picture: np.ndarray, number: int) -> None:
        """The next frame (H, W, 3) uint8 RGB. Waits while too many are in work. Raises what went wrong before."""
        self._start(self._tracker.take(picture, number))

    def finish(self) -> None:
        """No frame comes any more; all are told when it returns. Raises what went wrong."""
        self._start(self._tracker.rest())
        while self._going:
            self._wait()

    def close(self) -> None:
        """End all threads; what was not begun is left."""
        for lane in (self._body, *self._hands):
            lane.shutdown(cancel_futures=True)
        self._tracker.close()

    def _start(self, looks: Looks | None) -> None:
        if looks is None:
            return
        while self._going and (len(self._going) >= _AHEAD or all(hands.done() for hands in self._going[0])):
            self._wait()
        body = self._body.submit(self._tracker.look_at_body, looks)
        left = list(self._tracker.sides)  # to be looked at
        self._going.append(
            [
                lane.submit(self._look_at_hands, looks, sides, body, left)
                for lane, sides in zip(self._hands, self._tracker.sides, strict=True)
            ]
        )

    def _look_at_hands(
        self, looks: Looks, sides: Sequence[int], body: Future[None], left: list[tuple[int, ...]]
    ) -> None:
        body.result()
        self._tracker.look_at_hands(looks, sides)
        with self._lock:
            left.pop()
            last = not left
        if last:  # the lanes keep the order: the frames before have been told
            for number, row in looks.rows.items():
                self._tell(number, row)

    def _wait(self) -> None:
        for hands in self._going.popleft():
            hands.result()
