"""How well a way repairs what was hidden, and what it does to what was seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiments.people.losses import HANDS, LENGTHS, Hole
from skeletor.poses.normalise import renormalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50

_HAND_JOINTS = [joint for hand in HANDS for joint in hand]


def gap_errors(
    results: Sequence[PoseSequence], lifts: Sequence[PoseSequence], holes: Sequence[Hole], people: np.ndarray
) -> dict[str, object]:
    """Mean distance in shoulder widths of hidden joints from the lift of the whole clip, by the gap's length.

    results: of clips with holes; lifts: of the same clips without; people: (N,) who signs in each. Also by person,
    over all lengths ("people"), and the number of gaps of each length ("gaps").
    """
    sums = {name: np.zeros(2) for name in (*LENGTHS, "all")}
    gaps = dict.fromkeys(sums, 0)
    each: dict[int, np.ndarray] = {}
    for result, lift, hole, person in zip(results, lifts, holes, people, strict=True):
        placed = renormalise(result, lift).keypoints
        distance = np.linalg.norm(placed - lift.keypoints, axis=2)[hole.joints]
        distance = distance[np.isfinite(distance)]
        found = np.array([distance.sum(), len(distance)])
        for name, (low, high) in {**LENGTHS, "all": (1, 10**9)}.items():
            if low <= hole.length <= high:
                sums[name] += found
                gaps[name] += 1
        each[int(person)] = each.get(int(person), np.zeros(2)) + found
    errors: dict[str, object] = {name: _mean(total) for name, total in sums.items()}
    return errors | {"people": {str(k): _mean(total) for k, total in sorted(each.items())}, "gaps": gaps}


def on_seen(
    results: Sequence[PoseSequence], lifts: Sequence[PoseSequence], flats: Sequence[PoseSequence]
) -> dict[str, float | None]:
    """What a way does to hands that are seen, in shoulder widths; flats: the 2D of the same clips, in shoulder widths.

    moved: mean distance of their joints from the lift. planar: in the picture plane, from the 2D. acceleration: mean
    length of the second difference in x and y (per squared frame). bones: mean over all bones of the standard
    deviation of the length, as a share of the mean; None of 2D, where bones turn out of the plane.
    """
    moved, planar, second, bones = (np.zeros(2) for _ in range(4))
    for result, lift, flat in zip(results, lifts, flats, strict=True):
        seen = ~flat.missing[:, _HAND_JOINTS]  # (T, 42)
        hands = result.keypoints[:, _HAND_JOINTS]
        moved += _sum(np.linalg.norm(hands - lift.keypoints[:, _HAND_JOINTS], axis=2)[seen])
        on_picture = renormalise(_plane(result), flat).keypoints[:, _HAND_JOINTS]
        planar += _sum(np.linalg.norm(on_picture - flat.keypoints[:, _HAND_JOINTS], axis=2)[seen])
        steady = seen[2:] & seen[1:-1] & seen[:-2]
        second += _sum(np.linalg.norm(np.diff(hands[:, :, :2], 2, axis=0), axis=2)[steady])
        if result.dims == 3:
            bones += _sum(_bone_spread(result.keypoints))
    return {"moved": _mean(moved), "planar": _mean(planar), "acceleration": _mean(second), "bones": _mean(bones)}


def _plane(pose: PoseSequence) -> PoseSequence:
    return pose.replace(pose.keypoints[:, :, :2])


def _bone_spread(points: np.ndarray) -> np.ndarray:
    """(bones,) standard deviation over time of each bone's length, as a share of its mean; NaN where it is missing."""
    parents, children = np.array(SIGNING_50.bones).T
    lengths = np.linalg.norm(points[:, children] - points[:, parents], axis=2)
    whole = np.isfinite(lengths).sum(0) > 1
    mean = np.nanmean(lengths[:, whole], axis=0)
    return np.asarray(np.nanstd(lengths[:, whole], axis=0) / np.maximum(mean, 1e-9))


def _sum(values: np.ndarray) -> np.ndarray:
    finite = values[np.isfinite(values)]
    return np.array([finite.sum(), len(finite)], float)


def _mean(total: np.ndarray) -> float | None:
    return float(total[0] / total[1]) if total[1] else None
