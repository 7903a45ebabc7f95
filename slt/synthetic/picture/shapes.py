"""Convex shapes and how they are painted: everything that is drawn is a convex polygon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

SHIFT = 4  # fractional bits of OpenCV's fixed-point coordinates
CORNERS = 16  # corners of a hull
_ANGLES = np.arange(CORNERS) * 2 * np.pi / CORNERS
DIRECTIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], -1).astype(np.float32)  # (N, 2)


def hull_of_discs(centres: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Convex hull of M discs: centres (..., M, 2), radii (..., M) -> polygon (..., N, 2), in their unit.

    Its points are support points in N fixed directions: for each direction, that of the disc which reaches
    farthest. Two discs give a tapered capsule.
    """
    centres, radii = centres.astype(np.float32), radii.astype(np.float32)
    reach = centres @ DIRECTIONS.T + radii[..., None]  # (..., M, N)
    best = reach.argmax(-2)  # (..., N)
    centre = np.take_along_axis(centres, best[..., None], -2)  # (..., N, 2)
    radius = np.take_along_axis(radii, best, -1)  # (..., N)
    return centre + radius[..., None] * DIRECTIONS


def fixed_point(pixels: np.ndarray, oversample: int) -> np.ndarray:
    """Continuous pixel coordinates (0 = edge of the picture) to OpenCV's fixed-point ones, int32."""
    drawn = pixels * oversample - 0.5  # OpenCV puts 0 at the centre of the first pixel
    return np.clip(np.rint(drawn * (1 << SHIFT)), -(1 << 20), 1 << 20).astype(np.int32)


@dataclass(frozen=True)
class Shapes:
    """P convex polygons at S instants.

    polygons: (S, P, N, 2) pixels; colours: (S, P, 3) RGB 0-255; shown: (S, P) bool; depth: (S, P), larger is
    nearer to the camera. Of equal depth the later one is painted over the earlier.
    """

    polygons: np.ndarray
    colours: np.ndarray
    shown: np.ndarray
    depth: np.ndarray

    def __post_init__(self) -> None:
        grid = self.polygons.shape[:2]
        assert self.polygons.ndim == 4 and self.polygons.shape[2:] == (CORNERS, 2), self.polygons.shape
        assert self.colours.shape == (*grid, 3) and self.shown.shape == grid and self.depth.shape == grid


def layered(polygons: Sequence[np.ndarray], colours: Sequence[np.ndarray], depth: np.ndarray) -> Shapes:
    """Shapes of several polygons each, painted in order: polygons (S, P, N, 2), colours (S, P, 3), depth (S, P)."""
    layers = len(polygons)
    stacked = np.stack(polygons, 2).reshape(len(depth), -1, CORNERS, 2)  # (S, P * L, N, 2)
    tones = np.stack(colours, 2).reshape(len(depth), -1, 3)
    return Shapes(stacked, tones, np.ones(tones.shape[:2], bool), np.repeat(depth, layers, 1))


def join(parts: Sequence[Shapes]) -> Shapes:
    """All shapes of several groups at the same S instants: their P_i polygons become sum(P_i)."""
    return Shapes(
        np.concatenate([part.polygons for part in parts], 1),
        np.concatenate([part.colours for part in parts], 1),
        np.concatenate([part.shown for part in parts], 1),
        np.concatenate([part.depth for part in parts], 1),
    )


@dataclass(frozen=True)
class PaintList:
    """What to paint at each instant: S lists of polygons (n, N, 2) int32 and colours, far to near."""

    polygons: list[np.ndarray]
    colours: list[list[list[float]]]
    low: np.ndarray  # (S, 2) first and
    high: np.ndarray  # (S, 2) last drawn pixel (oversampled) that the polygons touch

    def paint(self, image: np.ndarray, instant: int, offset: tuple[int, int] = (0, 0)) -> None:
        """Paint an instant on an RGB picture whose first pixel is drawn pixel `offset` (x, y)."""
        polygons = self.polygons[instant]
        if offset != (0, 0):
            polygons = polygons - (np.array(offset, np.int32) << SHIFT)
        for polygon, colour in zip(polygons, self.colours[instant], strict=True):
            cv2.fillConvexPoly(image, polygon, colour, cv2.LINE_8, SHIFT)


def paint_list(shapes: Shapes, oversample: int) -> PaintList:
    """Sort shapes (S, P, N, 2) in pixels by depth (painter's algorithm), in OpenCV's fixed-point integers."""
    order = np.argsort(shapes.depth, axis=1, kind="stable")  # (S, P)
    rows = np.arange(len(order))[:, None]
    placed = fixed_point(shapes.polygons, oversample)  # (S, P, N, 2)
    polygons = placed[rows, order]
    colours = np.clip(np.rint(shapes.colours[rows, order]), 0, 255)
    shown = shapes.shown[rows, order]
    return PaintList(
        [p[s] for p, s in zip(polygons, shown, strict=True)],
        [c[s].tolist() for c, s in zip(colours, shown, strict=True)],
        placed.min((1, 2)) >> SHIFT,
        (placed.max((1, 2)) >> SHIFT) + 2,
    )
