"""From a 2D pose sequence to what a learned lifter takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skeletor.lifters.base import checked, observed_joints
from skeletor.lifters.gaps import fill
from skeletor.poses.pose import PoseSequence


@dataclass(frozen=True)
class LifterInput:
    """Input of a learned lifter: points (T, 50, 2) without gaps, in shoulder widths; confidence (T, 50), 0 = not seen.

    flat: the normalised 2D pose that they were made of.
    """

    flat: PoseSequence
    points: np.ndarray
    confidence: np.ndarray


def lifter_input(pose: PoseSequence, minimum_confidence: float, hand_reach: float) -> LifterInput:
    """The same steps for training and use: normalise, drop what is not believed, fill gaps. Errors as of `Lifter`."""
    flat = checked(pose)
    seen = observed_joints(flat, minimum_confidence, hand_reach)
    return LifterInput(flat, fill(flat.keypoints, seen), np.where(seen, flat.confidence, 0).astype(np.float32))
