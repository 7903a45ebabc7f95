"""How far a repaired clip is from the truth, in the three units of the tables.

- `mse`: mean squared error of a coordinate, in squared shoulder widths.
- `cm`: mean distance of a joint, in cm for shoulders of 36 cm.
- `sum`: the paper's reading as far as its slope tells: squared errors summed over all coordinates of a frame, mean
  over frames, in squared shoulder widths. Where only what was hidden counts, over the frames that have any.

Each over the joints that were hidden or spoilt (`hit`), and over all joints of all frames (`all`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.refiner.tasks import Task
from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError

SHOULDERS_CM = 36.0
UNITS = ("mse", "cm", "sum")
Errors = dict[str, float]  # "hit cm" -> value


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
