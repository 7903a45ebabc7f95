"""The last frames of a live session: only those that a sentence still needs."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50


@dataclass(frozen=True, eq=False)
class Row:
    """The joints of one frame, a pose (1, 50, D). slot: its number on the grid. arrived: when its picture came."""

    slot: int
    pose: PoseSequence
    arrived: float


class Window:
    """Frames `first` to `stop` - 1 of a stream, each in its place: those that nobody looked at are missing (NaN)."""

    def __init__(self) -> None:
        self._points: deque[np.ndarray] = deque()
        self._confidence: deque[np.ndarray] = deque()
        self._looked: deque[bool] = deque()
        self._arrived: deque[float] = deque()
        self._like: PoseSequence | None = None  # a frame, for what all have in common
        self.first = 0

    @property
    def stop(self) -> int:
        """The number of frames that have come, those included that are forgotten."""
        return self.first + len(self._looked)

    def add(self, row: Row) -> PoseSequence:
        """The frames that are new, (n, 50, D): this one, before it those of the slots that were left out.

        The row is none of an earlier slot.
        """
        assert row.slot >= self.stop, (row.slot, self.stop)
        self._like, before = row.pose, self.stop
        last = self._arrived[-1] if self._arrived else -np.inf
        nowhere = np.full_like(row.pose.keypoints[0], np.nan)
        for slot in range(before, row.slot):
            came = max(last, row.arrived - (row.slot - slot) / row.pose.fps)
            self._append(nowhere, np.zeros(len(SIGNING_50), np.float32), False, came)
        self._append(row.pose.keypoints[0], row.pose.confidence[0], True, row.arrived)
        return self.part(before, self.stop)

    def _append(self, points: np.ndarray, confidence: np.ndarray, looked: bool, arrived: float) -> None:
        self._points.append(points)
        self._confidence.append(confidence)
        self._looked.append(looked)
        self._arrived.append(arrived)

    def part(self, start: int, stop: int) -> PoseSequence:
        """Frames start <= t < stop, as far as they are there."""
        assert self._like is not None, "nothing has come yet"
        frames = self._range(start, stop)
        empty = self._like.frames(0, 0)
        points = np.stack([self._points[k] for k in frames]) if frames else empty.keypoints
        confidence = np.stack([self._confidence[k] for k in frames]) if frames else empty.confidence
        return self._like.replace(points, confidence)

    def told(self, start: int, stop: int) -> PoseSequence:
        """`part`, but frames that nobody looked at repeat the one before: they tell nothing about who is there."""
        pose, frames = self.part(start, stop), self._range(start, stop)
        looked = np.array([self._looked[k] for k in frames], bool)
        if looked.all() or not looked.any():
            return pose
        before = np.maximum.accumulate(np.where(looked, np.arange(len(looked)), looked.argmax()))
        return pose.replace(pose.keypoints[before], pose.confidence[before])

    def share(self, start: int, stop: int, stride: int = 1) -> float:
        """How many of the frames that are multiples of the stride were looked at, 0 to 1."""
        wanted = [self._looked[k] for k in self._range(start, stop) if (k + self.first) % stride == 0]
        return sum(wanted) / len(wanted) if wanted else 0.0

    def arrived(self, slot: int) -> float:
        """When the picture of a frame came, by our clock."""
        return self._arrived[min(max(slot, self.first), self.stop - 1) - self.first]

    def forget(self, before: int) -> None:
        """Drop the frames before that one."""
        while self.first < before and self._looked:
            for kept in (self._points, self._confidence, self._looked, self._arrived):
                kept.popleft()
            self.first += 1

    def _range(self, start: int, stop: int) -> range:
        return range(max(0, start - self.first), max(0, min(stop, self.stop) - self.first))
