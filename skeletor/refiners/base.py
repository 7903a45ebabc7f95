"""What every refiner is, and one that is made of a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from skeletor.poses.pose import PoseSequence, StageRecord

STAGE = "refine"


class Refiner(Protocol):
    """What every refiner is."""

    name: str
    version: str

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """The refined pose: same frames, joints, confidence and units."""

    def many(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """The same for many poses, where possible faster than one by one."""


class FunctionRefiner:
    """A refiner made of a function that treats one pose at a time; `record` goes into the provenance."""

    def __init__(
        self, name: str, version: str, function: Callable[[PoseSequence], PoseSequence], record: dict[str, Any]
    ) -> None:
        self.name, self.version = name, version
        self._function = function
        self._stage = StageRecord(STAGE, version, {"name": name, **record})

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """The refined pose."""
        return self._function(pose).replace(stage=self._stage)

    def many(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """One by one."""
        return [self(pose) for pose in poses]
