"""A clock that never waits, and what stands in for cameras and estimators."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import numpy as np

from skeletor.poses.pose import PoseSequence
from slt.live.channel import Frame
from slt.live.clock import Clock


class FakeClock(Clock):
    """Time passes when somebody waits for it, at once."""

    def __init__(self, now: float = 100.0) -> None:
        super().__init__()
        self.time = now

    def now(self) -> float:
        return self.time

    def wait_until(self, moment: float) -> None:
        self.time = max(self.time, moment)


def frame(slot: int, arrived: float) -> Frame:
    return Frame(slot, np.zeros((2, 2, 3), np.uint8), arrived)


class Slots:
    """A source whose frames have no picture. They come as soon as they are wanted, or when the clock says so."""

    name = "slots"

    def __init__(self, count: int, clock: Clock, fps: float = 25.0, error: Exception | None = None) -> None:
        self.fps, self._count, self._clock, self._error = fps, count, clock, error

    def frames(self) -> Iterator[Frame]:
        for slot in range(self._count):
            yield frame(slot, self._clock.now())
        if self._error is not None:
            raise self._error


class Poses:
    """An estimator that knows what is in each frame. looked: the frames that it was asked for. each: is called for."""

    name, version, options = "known", "1", {}

    def __init__(self, pose: PoseSequence, each: Callable[[int], None] = lambda number: None) -> None:
        self._pose, self._each = pose, each
        self.looked: list[int] = []

    def load(self) -> None:
        pass

    @contextmanager
    def follow(
        self, source: str, fps: float, tell: Callable[[int, PoseSequence], None]
    ) -> Generator[Callable[[np.ndarray, int], None]]:
        def look(image: np.ndarray, number: int) -> None:
            self._each(number)
            self.looked.append(number)
            tell(number, self._pose.frames(number, number + 1))

        yield look
