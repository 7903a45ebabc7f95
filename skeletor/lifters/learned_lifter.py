"""The lifter `learned`: its options. `skeletor.lifters.learned.lifter` runs it; it needs torch, which a config does
not."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from skeletor.lifters.base import LIFTERS, Lifter, LiftOptions
from skeletor.poses.key_frames import Upsampling

SHIPPED = Path(__file__).parent / "weights" / "joint_token.safetensors"  # see configs/lift_joint_token.yaml


class LearnedOptions(LiftOptions):
    """Options of `learned`, see `skeletor.lifters.learned.lifter`. All else stands in the weights."""

    mode: Literal["learned"] = "learned"
    weights: str | None = Field(None, description="safetensors file of a trained lifter; none: the shipped one")
    mirror: bool = Field(False, description="average with the mirror image: a little better, twice the time")
    stride: int = Field(1, ge=1, le=64, description="look at every N-th frame only; all come out")
    output: Literal["centre", "sequence"] = Field("centre", description="sequence: many times faster, a little worse")
    upsample: Upsampling = Field(
        "interpolation",
        description="all frames from sparse 2D: straight lines before lifting; token: uplift-upsample's own",
    )

    @model_validator(mode="after")
    def _token_has_weights(self) -> LearnedOptions:
        if self.upsample == "token" and self.weights is None:
            raise ValueError("upsample token needs mode learned with weights of kind uplift-upsample")
        return self


@LIFTERS.register(
    LearnedOptions,
    "a network of `slt lift train` (uplift-upsample, anatomy, joint-token); without weights, the shipped",
)
def build_learned(options: LearnedOptions) -> Lifter:
    """The lifter of its options. InputError if the weights cannot be used, or not with these options."""
    from skeletor.lifters.learned.lifter import LearnedLifter

    weights = str(SHIPPED) if options.weights is None else options.weights
    return LearnedLifter(weights, options.mirror, options.stride, options.output, options.upsample)
