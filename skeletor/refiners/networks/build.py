"""The kinds of networks that can refine, and the one place where they are built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from skeletor.refiners.networks.skeletor import Skeletor
from skeletor.refiners.networks.temporal_mlp import TemporalMLP
from skeletor.refiners.training.config import RefinerModelConfig
from skeletor.support.config import Config, check_config
from skeletor.support.errors import InputError

Network = Skeletor | TemporalMLP
REFINER_OF = {"transformer": "skeletor", "temporal_mlp": "temporal-mlp"}  # kind -> name of the refiner
_MLP = ("joints", "dims", "window", "d_model", "d_ff", "layers", "dropout", "confidence_input", "residual", "carriers")


def kind_of(arguments: Mapping[str, Any]) -> str:
    """The kind of network that these arguments (of `RefinerInfo.model`) are for; without one, a transformer."""
    return str(arguments.get("kind", "transformer"))


class _Frame(Config):
    """The arguments of a network that are not options: they come from its training clips."""

    joints: int = Field(ge=1, le=1000)
    dims: int = Field(ge=2, le=3)
    window: int = Field(ge=2, le=1024)
    carriers: list[int] | None = None


def check_arguments(arguments: Mapping[str, Any], joints: int, where: str) -> None:
    """InputError unless these arguments of `build_network` are within the limits of a training's config.

    joints: of the skeleton that they must be for. `build_network` trusts its arguments: a file may not ask for a
    million layers.
    """
    own = {name: value for name, value in arguments.items() if name in _Frame.model_fields}
    frame = check_config(own, _Frame, where)
    check_config({n: v for n, v in arguments.items() if n not in own}, RefinerModelConfig, where)
    if frame.joints != joints:
        raise InputError(f"{where}: {frame.joints} joints, the skeleton has {joints}")
    if frame.carriers is not None and not _are_joints(frame.carriers, joints):
        raise InputError(f"{where}: its carriers are not one joint for each of {joints}")


def _are_joints(numbers: list[int], joints: int) -> bool:
    return len(numbers) == joints and all(0 <= number < joints for number in numbers)


def build_network(arguments: Mapping[str, Any]) -> Network:
    """A network with fresh weights.

    arguments: "kind" and the keyword arguments of that kind; those that only a transformer has are not looked at
    for a temporal MLP. Raises ValueError for an unknown kind, KeyError or TypeError if arguments are missing.
    """
    kind = kind_of(arguments)
    shape = {name: value for name, value in arguments.items() if name != "kind"}
    if kind == "transformer":
        return Skeletor(**shape)
    if kind == "temporal_mlp":
        return TemporalMLP(**{name: shape[name] for name in _MLP})
    raise ValueError(f"unknown kind of network {kind!r}")
