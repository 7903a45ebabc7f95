"""Sparse 2D poses (`skeletor.poses.key_frames`) refined: only the frames that were looked at."""

from __future__ import annotations

from collections.abc import Sequence

from skeletor.poses.key_frames import only_key_frames, pose_stride, spread
from skeletor.poses.pose import PoseSequence
from skeletor.refiners.base import Refiner


class OnKeyFrames:
    """A 2D refiner that works on the key frames of sparse poses only; the others stay missing."""

    def __init__(self, refiner: Refiner) -> None:
        self.name, self.version = refiner.name, refiner.version
        self._refiner = refiner

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """The refined pose; see `skeletor.refiners.base.Refiner`."""
        return self.many([pose])[0]

    def many(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """Refine many clips together."""
        done = self._refiner.many([only_key_frames(pose) for pose in poses])
        return [spread(new, pose_stride(pose), len(pose)) for new, pose in zip(done, poses, strict=True)]
