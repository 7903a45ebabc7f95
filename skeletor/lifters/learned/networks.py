"""The kinds of learned lifters, and the one place where they are built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from skeletor.lifters.learned.anatomy import Anatomy
from skeletor.lifters.learned.config import AnatomyConfig, JointTokenConfig, ModelConfig, UpliftConfig
from skeletor.lifters.learned.joint_token import JointToken
from skeletor.lifters.learned.uplift import UpliftUpsample
from skeletor.poses.hands import carriers
from skeletor.poses.skeleton import Skeleton
from skeletor.support.config import Config, check_config
from skeletor.support.errors import InputError

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


class _Frame(Config):
    """The arguments of a network that are no options of its config."""

    joints: int = Field(ge=2, le=1000)
    bones: list[list[int]] = Field([])
    carriers: list[int] = Field([])
    sequence_head: bool = True
    training_heads: bool = True


_CONFIGS: Mapping[str, type[Config]] = {
    "uplift-upsample": UpliftConfig, "anatomy": AnatomyConfig, "joint-token": JointTokenConfig,
}  # fmt: skip


def check_arguments(arguments: Mapping[str, Any], joints: int | None, where: str) -> None:
    """InputError unless these arguments of `build_network` are within the limits of their kind's config.

    joints: of the skeleton that they must be for; None if it is not known. `build_network` trusts its arguments: a
    file may not ask for a million blocks.
    """
    kind = arguments.get("kind")
    if not isinstance(kind, str) or kind not in _CONFIGS:
        raise InputError(f"{where}: unknown kind of lifter {str(kind)[:40]!r}; it is one of {', '.join(KINDS)}")
    own = {name: value for name, value in arguments.items() if name in _Frame.model_fields}
    frame = check_config(own, _Frame, where)
    options = {name: value for name, value in arguments.items() if name not in own}
    if "output_stride" in options:  # the strides that it was trained with are no arguments, and must fit this one
        options["input_strides"] = [options["output_stride"]]
    check_config(options, _CONFIGS[kind], where)
    if joints not in (None, frame.joints):
        raise InputError(f"{where}: {frame.joints} joints, the skeleton has {joints}")
    numbers = [*frame.carriers, *(number for bone in frame.bones for number in bone)]
    if any(not 0 <= number < frame.joints for number in numbers) or any(len(bone) != 2 for bone in frame.bones):
        raise InputError(f"{where}: bones or carriers that are no joints")


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
