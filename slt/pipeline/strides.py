"""Clips with 2D of every N-th frame only, brought to what the translator reads: for limits of each stride."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skeletor.lifters.registry import Lifter, LiftOptions, build_lifter
from skeletor.poses.key_frames import STRIDE, pose_stride, thin
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.refiners.registry import RefineOptions, Refiner, build_refiner
from skeletor.refiners2d.key_frames import OnKeyFrames
from skeletor.refiners2d.registry import Refine2DOptions, build_refiner_2d
from skeletor.support.errors import InputError
from skeletor.support.progress import log

STRIDES = (2, 4, 8)
Pair = tuple[list[PoseSequence], list[PoseSequence]]  # key points and final poses of the same clips


@dataclass(frozen=True)
class PoseChain:
    """The stages between estimator and translator."""

    refiner_2d: Refiner
    lifter: Lifter
    refiner: Refiner

    def final(self, raw: Sequence[PoseSequence]) -> Pair:
        """(key points (T, J, 2), final poses (T, 50, 3) in shoulder widths) of those clips that can be lifted.

        The others are left out, and logged.
        """
        try:
            return list(raw), self._many(raw)
        except InputError:
            return self._one_by_one(raw)

    def _one_by_one(self, raw: Sequence[PoseSequence]) -> Pair:
        kept: Pair = ([], [])
        for pose in raw:
            try:
                kept[1].extend(self._many([pose]))
                kept[0].append(pose)
            except InputError as error:
                log.warning("sparse 2D: left out: %s", error)
        return kept

    def _many(self, raw: Sequence[PoseSequence]) -> list[PoseSequence]:
        flat = raw if self.refiner_2d.name == "none" else OnKeyFrames(self.refiner_2d).many(raw)
        return self.refiner.many(self.lifter.many(flat))


def build_pose_chain(
    lift: LiftOptions, refine: RefineOptions, refine2d: Refine2DOptions, refiner: Path | None, refiner_2d: Path | None
) -> PoseChain:
    """The chain of a run's configs. Raises InputError if weights cannot be used.

    refiner, refiner_2d: weights of its trained refiners, in place of the configs'; None: as the configs say.
    """
    if refiner is not None:
        refine = refine.model_copy(update={"weights": str(refiner)})
    if refiner_2d is not None:
        refine2d = refine2d.model_copy(update={"weights": str(refiner_2d)})
    return PoseChain(build_refiner_2d(refine2d), build_lifter(lift), build_refiner(refine))


def larger_strides(raw: Sequence[PoseSequence]) -> tuple[int, ...]:
    """The strides of `STRIDES` that clips with the stride of these can be brought to: its larger multiples."""
    own = pose_stride(raw[0]) if raw else 1
    return tuple(stride for stride in STRIDES if stride > own and stride % own == 0)


def thinned(raw: Sequence[PoseSequence], stride: int) -> list[PoseSequence]:
    """The clips (T, J, D) as if the estimator had looked at every `stride`-th frame only; the others are missing."""
    record = StageRecord("sparse", config={STRIDE: stride})
    return [thin(pose, stride).replace(stage=record) for pose in raw]
