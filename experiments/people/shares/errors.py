"""What a refiner does to one clip in which joints were hidden, as sums and counts, and shares of another's errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.people.losses import Hole
from skeletor.poses.hands import hands_and_wrists
from skeletor.poses.normalise import renormalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50

MEASURES = ("hidden", "moved", "acceleration", "root")
RESAMPLES = 4000


def clip_errors(result: PoseSequence, holed: PoseSequence, whole: PoseSequence, hole: Hole) -> np.ndarray:
    """(4, 2) sum and count of each of `MEASURES`, in shoulder widths.

    result: of the repair; holed: its input, lifted without what is hidden; whole: the lift of the whole clip.
    hidden: distance of hidden joints from `whole`. moved: distance of seen joints from `holed`. acceleration: of the
    second differences of joints over three frames of which one is hidden. root: of a hidden hand's root from its
    wrist.
    """
    placed, truth = renormalise(result, whole).keypoints.astype(np.float64), whole.keypoints.astype(np.float64)
    off = np.linalg.norm(placed - truth, axis=2)
    seen = (holed.confidence > 0) & ~holed.missing & ~hole.joints
    touched = hole.joints[2:] | hole.joints[1:-1] | hole.joints[:-2]
    bent = np.linalg.norm(np.diff(placed - truth, n=2, axis=0), axis=2)
    beside = [
        np.linalg.norm((placed - truth)[:, hand[0]] - (placed - truth)[:, wrist], axis=1)[hole.joints[:, hand[0]]]
        for hand, wrist in hands_and_wrists(SIGNING_50)
    ]
    moved = np.linalg.norm(result.keypoints - holed.keypoints, axis=2)
    values = (off[hole.joints], moved[seen], bent[touched], np.concatenate(beside))
    return np.array([_sum(one) for one in values])


def _sum(values: np.ndarray) -> tuple[float, int]:
    finite = values[np.isfinite(values)]
    return float(finite.sum()), len(finite)


@dataclass(frozen=True)
class Share:
    """An error over another's: mean over people, its 95 % interval, on how many people it is smaller, of how many."""

    mean: float
    interval: tuple[float, float]
    better: int
    people: int


def share(own: np.ndarray, base: np.ndarray, people: np.ndarray, few: bool, seed: int = 0) -> Share | None:
    """Of sums and counts (N, 2) by clip; people: (N,). None where nothing was hidden.

    The interval is a bootstrap over people; with few of them over the clips of each. Both draw the same for both.
    """
    known = [np.flatnonzero((people == p) & (base[:, 1] > 0)) for p in np.unique(people)]
    known = [clips for clips in known if len(clips)]
    if not known:
        return None
    rng = np.random.default_rng(seed)
    ratios = np.array([_ratio(own[clips].sum(0), base[clips].sum(0)) for clips in known])
    if few:
        drawn = [clips[rng.integers(len(clips), size=(RESAMPLES, len(clips)))] for clips in known]
        means = np.mean([_ratio(own[d].sum(1), base[d].sum(1)) for d in drawn], axis=0)
    else:
        means = ratios[rng.integers(len(ratios), size=(RESAMPLES, len(ratios)))].mean(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Share(float(ratios.mean()), (float(low), float(high)), int((ratios < 1).sum()), len(ratios))


def mean_error(sums: np.ndarray, people: np.ndarray) -> float | None:
    """Mean over people of their mean; sums: (N, 2) by clip."""
    each = [sums[people == p].sum(0) for p in np.unique(people)]
    found = [total / count for total, count in each if count]
    return float(np.mean(found)) if found else None


def _ratio(own: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Mean over mean; (..., 2) sums and counts."""
    return np.asarray((own[..., 0] / own[..., 1]) / (base[..., 0] / base[..., 1]))
