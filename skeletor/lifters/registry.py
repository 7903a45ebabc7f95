"""From 2D to 3D joints: a trained network (`learned`; which kind stands in its weights), Zelinka's inverse kinematics
(`reference`), or a batched, faster and better way to do these (`fast`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from pydantic import Field, model_validator

from skeletor.lifters.base import FastLifter, ReferenceLifter
from skeletor.poses.key_frames import Upsampling
from skeletor.poses.pose import PoseSequence
from skeletor.support.config import Config

# mode -> what it is and needs, for `slt doctor`
LIFTERS = {
    "fast": "inverse kinematics, batched",
    "reference": "Zelinka's inverse kinematics",
    "learned": "a network of `slt lift train` (uplift-upsample, anatomy, joint-token); without weights, the shipped",
}
SHIPPED = Path(__file__).parent / "weights" / "joint_token.safetensors"  # see configs/lift_joint_token.yaml


class LiftConfig(Config):
    """How to lift. `cycles`, `seed` and `solver` belong to `reference`; `weights`, `mirror`, `stride` and `output` to
    `learned`, see `skeletor.lifters.learned.lifter`, which has the other two in its weights; those belong to `fast`.
    """

    mode: Literal["reference", "fast", "learned"] = "learned"
    cycles: int = Field(1000, ge=0, le=100_000, description="steps of the solver; 15 are enough for lbfgs")
    seed: int = Field(0, ge=0, description="of the noise that the reference method starts with")
    solver: Literal["descent", "lbfgs"] = Field(
        "descent", description="plain gradient descent as published, or L-BFGS: the same objective, lower and faster"
    )
    minimum_confidence: float = Field(0.1, ge=0, le=1, description="joints below it are as good as missing")
    hand_reach: float = Field(
        0.25, gt=0, le=10, description="shoulder widths; a hand further from its wrist is taken for another one's"
    )
    weights: str | None = Field(None, description="safetensors file of a trained lifter; none: the shipped one")
    mirror: bool = Field(False, description="average with the mirror image: a little better, twice the time")
    stride: int = Field(1, ge=1, le=64, description="look at every N-th frame only; all come out")
    output: Literal["centre", "sequence"] = Field("centre", description="sequence: many times faster, a little worse")
    upsample: Upsampling = Field(
        "interpolation",
        description="all frames from sparse 2D: straight lines before lifting; token: uplift-upsample's own",
    )

    @model_validator(mode="after")
    def _weights_for_networks(self) -> LiftConfig:
        if self.weights is not None and self.mode != "learned":
            raise ValueError("weights belong to mode learned")
        preparing = ("minimum_confidence", "hand_reach")
        if self.mode == "learned" and any(getattr(self, n) != LiftConfig.model_fields[n].default for n in preparing):
            raise ValueError("minimum_confidence and hand_reach belong to mode fast; weights have their own")
        if self.upsample == "token" and self.weights is None:
            raise ValueError("upsample token needs mode learned with weights of kind uplift-upsample")
        return self


class Lifter(Protocol):
    """2D poses on SIGNING_50, any unit, in; 3D in shoulder widths out: x, y as in `normalise`, z towards the camera.

    Every frame stays. A joint that was missing gets an inferred position and keeps confidence 0; so does every joint
    of a frame that was not estimated (`skeletor.poses.key_frames`).
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


def lift_weights(config: LiftConfig) -> Path | None:
    """The file of weights that a config lifts with, or None if it needs none."""
    if config.mode != "learned":
        return None
    return SHIPPED if config.weights is None else Path(config.weights)


def build_lifter(config: LiftConfig) -> Lifter:
    """The lifter that a config describes."""
    if config.mode == "reference":
        return ReferenceLifter(cycles=config.cycles, seed=config.seed, solver=config.solver)
    if config.mode == "learned":
        from skeletor.lifters.learned.lifter import LearnedLifter  # needs torch, the others do not

        return LearnedLifter(str(lift_weights(config)), config.mirror, config.stride, config.output, config.upsample)
    return FastLifter(minimum_confidence=config.minimum_confidence, hand_reach=config.hand_reach)


__all__ = ["LIFTERS", "SHIPPED", "LiftConfig", "Lifter", "build_lifter", "lift_weights"]
