"""The kinds of networks that can refine, and the one place where they are built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skeletor.model import Skeletor
from skeletor.temporal_mlp import TemporalMLP

Network = Skeletor | TemporalMLP
REFINER_OF = {"transformer": "skeletor", "temporal_mlp": "temporal-mlp"}  # kind -> name of the refiner
_ATTENTION_ONLY = ("heads", "norm", "taps")


def kind_of(arguments: Mapping[str, Any]) -> str:
    """The kind of network that these arguments (of `RefinerInfo.model`) are for; without one, a transformer."""
    return str(arguments.get("kind", "transformer"))


def build_network(arguments: Mapping[str, Any]) -> Network:
    """A network with fresh weights.

    arguments: "kind" and the keyword arguments of that kind; a temporal MLP does without those of attention.
    Raises ValueError for an unknown kind, TypeError for arguments that the kind does not have.
    """
    kind = kind_of(arguments)
    shape = {name: value for name, value in arguments.items() if name != "kind"}
    if kind == "transformer":
        return Skeletor(**shape)
    if kind == "temporal_mlp":
        return TemporalMLP(**{name: value for name, value in shape.items() if name not in _ATTENTION_ONLY})
    raise ValueError(f"unknown kind of network {kind!r}")
