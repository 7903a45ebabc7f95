"""The network's probabilities of a frame, while frames come in: from those before it and a few after it."""

from __future__ import annotations

import math

import numpy as np

from skeletor.poses.pose import PoseSequence, Provenance
from slt.segment.features import FPS, of_key_frames
from slt.segment.network import BEGIN, INSIDE, Segmenter
from slt.segment.watched import WATCHED

_SENTENCE = 0
_EDGE = 4  # frames at `FPS`: speeds at the ends of what is looked at are measured over fewer
_GRID = 25  # camera frames, among which one lies near a frame at `FPS`, whatever the camera's rate
_NEARLY = 1e-6  # frames


class Judged:
    """(n, 2) of the frames that were looked at, from `first` on: those that cannot change are not asked for again."""

    def __init__(self) -> None:
        self._values, self._first, self._count = np.zeros((64, 2)), 0, 0

    def put(self, since: int, found: np.ndarray) -> None:
        """(m, 2) of the frames from `since` on, which take the place of what was there."""
        at = since - self._first
        if at > self._count:  # nothing of what was there goes on
            self._first, at = since, 0
        self._count = at + len(found)
        if self._count > len(self._values):
            values = np.zeros((2 * self._count, 2))  # twice: what is copied is paid for
            values[:at] = self._values[:at]
            self._values = values
        self._values[at : self._count] = found

    def since(self, frame: int) -> np.ndarray:
        """(n, 2) from that frame on; what lies before is forgotten when it is more than half."""
        gone = frame - self._first
        if 2 * gone > self._count:
            self._values, self._first, self._count = self._values[gone:].copy(), frame, self._count - gone
            gone = 0
        return self._values[gone : self._count]


class Chances:
    """Whether a sentence begins or goes on, 25 times a second, of a camera at another rate.

    A frame can be looked at when `ahead` seconds after it are known. What the network would have seen later is to it as
    beyond the end of a recording, of which it has learned. fps: of the camera frames that come, each the first of
    `stride` of the camera's.
    """

    def __init__(self, segmenter: Segmenter, fps: float, ahead: float, stride: int = 1) -> None:
        self._segmenter, self._fps, self._ahead, self._stride = segmenter, fps, ahead, stride
        self._points: list[np.ndarray] = []  # (20, 2) of each camera frame, from frame `_first` on
        self._confidence: list[np.ndarray] = []
        self._first = 0

    def push(self, points: np.ndarray, confidence: np.ndarray) -> None:
        """The next camera frame: (20, 2) and (20,) of the joints of `WATCHED`."""
        self._points.append(points)
        self._confidence.append(confidence)

    @property
    def due(self) -> int:
        """How many frames at `FPS` can be looked at."""
        return max(0, math.floor((self._known / self._fps - self._ahead) * FPS + 0.5 + _NEARLY))

    @property
    def all(self) -> int:
        """How many frames at `FPS` there are if no camera frame follows."""
        return max(1, round(self._known / self._fps * FPS)) if self._known else 0

    @property
    def _known(self) -> int:
        return self._first + len(self._points)

    def look(self, since: int, until: int, width: float | None) -> np.ndarray:
        """(until - since, 2) of frames at `FPS`, by all that is known now: that a sentence begins, that one begins or
        goes on. width: of the shoulders, in the units of the points; None if they were never seen.
        """
        points, confidence = np.stack(self._points), np.stack(self._confidence)  # (n, 20, 2), (n, 20)
        if width is None:
            points, confidence = np.full_like(points, np.nan), np.zeros_like(confidence)
        pose = PoseSequence(points / (width or 1.0), confidence, self._fps, WATCHED, Provenance(units="shoulder"))
        chances = self._segmenter.probabilities(of_key_frames(pose, self._stride))[:, _SENTENCE]  # (n', 3)
        begin, inside = chances[:, BEGIN], chances[:, BEGIN] + chances[:, INSIDE]
        offset = round(self._first / self._fps * FPS)
        wanted = np.minimum(np.arange(since, until) - offset, len(chances) - 1)
        return np.stack([begin[wanted], inside[wanted]], 1)

    def forget(self, before: int) -> None:
        """Frames at `FPS` before that one are not looked at any more: drop the camera frames that no other needs.

        What is left begins near a frame at `FPS`.
        """
        needed = math.floor((before - self._segmenter.reach - _EDGE) / FPS * self._fps)
        if needed - self._first < 2 * _GRID:  # seldom, since what stays is copied
            return
        frames = np.arange(needed, needed - _GRID, -1)
        off = frames / self._fps * FPS
        first = int(frames[np.abs(off - np.round(off)).round(6).argmin()])
        del self._points[: first - self._first], self._confidence[: first - self._first]
        self._first = first
