"""The lifter `flat`: what was seen, with no depth. The rival that every other lifter has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from skeletor.lifters.base import LIFTERS, LiftOptions, checked, in_processes, observed_joints
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.gaps import fill
from skeletor.poses.pose import PoseSequence, StageRecord

_FAST = FastOptions()  # what counts as seen, in the same way


class FlatOptions(LiftOptions):
    """Options of `flat`."""

    mode: Literal["flat"] = "flat"


class FlatLifter:
    """x and y as in `normalise`, z = 0 everywhere; gaps filled as `fast` fills them before it lifts."""

    name = "flat"
    version = "1"

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """Lift one clip; see `skeletor.lifters.base.Lifter`."""
        plane = checked(pose)
        seen = observed_joints(plane, _FAST.minimum_confidence, _FAST.hand_reach)  # (T, 50)
        points = fill(plane.keypoints, seen)  # (T, 50, 2)
        joints = np.concatenate([points, np.zeros_like(points[..., :1])], 2).astype(np.float32)  # (T, 50, 3)
        stage = StageRecord("lift", self.version, {"mode": self.name})
        return plane.replace(joints, np.where(seen, plane.confidence, 0).astype(np.float32), stage=stage)

    def many(self, poses: Sequence[PoseSequence], workers: int = 1) -> list[PoseSequence]:
        """Lift clips, in their order."""
        return in_processes(self, poses, workers)

    def batch(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """Lift clips in this process."""
        return [self(pose) for pose in poses]


@LIFTERS.register(FlatOptions, "x and y as seen, without depth")
def build_flat(options: FlatOptions) -> FlatLifter:
    """The lifter of its options."""
    return FlatLifter()
