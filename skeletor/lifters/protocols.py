"""The field's measures of 3D poses, as Human3.6M and MPI-INF-3DHP are reported. Arrays (T, J, 3), one unit throughout.

All but `p_mpjpe` compare positions as they are; subtract the root first for the usual protocols.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

TINY = 1e-12


def mpjpe(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Mean per-joint position error of poses (T, J, 3), in their unit (Human3.6M, protocol 1)."""
    return float(_distance(predicted, truth).mean())


def n_mpjpe(predicted: np.ndarray, truth: np.ndarray) -> float:
    """MPJPE of poses (T, J, 3) after each is scaled to fit the truth best (Rhodin et al. 2018), in their unit."""
    _check(predicted, truth)
    size = (truth * predicted).sum((1, 2), keepdims=True) / np.maximum((predicted**2).sum((1, 2), keepdims=True), TINY)
    return mpjpe(predicted * size, truth)


def p_mpjpe(predicted: np.ndarray, truth: np.ndarray) -> float:
    """MPJPE of poses (T, J, 3), in their unit, after each is moved, turned and scaled to fit best (protocol 2)."""
    return mpjpe(aligned(predicted, truth), truth)


def aligned(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(T, J, 3) each pose by the similarity that brings it nearest to the truth (Umeyama 1991); no reflections."""
    _check(predicted, truth)
    middle, goal = predicted.mean(1, keepdims=True), truth.mean(1, keepdims=True)
    x, y = predicted - middle, truth - goal
    u, s, vt = np.linalg.svd(x.swapaxes(1, 2) @ y)  # (T, 3, 3), (T, 3), (T, 3, 3)
    sign = np.sign(np.linalg.det(u @ vt))
    u, s = u.copy(), s.copy()
    u[:, :, 2] *= sign[:, None]
    s[:, 2] *= sign
    scale = s.sum(1) / np.maximum((x**2).sum((1, 2)), TINY)
    return np.asarray(scale[:, None, None] * (x @ (u @ vt)) + goal)


def mpjve(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Mean per-joint velocity error of poses (T, J, 3): MPJPE of first differences (Pavllo et al. 2019).

    In their unit per frame.
    """
    return mpjpe(np.diff(predicted, axis=0), np.diff(truth, axis=0))


def pck(predicted: np.ndarray, truth: np.ndarray, threshold: float = 150.0) -> float:
    """Share (0 to 1) of the joints of poses (T, J, 3) nearer to the truth than the threshold (MPI-INF-3DHP: 150 mm)."""
    return float((_distance(predicted, truth) < threshold).mean())


def auc(predicted: np.ndarray, truth: np.ndarray, thresholds: Sequence[float] | None = None) -> float:
    """Mean of `pck` over thresholds; by default 0, 5, ..., 145 mm, as in the evaluation of MPI-INF-3DHP."""
    steps = np.arange(0, 150, 5.0) if thresholds is None else np.asarray(thresholds)
    return float((_distance(predicted, truth)[..., None] < steps).mean())


def interpolated(poses: np.ndarray, stride: int, frames: int) -> np.ndarray:
    """(frames, J, D) from every `stride`-th pose (K, J, D), by linear interpolation.

    The last pose is held to the end.
    """
    place = np.minimum(np.arange(frames) / stride, len(poses) - 1)
    low = np.minimum(place.astype(int), max(len(poses) - 2, 0))
    high = np.minimum(low + 1, len(poses) - 1)
    share = (place - low)[:, None, None]
    return np.asarray(poses[low] * (1 - share) + poses[high] * share)


def screen(points: np.ndarray, width: float, height: float) -> np.ndarray:
    """Pixels (..., 2) so that x lies in [-1, 1] and the aspect stays (Pavllo et al. 2019)."""
    return np.asarray(points / width * 2 - np.array([1, height / width]))


def _distance(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    _check(predicted, truth)
    return np.asarray(np.linalg.norm(predicted - truth, axis=-1))


def _check(predicted: np.ndarray, truth: np.ndarray) -> None:
    assert predicted.shape == truth.shape and predicted.ndim == 3, (predicted.shape, truth.shape)
