"""Joints that a refiner leaves missing: what a caller says is absent, and hands that are down or out of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skeletor.poses.hands import hands_and_wrists
from skeletor.poses.pose import PoseSequence

HALF = 0.5  # of a hand's joints: where fewer are seen, it is missing


@dataclass(frozen=True)
class Leave:
    """missing: joints without a position (NaN) stay without. absent: see `absent_hands`; None: all hands are filled."""

    missing: bool = False
    absent: int | None = None

    def __bool__(self) -> bool:
        return self.missing or self.absent is not None

    def joints(self, pose: PoseSequence) -> np.ndarray:
        """(T, J) bool: what is to be missing in the refined pose."""
        left = pose.missing if self.missing else np.zeros_like(pose.missing)
        return left if self.absent is None else left | absent_hands(pose, self.absent)


def absent_hands(pose: PoseSequence, longest: int) -> np.ndarray:
    """(T, J) bool: hands in runs of more than `longest` frames before their first or after their last observation.

    A hand that is never seen is absent if the clip is longer than that. Gaps between two observations are losses,
    however long. A joint is seen where it has a position and a confidence above 0.
    """
    seen = ~pose.missing & (pose.confidence > 0)
    absent = np.zeros_like(seen)
    for hand, _ in hands_and_wrists(pose.skeleton):
        frames = np.flatnonzero(seen[:, hand].mean(1) >= HALF)
        first, last = (int(frames[0]), int(frames[-1])) if len(frames) else (len(pose), len(pose) - 1)
        if first > longest:
            absent[:first, hand] = True
        if len(pose) - 1 - last > longest:
            absent[last + 1 :, hand] = True
    return absent
