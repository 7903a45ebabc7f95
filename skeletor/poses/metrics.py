"""Errors of poses against the truth: position, acceleration and bone lengths, per group of joints.

All errors are in the units of the poses. Hands appear twice: where they are (`left_hand`, `right_hand`),
and as a shape, relative to their own wrists (`hands_relative`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from skeletor.poses.hands import hands_and_wrists
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import Skeleton
from skeletor.support.errors import InputError

HANDS = ("left_hand", "right_hand")


@dataclass(frozen=True)
class PoseErrors:
    """Means over all joints and frames that exist in the prediction and in the truth.

    mpjpe: mean per-joint position error by group: all, body, left_hand, right_hand, hands,
    hands_relative (each hand relative to its wrist). acceleration: mean length of the error of the second
    difference (units per squared frame), by group likewise. velocity: of the first difference, all joints.
    pck: share of joints nearer than `pck_radius`. bone: mean error of the bones' lengths. bone_jitter: mean
    over bones of the standard deviation over time of the predicted length, as a share of its mean.
    coverage: share of the truth's joints that the prediction has. frames: their number.
    A group that the skeleton lacks, or that was never compared, is absent; other values are then NaN.
    """

    mpjpe: dict[str, float]
    acceleration: dict[str, float]
    velocity: float
    pck: float
    pck_radius: float
    bone: float
    bone_jitter: float
    coverage: float
    frames: int

    def as_dict(self) -> dict[str, object]:
        """All fields as a dict of plain values, for JSON."""
        return asdict(self)

    def line(self) -> str:
        """All measures as one line of text, in the units of the poses; frames are counted."""
        parts = [f"{name} {value:.4f}" for name, value in self.mpjpe.items()]
        return (
            f"MPJPE {', '.join(parts)} | acceleration {self.acceleration.get('all', float('nan')):.4f} | "
            f"PCK@{self.pck_radius:g} {self.pck:.3f} | bone {self.bone:.4f} | bone jitter {self.bone_jitter:.3f} | "
            f"coverage {self.coverage:.3f} | {self.frames} frames"
        )


def pose_errors(
    predicted: PoseSequence | Sequence[PoseSequence],
    truth: PoseSequence | Sequence[PoseSequence],
    pck_radius: float = 0.15,
) -> PoseErrors:
    """Compare one pose (T, J, D), or many, with the truth. Every joint of every frame counts alike.

    pck_radius: in the poses' unit. Raises InputError if skeletons, lengths, dimensions or units differ.
    """
    predictions = [predicted] if isinstance(predicted, PoseSequence) else list(predicted)
    truths = [truth] if isinstance(truth, PoseSequence) else list(truth)
    if len(predictions) != len(truths) or not truths:
        raise InputError(f"{len(predictions)} predicted poses for {len(truths)} true ones; give one for each")
    total: dict[str, np.ndarray] = {}
    for one, other in zip(predictions, truths, strict=True):
        _check(one, other)
        for key, value in _sums(one, other, pck_radius).items():
            total[key] = total.get(key, np.zeros(2)) + value
    mean = {key: float(value[0] / value[1]) for key, value in total.items() if value[1] > 0}
    nan = float("nan")
    return PoseErrors(
        mpjpe={key.removeprefix("at "): value for key, value in mean.items() if key.startswith("at ")},
        acceleration={key.removeprefix("acc "): value for key, value in mean.items() if key.startswith("acc ")},
        velocity=mean.get("velocity", nan),
        pck=mean.get("pck", nan),
        pck_radius=pck_radius,
        bone=mean.get("bone", nan),
        bone_jitter=mean.get("bone jitter", nan),
        coverage=mean.get("coverage", nan),
        frames=sum(len(t) for t in truths),
    )


def _check(predicted: PoseSequence, truth: PoseSequence) -> None:
    name = predicted.provenance.source or "prediction"
    if predicted.skeleton != truth.skeleton:
        raise InputError(f"{name}: skeleton {predicted.skeleton.name}, the truth has {truth.skeleton.name}; map one")
    if predicted.keypoints.shape != truth.keypoints.shape:
        raise InputError(f"{name}: shape {predicted.keypoints.shape}, the truth has {truth.keypoints.shape}")
    units = {predicted.provenance.units, truth.provenance.units} - {"unknown"}
    if len(units) > 1:
        raise InputError(f"{name}: units {predicted.provenance.units}, the truth has {truth.provenance.units}")


def _groups(skeleton: Skeleton) -> dict[str, list[int]]:
    groups = {"all": list(range(len(skeleton))), **{name: list(joints) for name, joints in skeleton.groups}}
    hands = [j for name in HANDS for j in groups.get(name, [])]
    return {**groups, "hands": hands} if hands else groups


def _sums(predicted: PoseSequence, truth: PoseSequence, pck_radius: float) -> dict[str, np.ndarray]:
    """(sum, count) of every measure over one pair of sequences."""
    p, t = predicted.keypoints.astype(np.float64), truth.keypoints.astype(np.float64)  # (T, J, D)
    difference = p - t
    distance = np.linalg.norm(difference, axis=2)  # (T, J), NaN where not comparable
    acceleration = np.linalg.norm(np.diff(difference, 2, axis=0), axis=2)
    sums = {}
    for name, joints in _groups(truth.skeleton).items():
        sums[f"at {name}"] = _sum(distance[:, joints])
        sums[f"acc {name}"] = _sum(acceleration[:, joints])
    relative = [
        np.linalg.norm(difference[:, hand] - difference[:, [wrist]], axis=2)
        for hand, wrist in hands_and_wrists(truth.skeleton)
    ]
    if relative:
        sums["at hands_relative"] = sum((_sum(r) for r in relative), np.zeros(2))
    sums["velocity"] = _sum(np.linalg.norm(np.diff(difference, axis=0), axis=2))
    seen = np.isfinite(distance)
    sums["pck"] = np.array([(distance[seen] < pck_radius).sum(), seen.sum()], float)
    sums["coverage"] = np.array([seen.sum(), (~truth.missing).sum()], float)
    sums.update(_bone_sums(p, t, truth.skeleton))
    return sums


def _bone_sums(p: np.ndarray, t: np.ndarray, skeleton: Skeleton) -> dict[str, np.ndarray]:
    if not skeleton.bones or not len(p):
        return {}
    parents, children = np.array(skeleton.bones).T
    predicted = np.linalg.norm(p[:, children] - p[:, parents], axis=2)  # (T, bones)
    true = np.linalg.norm(t[:, children] - t[:, parents], axis=2)
    known = np.isfinite(predicted).sum(0) > 1
    spread = np.nanstd(predicted[:, known], axis=0) / np.maximum(np.nanmean(predicted[:, known], axis=0), 1e-9)
    return {"bone": _sum(np.abs(predicted - true)), "bone jitter": _sum(spread)}


def _sum(values: np.ndarray) -> np.ndarray:
    finite = np.isfinite(values)
    return np.array([values[finite].sum(), finite.sum()], float)
