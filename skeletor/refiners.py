"""Refiners: pose in, repaired pose out. `none`, `linear`, `savgol`, and the trained `skeletor`.

A new refiner is one class with `name`, `version`, `__call__` and `many`, and one line in `build_refiner`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import Field

from skeletor.config import Config
from skeletor.errors import InputError
from skeletor.pose import PoseSequence, StageRecord

STAGE = "refine"


class RefineConfig(Config):
    """Which refiner, and its options.

    weights: file of a trained refiner, for `skeletor`. minimum_confidence: joints below it are replaced
    (`linear`, `savgol`; `skeletor` has its own, from its training). window, order: of `savgol`.
    radius, stride: of the averaging of `skeletor` (see `SkeletorRefiner`); None takes the default.
    horizon: frames of the future that fill a gap for it. batch: windows at a time. device: "cpu", "cuda", or "auto".
    """

    name: Literal["none", "skeletor", "linear", "savgol"] = "skeletor"
    weights: str | None = None
    minimum_confidence: float = Field(default=0.3, ge=0, lt=1)
    window: int = Field(default=5, ge=3, le=101)
    order: int = Field(default=2, ge=1, le=10)
    radius: int | None = Field(default=None, ge=0, le=512)
    stride: int | None = Field(default=None, ge=1, le=1024)
    horizon: int = Field(default=16, ge=1, le=1_000_000)
    batch: int = Field(default=64, ge=1, le=65536)
    device: str = "auto"


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


def build_refiner(config: RefineConfig) -> Refiner:
    """The refiner that a config names. Raises InputError if its weights are missing or unusable."""
    if config.name == "none":
        return FunctionRefiner("none", "1", lambda pose: pose, {})
    if config.name == "skeletor":
        from skeletor.network_refiner import SkeletorRefiner
        from skeletor.weights import load_refiner

        if not config.weights:
            raise InputError("refine.name is skeletor, but refine.weights is not set; give the trained weights' file")
        return SkeletorRefiner(
            load_refiner(Path(config.weights), pick_device(config.device)),
            radius=config.radius,
            stride=config.stride,
            batch=config.batch,
            horizon=config.horizon,
        )
    from skeletor import smooth

    sure: dict[str, Any] = {"minimum_confidence": config.minimum_confidence}
    if config.name == "linear":
        return FunctionRefiner("linear", "1", partial(smooth.linear, **sure), sure)
    options = {**sure, "window": config.window, "order": config.order}
    return FunctionRefiner("savgol", "1", partial(smooth.savgol, **options), options)


def pick_device(name: str) -> str:
    """ "auto" is a GPU if there is one. Raises InputError if the device that is asked for is not there."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device {name}: this torch sees no GPU; use device cpu, or install torch for CUDA")
    return name
