"""The lifter `fast`: inverse kinematics, batched over clips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from skeletor.lifters.base import LIFTERS, LiftOptions, checked, finish, in_processes, observed_joints
from skeletor.lifters.gaps import fill
from skeletor.lifters.kinematic import fast
from skeletor.lifters.kinematic.side_by_side import Layout
from skeletor.poses.key_frames import carried_confidence, pose_stride
from skeletor.poses.pose import PoseSequence, StageRecord

BATCH = 4096  # frames that are lifted together


class FastOptions(LiftOptions):
    """Options of `fast`."""

    mode: Literal["fast"] = "fast"
    minimum_confidence: float = Field(0.1, ge=0, le=1, description="joints below it are as good as missing")
    hand_reach: float = Field(
        0.25, gt=0, le=10, description="shoulder widths; a hand further from its wrist is taken for another one's"
    )


class FastLifter:
    """Lifts clips together; see `skeletor.lifters.kinematic.fast`."""

    name = "fast"
    version = "2"

    def __init__(
        self, minimum_confidence: float = 0.1, hand_reach: float = 0.25, prior: fast.Prior = fast.PRIOR
    ) -> None:
        self.minimum_confidence = minimum_confidence
        self.hand_reach = hand_reach
        self.prior = prior

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """Lift one clip; see `skeletor.lifters.base.Lifter`."""
        return self.batch([pose])[0]

    def many(self, poses: Sequence[PoseSequence], workers: int = 1) -> list[PoseSequence]:
        """Lift clips, in their order."""
        return in_processes(self, poses, workers)

    def batch(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """Lift clips in this process."""
        result: list[PoseSequence] = []
        for group in _groups(poses):
            result += self._together(group)
        return result

    def _together(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        flats = [checked(pose) for pose in poses]
        observed = [observed_joints(flat, self.minimum_confidence, self.hand_reach) for flat in flats]
        points = np.concatenate([fill(f.keypoints, seen) for f, seen in zip(flats, observed, strict=True)])
        sure = np.concatenate([np.where(seen, f.confidence, 0) for f, seen in zip(flats, observed, strict=True)])
        layout = Layout(tuple(len(f) for f in flats))
        trusted = [carried_confidence(sure[part], pose_stride(f)) for f, part in zip(flats, layout.slices, strict=True)]
        joints = fast.lift(points, np.concatenate(trusted), layout, self.prior)
        record = StageRecord("lift", self.version, self._config())
        return [finish(f, joints[part], sure[part], record) for f, part in zip(flats, layout.slices, strict=True)]

    def _config(self) -> Mapping[str, Any]:
        return {"mode": "fast", "minimum_confidence": self.minimum_confidence, "hand_reach": self.hand_reach}


@LIFTERS.register(FastOptions, "inverse kinematics, batched")
def build_fast(options: FastOptions) -> FastLifter:
    """The lifter of its options."""
    return FastLifter(minimum_confidence=options.minimum_confidence, hand_reach=options.hand_reach)


def _groups(poses: Sequence[PoseSequence]) -> Iterator[list[PoseSequence]]:
    """Clips in their order, in groups of about BATCH frames, which bounds the memory."""
    group: list[PoseSequence] = []
    for pose in poses:
        group.append(pose)
        if sum(map(len, group)) >= BATCH:
            yield group
            group = []
    if group:
        yield group
