"""Fast lifting: robust bone lengths and the depth that they leave over."""

from __future__ import annotations

import numpy as np

from skeletor.skeleton import SIGNING_50
from slt.lift.kinematics import CHILDREN, LENGTH_IDS, LENGTHS, PARENTS, PROPORTIONS


def bone_lengths(points: np.ndarray, weight: np.ndarray, quantile: float = 0.8) -> np.ndarray:
    """(25,) lengths: the quantile of confident 2D lengths over both sides, shrunk towards PROPORTIONS."""
    projected = np.linalg.norm(points[:, CHILDREN] - points[:, PARENTS], axis=2)  # (T, 49)
    sure = np.minimum(weight[:, CHILDREN], weight[:, PARENTS]) > 0.4
    lengths = np.empty(LENGTHS, np.float32)
    for k in range(LENGTHS):
        values = projected[:, k == LENGTH_IDS][sure[:, k == LENGTH_IDS]]
        share = len(values) / (len(values) + 10)
        top = np.quantile(values, quantile) if len(values) else PROPORTIONS[k]
        lengths[k] = share * top + (1 - share) * PROPORTIONS[k]
    return lengths


def lift(points: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(T, 50, 3) joints from gapless 2D (T, 50, 2) in shoulder widths; weight (T, 50), 0 = not seen."""
    lengths = bone_lengths(points, weight)
    flat = ((points[:, CHILDREN] - points[:, PARENTS]) ** 2).sum(2)  # (T, 49)
    depth = np.sqrt(np.maximum(lengths[LENGTH_IDS] ** 2 - flat, 0))  # (T, 49)
    depth[:, :7:3] = 0  # nose and shoulders lie in one plane
    z = np.zeros(points.shape[:2], np.float32)
    for bone, (parent, child) in enumerate(SIGNING_50.bones):
        z[:, child] = z[:, parent] + depth[:, bone]
    return np.concatenate([points, z[..., None]], 2)
