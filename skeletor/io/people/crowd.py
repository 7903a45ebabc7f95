"""Everybody whom an estimator found in one recording."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import Skeleton
from skeletor.support.errors import InputError

MOST_PEOPLE = 128  # in a frame; OpenPose itself finds at most 127
MOST_PLACES = 250_000  # frames times people: 0.5 GB


@dataclass(frozen=True, eq=False)
class People:
    """Everybody an estimator found, frame by frame.

    keypoints: (T, P, J, D) float32, NaN where missing; confidence: (T, P, J). The P places of a frame are in the
    estimator's own order: the person in place 0 of one frame need not be the one in place 0 of the next.
    """

    keypoints: np.ndarray
    confidence: np.ndarray
    fps: float
    skeleton: Skeleton
    provenance: Provenance = field(default_factory=Provenance)

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def count(self) -> int:
        """P, the largest number of people in one frame."""
        return int(self.keypoints.shape[1])

    def person(self, places: np.ndarray) -> PoseSequence:
        """The pose sequence of the person who is in place `places[t]` of frame t; (T,) int, -1 for nowhere."""
        places = np.asarray(places)
        keypoints = np.full((len(self), *self.keypoints.shape[2:]), np.nan, np.float32)  # (T, J, D)
        confidence = np.zeros(keypoints.shape[:2], np.float32)  # (T, J)
        there = np.flatnonzero(places >= 0)
        keypoints[there] = self.keypoints[there, places[there]]
        confidence[there] = self.confidence[there, places[there]]
        return PoseSequence(keypoints, confidence, self.fps, self.skeleton, self.provenance)


def check_crowd(frames: int, people: int) -> None:
    """Raises InputError for more than `MOST_PEOPLE` people in a frame, or more than `MOST_PLACES` frames times people.

    Such a file is no recording of a signer, or does not fit into memory.
    """
    if people > MOST_PEOPLE:
        raise InputError(f"has {people} people in a frame; at most {MOST_PEOPLE} are read, leave the others out")
    if frames * people > MOST_PLACES:
        raise InputError(f"has {frames} frames of up to {people} people, too much at once; cut it into pieces")
