"""What is compared, and how far a repaired clip is from the truth.

Methods: smoothers by name, a Gaussian prior and trained networks, all behind `skeletor.refiners.registry`. Errors, in
the three units of the tables:

- `mse`: mean squared error of a coordinate, in squared shoulder widths.
- `cm`: mean distance of a joint, in cm for shoulders of 36 cm.
- `sum`: the paper's reading as far as its slope tells: squared errors summed over all coordinates of a frame, mean
  over frames, in squared shoulder widths. Where only what was hidden counts, over the frames that have any.

Each over the joints that were hidden or spoilt (`hit`), and over all joints of all frames (`all`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from safetensors.torch import load_file

from experiments.tables.config import ModelSpec
from experiments.tables.data import Task
from experiments.tables.training import WEIGHTS
from skeletor.io.store import open_store
from skeletor.learning.checkpoint import snapshot_path
from skeletor.learning.data.windows import clip_store
from skeletor.poses.pose import PoseSequence
from skeletor.refiners.fill import fill_carried
from skeletor.refiners.inference.windowed import SkeletorRefiner
from skeletor.refiners.networks.spatial_prior import conditional_mean, fit_prior
from skeletor.refiners.registry import REFINERS, Refiner, build_refiner
from skeletor.refiners.weights import load_refiner
from skeletor.support.errors import InputError

LABELS = {
    "none": "nothing done",
    "zero": "zeros",
    "hold": "hold last",
    "linear": "linear",
    "linear-carried": "linear, hands carried",
    "cubic": "cubic spline",
    "cubic-carried": "cubic, hands carried",
    "savgol": "Savitzky-Golay",
    "savgol-carried": "Savitzky-Golay, hands carried",
    "one-euro": "One-Euro",
    "one-euro-carried": "One-Euro, hands carried",
    "kalman": "Kalman/RTS",
    "kalman-carried": "Kalman/RTS, hands carried",
    "gaussian": "Gaussian",
    "gaussian-carried": "Gaussian, hands carried",
}
CARRIED = "-carried"
Kind = Literal["input", "smoother", "network"]
SHOULDERS_CM = 36.0
Errors = dict[str, float]  # "hit cm" -> value


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


def labels_of(names: Sequence[str], kind: Kind) -> list[str]:
    """The labels of those smoothers of these names that are of a kind."""
    return [method.label for method in smoothers(names) if method.kind == kind]


def is_smoother(label: str) -> bool:
    """Whether a row of this label is of a smoother or of the input, not of something that was trained."""
    return label in LABELS or label in LABELS.values()


def network(spec: ModelSpec, folder: Path, label: str | None = None) -> Method:
    """The network that was trained in `folder`."""
    config = REFINERS.parse({"name": spec.refiner, "weights": str(folder / WEIGHTS), "device": "cpu", "batch": 32})
    return Method(label or spec.label, "network", build_refiner(config))


def of_file(label: str, weights: str) -> Method:
    """The Skeletor of a file of weights. InputError if it is not there, or of another kind."""
    config = REFINERS.parse({"name": "skeletor", "weights": weights, "device": "cpu", "batch": 32})
    return Method(label, "network", build_refiner(config))


def network_after(spec: ModelSpec, folder: Path, step: int) -> Method:
    """The same as it was after `step` steps of its training."""
    loaded = load_refiner(folder / WEIGHTS)
    loaded.model.load_state_dict(load_file(snapshot_path(folder, "refiner", step)))
    return Method(spec.label, "network", SkeletorRefiner(loaded, batch=32))


class PriorRefiner:
    """`skeletor.refiners.networks.spatial_prior` alone, as a refiner: a row to compare networks with.

    Fills gaps with the conditional mean, around hands that go on with their wrists; keeps what is seen.
    """

    name = "gaussian-prior"
    version = "1"

    def __init__(self, store: Path) -> None:
        """store: folder of training clips of one skeleton, to fit the prior to."""
        clips = list(open_store(store).values())
        self._covariance = fit_prior(clip_store(clips), len(clips[0].skeleton), seed=1)

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """The filled pose; a joint that is never seen gets 0."""
        seen = torch.from_numpy(~pose.missing)[None]
        filled = fill_carried(torch.from_numpy(pose.keypoints).nan_to_num()[None], seen, pose.skeleton)
        return pose.replace(conditional_mean(filled, seen, self._covariance)[0].numpy())

    def many(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """One by one."""
        return [self(pose) for pose in poses]


@dataclass(frozen=True)
class Spread:
    """Smallest, mean and largest value over clips."""

    min: float
    ave: float
    max: float


def clip_errors(predicted: PoseSequence, truth: PoseSequence, hit: np.ndarray) -> Errors:
    """Errors of one clip. hit: (T, J) bool. InputError if the prediction has a gap where the truth has none."""
    difference = predicted.keypoints.astype(np.float64) - truth.keypoints
    known = ~truth.missing
    if np.isnan(difference[known]).any():
        raise InputError(f"{truth.provenance.source}: the refiner left a joint missing; nothing to compare")
    squares = (np.nan_to_num(difference) ** 2).sum(2)  # (T, J)
    result: Errors = {}
    for name, chosen in (("hit", hit & known), ("all", known)):
        count = max(1, int(chosen.sum()))
        result[f"{name} mse"] = float(squares[chosen].sum() / count / truth.dims)
        result[f"{name} cm"] = float(np.sqrt(squares[chosen]).sum() / count * SHOULDERS_CM)
        result[f"{name} sum"] = float(squares[chosen].sum() / max(1, int(chosen.any(1).sum())))
    return result


def task_errors(predicted: Sequence[PoseSequence], task: Task) -> dict[str, Spread]:
    """Spread over the clips of every error; each clip counts alike. Clips in which nothing was hit are left out."""
    each = [
        clip_errors(pose, truth, hit)
        for pose, truth, hit in zip(predicted, task.truths, task.hits, strict=True)
        if hit.any()
    ]
    return spread(each)


def spread(each: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Smallest, mean and largest value of every key."""
    if not each:
        return {}
    return {key: Spread(*(float(f([e[key] for e in each])) for f in (np.min, np.mean, np.max))) for key in each[0]}
