"""What every lifter is, where it registers itself, and what surrounds them all: from a 2D PoseSequence to a 3D one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from pydantic import Field

from skeletor.lifters.gaps import gate_swapped_hands
from skeletor.poses.absent import absent_hands, mark_absent
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from skeletor.poses.turns import turns_of
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.registry import Registry
from skeletor.support.workers import worker_pool

NECK = SIGNING_50.index("neck")


class Lifter(Protocol):
    """2D poses on SIGNING_50, any unit, in; 3D in shoulder widths out: x, y as in `normalise`, z towards the camera.

    Every frame stays. A joint that was missing gets an inferred position and keeps confidence 0; so does every joint
    of a frame that was not estimated (`skeletor.poses.key_frames`). `LeavesAbsent`, which `build_lifter` of
    `skeletor.lifters.registry` puts around each, takes absent hands out again.
    Raises InputError if neck and shoulders are never seen, or if the pose is not 2D on SIGNING_50.
    """

    name: str
    version: str

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """Lift one clip."""
        ...

    def many(self, poses: Sequence[PoseSequence], workers: int = 1) -> list[PoseSequence]:
        """Lift clips, in their order; with `workers` > 1 in as many processes."""
        ...


class LiftOptions(Config):
    """What the options of every lifter have. An option `weights` is a file that goes into the model folder."""

    mode: str
    absent: Literal["missing", "filled"] = Field(
        "missing", description="hands that are down or out of the picture: left missing, or put at rest or held"
    )


LIFTERS: Registry[LiftOptions, Lifter] = Registry(LiftOptions, "mode", default="fast")


def checked(pose: PoseSequence) -> PoseSequence:
    """`normalise`d pose; InputError if it is not 2D on SIGNING_50, has nobody in it, or several people in turns."""
    where = f"{pose.provenance.source}: " if pose.provenance.source else ""
    if pose.skeleton != SIGNING_50:
        raise InputError(f"{where}lifting needs skeleton signing_50, not {pose.skeleton.name}; map it with to_skeleton")
    if pose.dims != 2:
        raise InputError(f"{where}lifting needs 2D joints, these have {pose.dims} coordinates already")
    if turns_of(pose):
        raise InputError(f"{where}several people in turns cannot be lifted as one; `slt lift` takes each by themselves")
    return normalise(pose)


def finish(flat: PoseSequence, joints: np.ndarray, confidence: np.ndarray, record: StageRecord) -> PoseSequence:
    """The pose with joints (T, 50, 3), shoulder widths, whose neck has the median depth 0; confidence: (T, 50)."""
    joints = joints - np.array([0, 0, np.median(joints[:, NECK, 2])])
    return flat.replace(joints.astype(np.float32), confidence, stage=record)


def observed_joints(flat: PoseSequence, minimum_confidence: float, hand_reach: float) -> np.ndarray:
    """(T, 50) bool: joints of a normalised pose that were found, surely enough, and on their own wrist."""
    observed = ~flat.missing & (flat.confidence >= minimum_confidence)
    return gate_swapped_hands(flat.keypoints, observed, hand_reach)


class LeavesAbsent:
    """A lifter whose 3D lacks the hands that are absent in the 2D (`skeletor.poses.absent`)."""

    def __init__(self, lifter: Lifter) -> None:
        self.name, self.version = lifter.name, lifter.version
        self._lifter = lifter

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """Lift one clip."""
        return self._without(pose, self._lifter(pose))

    def many(self, poses: Sequence[PoseSequence], workers: int = 1) -> list[PoseSequence]:
        """Lift clips, in their order."""
        return [self._without(*both) for both in zip(poses, self._lifter.many(poses, workers), strict=True)]

    def _without(self, pose: PoseSequence, lifted: PoseSequence) -> PoseSequence:
        return mark_absent(lifted, absent_hands(pose, lifted.confidence == 0))


class Batched(Protocol):
    """A lifter that can be sent to another process."""

    def batch(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """Lift clips in this process."""
        ...


def in_processes(lifter: Batched, poses: Sequence[PoseSequence], workers: int) -> list[PoseSequence]:
    """`lifter.batch` on interleaved shares of the clips, one process each; the order of the clips stays."""
    if workers <= 1 or len(poses) <= 1:
        return lifter.batch(poses)
    workers = min(workers, len(poses))
    with worker_pool(workers) as pool:
        shares = list(pool.map(lifter.batch, [poses[k::workers] for k in range(workers)]))
    result: list[PoseSequence | None] = [None] * len(poses)
    for k, share in enumerate(shares):
        result[k::workers] = share
    return [pose for pose in result if pose is not None]
