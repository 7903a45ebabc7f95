"""What is compared: smoothers by name, and trained networks, all behind `skeletor.refiners.build_refiner`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from safetensors.torch import load_file

from experiments.refiner.config import ModelSpec
from experiments.refiner.training import WEIGHTS
from skeletor.config import check_config
from skeletor.fill import fill_carried
from skeletor.network_refiner import SkeletorRefiner
from skeletor.pose import PoseSequence
from skeletor.refiners import FunctionRefiner, RefineConfig, Refiner, build_refiner
from skeletor.smooth import observed_joints
from skeletor.training import snapshot_path
from skeletor.weights import load_refiner

LABELS = {
    "none": "nothing done",
    "zero": "zeros",
    "hold": "hold last",
    "linear": "linear",
    "carried": "linear, hands carried",
    "cubic": "cubic spline",
    "savgol": "Savitzky-Golay",
    "one-euro": "One-Euro",
    "kalman": "Kalman/RTS",
    "gaussian": "Gaussian",
}
CARRIED = "carried"
Kind = Literal["input", "smoother", "network"]


@dataclass(frozen=True)
class Method:
    """A row of a table. kind: the input as it is, a smoother without training, or a trained network."""

    label: str
    kind: Kind
    refiner: Refiner


def smoothers(names: Sequence[str]) -> list[Method]:
    """The smoothers of these names, as `RefineConfig` has them, and `carried`; InputError if there is no such one."""
    found = []
    for name in names:
        if name == CARRIED:
            refiner: Refiner = FunctionRefiner(CARRIED, "1", carried, {})
        else:
            refiner = build_refiner(check_config({"name": name}, RefineConfig, "smoothers"))
        kind: Kind = "input" if name == "none" else "smoother"
        found.append(Method(LABELS.get(name, name), kind, refiner))
    return found


def carried(pose: PoseSequence) -> PoseSequence:
    """`linear`, but a lost hand goes on with its wrist (`skeletor.fill.fill_carried`).

    This is what the default network starts from before it has learned anything, so the fair thing to beat.
    """
    points = torch.from_numpy(np.nan_to_num(pose.keypoints))[None]
    observed = torch.from_numpy(observed_joints(pose, RefineConfig().minimum_confidence))[None]
    return pose.replace(fill_carried(points, observed, pose.skeleton)[0].numpy())


def network(spec: ModelSpec, folder: Path, label: str | None = None) -> Method:
    """The network that was trained in `folder`."""
    config = RefineConfig.model_validate(
        {"name": spec.refiner, "weights": str(folder / WEIGHTS), "device": "cpu", "batch": 32}
    )
    return Method(label or spec.label, "network", build_refiner(config))


def network_after(spec: ModelSpec, folder: Path, step: int) -> Method:
    """The same as it was after `step` steps of its training."""
    loaded = load_refiner(folder / WEIGHTS)
    loaded.model.load_state_dict(load_file(snapshot_path(folder, step)))
    return Method(spec.label, "network", SkeletorRefiner(loaded, batch=32))
