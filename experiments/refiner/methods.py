"""What is compared: smoothers by name, and trained networks, all behind `skeletor.refiners.registry.build_refiner`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from safetensors.torch import load_file

from experiments.refiner.config import ModelSpec
from experiments.refiner.training import WEIGHTS
from skeletor.learning.checkpoint import snapshot_path
from skeletor.refiners.registry import REFINERS, Refiner, build_refiner
from skeletor.refiners.weights import load_refiner
from skeletor.refiners.windowed import SkeletorRefiner

LABELS = {
    "none": "nothing done",
    "zero": "zeros",
    "hold": "hold last",
    "linear": "linear",
    "linear-carried": "linear, hands carried",
    "cubic": "cubic spline",
    "cubic-carried": "cubic, hands carried",
    "savgol": "Savitzky-Golay",
    "one-euro": "One-Euro",
    "kalman": "Kalman/RTS",
    "gaussian": "Gaussian",
}
CARRIED = "-carried"
Kind = Literal["input", "smoother", "network"]


@dataclass(frozen=True)
class Method:
    """A row of a table. kind: the input as it is, a smoother without training, or a trained network."""

    label: str
    kind: Kind
    refiner: Refiner


def smoothers(names: Sequence[str]) -> list[Method]:
    """The smoothers of these names, as the registry has them; InputError if there is no such one.

    "NAME-carried" is NAME with hands seen from their wrists. Linear interpolation so is what the default network
    starts from before it has learned anything (`skeletor.refiners.fill.fill_carried`), so the fair thing to beat.
    """
    found = []
    for name in names:
        plain = name.removesuffix(CARRIED)
        config = REFINERS.check({"name": plain, "carried": plain != name}, "smoothers")
        kind: Kind = "input" if name == "none" else "smoother"
        found.append(Method(LABELS.get(name, name), kind, build_refiner(config)))
    return found


def network(spec: ModelSpec, folder: Path, label: str | None = None) -> Method:
    """The network that was trained in `folder`."""
    config = REFINERS.parse({"name": spec.refiner, "weights": str(folder / WEIGHTS), "device": "cpu", "batch": 32})
    return Method(label or spec.label, "network", build_refiner(config))


def network_after(spec: ModelSpec, folder: Path, step: int) -> Method:
    """The same as it was after `step` steps of its training."""
    loaded = load_refiner(folder / WEIGHTS)
    loaded.model.load_state_dict(load_file(snapshot_path(folder, "refiner", step)))
    return Method(spec.label, "network", SkeletorRefiner(loaded, batch=32))
