"""The kinds of networks that can refine, and the one place where they are built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skeletor.model import Skeletor
from skeletor.temporal_mlp import TemporalMLP

Network = Skeletor | TemporalMLP
REFINER_OF = {"transformer": "skeletor", "temporal_mlp": "temporal-mlp"}  # kind -> name of the refiner
_MLP = ("joints", "dims", "window", "d_model", "d_ff", "layers", "dropout", "confidence_input", "residual", "carriers")


def kind_of(arguments: Mapping[str, Any]) -> str:
    """The kind of network that these arguments (of `RefinerInfo.model`) are for; without one, a transformer."""
    return str(arguments.get("kind", "transformer"))


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
