"""Skeletor for those who have plain arrays: `skeletor.refine`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50, Skeleton
from skeletor.refiners.registry import REFINERS, build_refiner


def refine(
    keypoints: np.ndarray,
    confidence: np.ndarray | None = None,
    fps: float = 25.0,
    skeleton: Skeleton | None = None,
    weights: Path | str | None = None,
    units: str = "unknown",
) -> np.ndarray:
    """Repair one clip of plain arrays: (T, J, D) in, (T, J, D) float32 out.

    keypoints: x to the right, y down, z towards the camera; NaN where missing. confidence: (T, J) in [0, 1];
    None takes 1 for every joint that is there. skeleton: default SIGNING_50. weights: a trained refiner;
    without them, gaps and low-confidence joints are interpolated and all is smoothed (Savitzky-Golay).
    units: "pixel", "metre", "shoulder" (normalised already) or "unknown" (normalised like pixels).
    Raises InputError if the arrays or the weights cannot be used.
    """
    if confidence is None:
        confidence = 1.0 - np.isnan(keypoints).any(-1).astype(np.float32)
    pose = PoseSequence(keypoints, confidence, fps, skeleton or SIGNING_50, Provenance(units=units))
    name = {"name": "skeletor", "weights": str(weights)} if weights else {"name": "savgol"}
    return build_refiner(REFINERS.parse(name))(pose).keypoints
