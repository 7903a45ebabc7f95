"""The kinds of learned lifters, and the one place where they are built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from skeletor.lifters.learned.networks.anatomy import AnatomyConfig, AnatomyLifter
from skeletor.lifters.learned.networks.joint_token import JointTokenConfig, JointTokenLifter
from skeletor.lifters.learned.networks.kind import LifterKind
from skeletor.lifters.learned.networks.layers import LiftNetwork
from skeletor.lifters.learned.networks.uplift import UpliftConfig, UpliftLifter
from skeletor.poses.skeleton import Skeleton
from skeletor.support.config import check_config
from skeletor.support.errors import InputError

_ALL: tuple[LifterKind[Any, Any], ...] = (UpliftLifter(), AnatomyLifter(), JointTokenLifter())
REGISTRY: Mapping[str, LifterKind[Any, Any]] = {kind.name: kind for kind in _ALL}
KINDS = tuple(REGISTRY)
ModelConfig = Annotated[UpliftConfig | AnatomyConfig | JointTokenConfig, Field(discriminator="kind")]


def network_arguments(config: ModelConfig, skeleton: Skeleton) -> dict[str, Any]:
    """The arguments of `build_network` for a config and a skeleton: plain values that JSON can hold."""
    return REGISTRY[config.kind].arguments(config, skeleton)


def check_arguments(arguments: Mapping[str, Any], joints: int | None, where: str) -> None:
    """InputError unless these arguments of `build_network` are within the limits of their kind's config.

    joints: of the skeleton that they must be for; None if it is not known. `build_network` trusts its arguments: a
    file may not ask for a million blocks.
    """
    kind = _kind(arguments)
    if kind is None:
        raise InputError(f"{where}: {_unknown(arguments)}")
    fields = kind.frame.model_fields
    frame = check_config({n: v for n, v in arguments.items() if n in fields}, kind.frame, where)
    check_config(kind.options({n: v for n, v in arguments.items() if n not in fields}), kind.config, where)
    if joints not in (None, frame.joints):
        raise InputError(f"{where}: {frame.joints} joints, the skeleton has {joints}")
    if any(not 0 <= number < frame.joints for number in frame.joint_numbers()):
        raise InputError(f"{where}: bones or carriers that are no joints")


def build_network(arguments: Mapping[str, Any]) -> LiftNetwork:
    """A network with fresh weights. ValueError for an unknown kind, TypeError if the arguments do not fit it."""
    kind = _kind(arguments)
    if kind is None:
        raise ValueError(_unknown(arguments))
    network: LiftNetwork = kind.build({name: value for name, value in arguments.items() if name != "kind"})
    return network


def _kind(arguments: Mapping[str, Any]) -> LifterKind[Any, Any] | None:
    name = arguments.get("kind")
    return REGISTRY.get(name) if isinstance(name, str) else None


def _unknown(arguments: Mapping[str, Any]) -> str:
    return f"unknown kind of lifter {str(arguments.get('kind'))[:40]!r}; it is one of {', '.join(KINDS)}"


__all__ = ["KINDS", "REGISTRY", "LiftNetwork", "ModelConfig", "build_network", "check_arguments", "network_arguments"]
