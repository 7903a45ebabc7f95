"""What every refiner is, where it registers itself, and one that is made of a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from skeletor.poses.absent import leave_absent
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.support.config import Config
from skeletor.support.registry import Registry

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
        """The refined pose; absent joints (`skeletor.poses.absent`) stay missing."""
        return leave_absent(pose, self._function(pose)).replace(stage=self._stage)

    def many(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """One by one."""
        return [self(pose) for pose in poses]


def unchanged(pose: PoseSequence) -> PoseSequence:
    """The pose itself. It has a name, so what is made of it can be pickled for other processes."""
    return pose


class RefineOptions(Config):
    """What the options of every refiner have. An option `weights` is a file that goes into the model folder."""

    name: str


REFINERS: Registry[RefineOptions, Refiner] = Registry(RefineOptions, "name", default="skeletor")


class NoRefineOptions(RefineOptions):
    """`none` has no options."""

    name: Literal["none"] = "none"


@REFINERS.register(NoRefineOptions, "poses as they are")
def build_none(options: NoRefineOptions) -> FunctionRefiner:
    """Gives every pose back as it is."""
    return FunctionRefiner(options.name, "1", unchanged, {})
