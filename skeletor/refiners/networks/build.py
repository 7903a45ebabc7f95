"""The kinds of networks that can refine, and the one place where they are built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from skeletor.poses.skeleton import Skeleton
from skeletor.refiners.networks.flat import named_arguments, named_options
from skeletor.refiners.networks.harmless import HARMLESS, HarmlessConfig
from skeletor.refiners.networks.kind import RefinerKind
from skeletor.refiners.networks.layers import RefinerNetwork as Network
from skeletor.refiners.networks.paper import PAPER, PaperConfig
from skeletor.refiners.networks.skeletor import SKELETOR, SkeletorConfig
from skeletor.refiners.networks.temporal_mlp import TEMPORAL_MLP, TemporalMLPConfig
from skeletor.support.config import check_config
from skeletor.support.errors import InputError

KINDS: Mapping[str, RefinerKind[Any]] = {kind.name: kind for kind in (SKELETOR, HARMLESS, PAPER, TEMPORAL_MLP)}
REFINER_OF = {name: kind.refiner for name, kind in KINDS.items()}  # kind -> name of the refiner
RefinerModelConfig = Annotated[
    Annotated[SkeletorConfig | HarmlessConfig | PaperConfig | TemporalMLPConfig, Field(discriminator="kind")],
    BeforeValidator(named_options),
]


def network_arguments(config: RefinerModelConfig, skeleton: Skeleton, dims: int, window: int) -> dict[str, Any]:
    """The arguments of `build_network` for options and a skeleton: plain values that JSON can hold."""
    return KINDS[config.kind].arguments(config, skeleton, dims, window)


def kind_of(arguments: Mapping[str, Any]) -> str:
    """The kind of network that these arguments (of `RefinerInfo.model`) are for."""
    return str(arguments["kind"])


def checked_arguments(arguments: Mapping[str, Any], joints: int, where: str) -> dict[str, Any]:
    """Arguments of `build_network` from a file, as their kind has them.

    joints: of the skeleton that they must be for. `build_network` trusts its arguments: a file may not ask for a
    million layers. Raises InputError unless they are within the limits of a training's config.
    """
    try:
        named = named_arguments(arguments)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error
    kind = named.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InputError(f"{where}: unknown kind of network {str(kind)[:40]!r}; it is one of {', '.join(KINDS)}")
    frame = KINDS[kind].frame
    own = check_config({n: v for n, v in named.items() if n in frame.model_fields}, frame, where)
    check_config({n: v for n, v in named.items() if n not in frame.model_fields}, KINDS[kind].config, where)
    if own.joints != joints:
        raise InputError(f"{where}: {own.joints} joints, the skeleton has {joints}")
    return named


def build_network(arguments: Mapping[str, Any]) -> Network:
    """A network with fresh weights.

    arguments: of `network_arguments`, or of `checked_arguments` where a file gave them. Raises ValueError for an
    unknown kind, KeyError or TypeError if arguments are missing.
    """
    kind = kind_of(arguments)
    if kind not in KINDS:
        raise ValueError(f"unknown kind of network {kind!r}; it is one of {', '.join(KINDS)}")
    return KINDS[kind].build(arguments)


__all__ = ["KINDS", "REFINER_OF", "Network", "RefinerModelConfig", "build_network", "checked_arguments", "kind_of",
           "network_arguments"]  # fmt: skip
