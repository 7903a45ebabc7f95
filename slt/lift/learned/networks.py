"""The kinds of learned lifters, and the one place where they are built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skeletor.hands import carriers
from skeletor.skeleton import Skeleton
from slt.lift.learned.anatomy import Anatomy
from slt.lift.learned.config import AnatomyConfig, JointTokenConfig, ModelConfig, UpliftConfig
from slt.lift.learned.joint_token import JointToken
from slt.lift.learned.uplift import UpliftUpsample

LiftNetwork = UpliftUpsample | Anatomy | JointToken
KINDS = ("uplift-upsample", "anatomy", "joint-token")
_NOT_OF_THE_NETWORK = {
    "uplift-upsample": {"kind", "input_strides", "sequence_weight", "centre_weight"},
    "anatomy": {"kind", "frames", "augment"},
    "joint-token": {"kind", "window", "velocity_weight", "scale_weight"},
}


def network_arguments(config: ModelConfig, skeleton: Skeleton) -> dict[str, Any]:
    """The arguments of `build_network` for a config and a skeleton: plain values that JSON can hold."""
    shape = config.model_dump(mode="json", exclude=_NOT_OF_THE_NETWORK[config.kind])
    shape |= {"kind": config.kind, "joints": len(skeleton)}
    if isinstance(config, AnatomyConfig):
        shape["bones"] = [[child, parent] for parent, child in skeleton.bones]
    if isinstance(config, JointTokenConfig):
        shape["carriers"] = carriers(skeleton)
    return shape


def build_network(arguments: Mapping[str, Any]) -> LiftNetwork:
    """A network with fresh weights. ValueError for an unknown kind, TypeError if the arguments do not fit it."""
    shape = {name: value for name, value in arguments.items() if name != "kind"}
    kind = arguments.get("kind")
    if kind == "uplift-upsample":
        return UpliftUpsample(**shape)
    if kind == "anatomy":
        return Anatomy(**shape)
    if kind == "joint-token":
        return JointToken(**shape)
    raise ValueError(f"unknown kind of lifter {kind!r}; it is one of {', '.join(KINDS)}")


__all__ = ["KINDS", "AnatomyConfig", "JointTokenConfig", "LiftNetwork", "UpliftConfig", "build_network",
           "network_arguments"]  # fmt: skip
