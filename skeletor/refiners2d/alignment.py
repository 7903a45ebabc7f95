"""Plane similarities: shift, scale and, if wanted, rotation, never a reflection. Batched over poses, closed form.

A point (x, y) is taken as the complex number x + iy, so that a rotation with a scale is one factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ITERATIONS = 10  # of the mean shape; it settles within three


@dataclass(frozen=True)
class Similarity:
    """p -> factor p + shift, one for each pose. factor, shift: (F, 1) complex."""

    factor: np.ndarray
    shift: np.ndarray

    def apply(self, points: np.ndarray) -> np.ndarray:
        """(F, N, 2) -> (F, N, 2)."""
        return _planar(self.factor * _complex(points) + self.shift)

    def undo(self, points: np.ndarray) -> np.ndarray:
        """(F, N, 2) -> (F, N, 2), the inverse of `apply`."""
        return _planar((_complex(points) - self.shift) / self.factor)


def align(points: np.ndarray, target: np.ndarray, weights: np.ndarray, rotate: bool = True) -> Similarity:
    """The similarities that bring poses nearest to a target, by weighted least squares.

    points (F, N, 2) finite; target (F or 1, N, 2); weights (F, N) >= 0. A pose without weight, or with all its
    weight in one point, gets factor 1.
    """
    assert points.ndim == 3 and points.shape[2] == 2 and weights.shape == points.shape[:2], points.shape
    source, goal = _complex(points), _complex(target)
    share = weights / np.maximum(weights.sum(1, keepdims=True), 1e-300)  # (F, N)
    middle, goal_middle = (share * source).sum(1, keepdims=True), (share * goal).sum(1, keepdims=True)
    source, goal = source - middle, goal - goal_middle
    spread = (share * abs(source) ** 2).sum(1, keepdims=True)
    product = (share * source.conj() * goal).sum(1, keepdims=True)
    if not rotate:
        product = product.real.clip(0) + 0j
    sound = (spread > 1e-24) & (abs(product) > 1e-24)
    factor = np.where(sound, product / np.where(sound, spread, 1), 1)
    return Similarity(factor, goal_middle - factor * middle)


def mean_shape(poses: np.ndarray, rotate: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Generalised Procrustes analysis of poses (F, N, 2): the mean shape (N, 2), and the poses turned onto it.

    Mean and poses are centred and of RMS radius 1.
    """
    unit = poses - poses.mean(1, keepdims=True)
    unit = unit / np.maximum(radius(unit)[:, None, None], 1e-12)
    if not rotate:
        mean = _unit(unit.mean(0))
        return mean, unit
    equal = np.ones(unit.shape[:2])
    mean = unit[0]
    for _ in range(ITERATIONS):
        factor = align(unit, mean[None], equal).factor
        turned = Similarity(factor / abs(factor), np.zeros_like(factor)).apply(unit)
        mean = _unit(turned.mean(0))
    return mean, turned


def radius(poses: np.ndarray) -> np.ndarray:
    """(F,) root mean square distance of the joints of poses (F, N, 2) from their centre."""
    centred = poses - poses.mean(1, keepdims=True)
    size: np.ndarray = np.sqrt((centred**2).sum(2).mean(1))
    return size


def _unit(shape: np.ndarray) -> np.ndarray:
    centred = shape - shape.mean(0)
    scaled: np.ndarray = centred / radius(centred[None])[0]
    return scaled


def _complex(points: np.ndarray) -> np.ndarray:
    return np.asarray(points[..., 0] + 1j * points[..., 1])


def _planar(points: np.ndarray) -> np.ndarray:
    return np.stack([points.real, points.imag], -1)
