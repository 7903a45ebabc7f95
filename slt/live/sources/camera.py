"""A camera through OpenCV."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

import numpy as np

from skeletor.support.errors import InputError
from slt.live.channel import Frame
from slt.live.clock import Clock
from slt.video import frame_rate

_TIMED = 20  # pictures by which a camera's rate is measured
_UNTIMED = 5  # before them: a camera that starts gives some late, and some at once
_SLOWEST, _FASTEST = 1.0, 240.0
_EMPTY = 50  # pictures in a row that do not come, until a camera is taken to be gone


class Capture(Protocol):
    """What is used of `cv2.VideoCapture`."""

    def isOpened(self) -> bool:
        """Whether the camera can be read."""

    def read(self) -> tuple[bool, np.ndarray | None]:
        """Whether a picture came, and the picture, (H, W, 3) uint8 in BGR. Waits for it."""

    def get(self, number: int, /) -> float:
        """The value of a property, one of `cv2.CAP_PROP_*`; 0 if the camera does not know it."""

    def set(self, number: int, value: float, /) -> bool:
        """Ask for a value of a property; whether the camera says that it took it."""

    def release(self) -> None:
        """Give the camera back."""


class Camera:
    """See `sources.base.Source`. Each picture lies where its time says; what the camera leaves out is missing."""

    def __init__(self, capture: Capture, name: str, clock: Clock, fps: float | None) -> None:
        self.name = name
        self._capture, self._clock = capture, clock
        self.fps = self._measured() if fps is None else fps

    def frames(self) -> Iterator[Frame]:
        """See `Source`. Raises InputError if the camera gives no pictures any more (it was pulled out)."""
        start, last = None, -1
        while not self._clock.ended:
            image = self._picture()
            now = self._clock.now()
            start = now if start is None else start
            slot = round((now - start) * self.fps)
            if slot > last:  # else it is quicker than its grid, or this one came early
                yield Frame(slot, image, now)
                last = slot

    def _picture(self) -> np.ndarray:
        """The next picture, RGB."""
        import cv2

        for _ in range(_EMPTY):
            done, image = self._capture.read()
            if done and image is not None:
                return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        raise InputError(f"{self.name}: the camera gives no pictures; is it used by another program?")

    def _measured(self) -> float:
        """The rate of its pictures. What a camera says of itself is its best rate, in bright light."""
        import cv2

        said = self._capture.get(cv2.CAP_PROP_FPS)
        times = []
        for _ in range(_UNTIMED + _TIMED):
            self._picture()
            times.append(self._clock.now())
        rate = (_TIMED - 1) / max(times[-1] - times[_UNTIMED], 1e-3)
        if said > 0 and abs(rate / said - 1) < 0.1:
            return float(said)
        even = np.arange(_TIMED) / min(max(rate, _SLOWEST), _FASTEST)
        return frame_rate(even)


@contextmanager
def open_camera(
    device: int | str, clock: Clock, fps: float | None = None, opener: Callable[[int | str], Capture] | None = None
) -> Iterator[Camera]:
    """The camera of that number or device file. fps: asked of it, and taken for its rate; None: it is measured.

    Raises InputError if it cannot be opened, or gives no pictures.
    """
    import cv2

    name = f"camera {device}" if isinstance(device, int) else device
    with _quiet():
        capture: Capture = (opener or cv2.VideoCapture)(device)
    try:
        if not capture.isOpened():
            there = isinstance(device, int) or os.path.exists(device)
            why = "is it plugged in, and free?" if there else "there is no such device"
            raise InputError(f"{name}: no camera can be opened there; {why}")
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # no old pictures; not every camera can
        if fps is not None:
            capture.set(cv2.CAP_PROP_FPS, fps)
        yield Camera(capture, name, clock, fps)
    finally:
        capture.release()


@contextmanager
def _quiet() -> Iterator[None]:
    """OpenCV writes its own warnings about a camera that is not there."""
    import cv2

    logging = cv2.utils.logging
    before = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        with suppress(cv2.error):  # else it would hide the error of the block
            logging.setLogLevel(before)
