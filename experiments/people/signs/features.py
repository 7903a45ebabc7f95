"""What a reader of signs is given of a clip: rows of numbers for each frame, and their means over parts of the clip."""

from __future__ import annotations

import numpy as np

from experiments.people.config import Kind
from experiments.people.losses import HANDS, hands_seen
from experiments.people.ways import in_3d
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from slt.translate.features import pose_features

KINDS: dict[Kind, str] = {
    "points": "x and y",
    "product": "pose_features",
    "bends": "pose_features, hands as bends",
}
_NECK = SIGNING_50.index("neck")
_KNUCKLES = (5, 9, 13, 17)  # of a hand


def frame_features(pose: PoseSequence, kind: Kind) -> np.ndarray:
    """(T', F) float32 of a pose in shoulder widths.

    points: x and y of the body's joints from the neck and of a hand's from its root, in sizes of the hand; 0 where
    missing, and a flag for each missing hand. product: the translator's own (`slt.translate.features`), NaN where
    missing; a 2D pose is given depth 0. bends: these, but shapes of hands as bends.
    """
    if kind != "points":
        return pose_features(in_3d(pose), frame_stride=1, hands="bends" if kind == "bends" else "joints")
    flat = pose.keypoints[:, :, :2]
    centred = flat - flat[:, _NECK : _NECK + 1]
    for hand in HANDS:
        inside = flat[:, hand] - flat[:, hand[:1]]  # (T, 21, 2)
        sizes = np.linalg.norm(inside[:, _KNUCKLES], axis=2).mean(1)
        sizes = sizes[sizes > 0]  # not NaN
        centred[:, hand] = inside / (np.median(sizes) if len(sizes) else 1.0)
    values = np.nan_to_num(centred, nan=0.0).reshape(len(pose), -1)
    return np.concatenate([values, ~hands_seen(pose)], 1).astype(np.float32)


def binned(features: np.ndarray, bins: int) -> np.ndarray:
    """(T, F) to (bins * F,): means over equal parts of the clip of what is there, NaN where nothing is.

    A clip of fewer frames than bins gives some frames to two bins.
    """
    frames = len(features)
    edges = np.linspace(0, frames, bins + 1)
    parts = []
    for k in range(bins):
        start = min(int(edges[k]), frames - 1)
        part = features[start : max(start + 1, int(edges[k + 1]))]
        there = ~np.isnan(part)
        count = there.sum(0)
        total = np.where(there, part, 0).sum(0)
        parts.append(np.where(count > 0, total / np.maximum(count, 1), np.nan))
    return np.concatenate(parts).astype(np.float32)
