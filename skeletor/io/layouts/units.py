"""Units of 2D key points, told by where the shoulders lie: pixels, shares of the picture, or shoulder widths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skeletor.support.errors import InputError

SMALL = 2.0  # no shoulders are nearer to each other in pixels
FARTHEST = 1e6  # no coordinate is larger


@dataclass(frozen=True)
class Scale:
    """units: of the points after multiplication by `factor` (x, y[, z]); None: they stay as they are."""

    units: str
    factor: tuple[float, ...] | None = None


def unit_of(joints: Mapping[str, np.ndarray], size: tuple[int, int], dims: int = 2) -> Scale:
    """The unit of joints, each (R, D) with NaN where missing, in pictures of `size` (width, height; 0: not known).

    Shares of the picture (0 to 1, as MediaPipe gives them) get the factor that makes pixels of them. Poses around
    their own shoulders (pose-format's `normalize`) are in shoulder widths. Raises InputError if it cannot be told, or
    for shares of a picture whose size is not known.
    """
    pixels = Scale("pixel" if all(size) else "unknown")
    shoulders = _shoulders(joints)
    if shoulders is None:
        largest = max((float(np.nanmax(np.abs(v), initial=0)) for v in joints.values()), default=0.0)
        if 0 < largest < SMALL:
            raise InputError(f"coordinates up to {largest:g} and no shoulders: their unit cannot be told; give pixels")
        return pixels
    middle, width, low, high = shoulders
    around = np.abs(middle).max() < 0.15 * width  # their own shoulders, or those of who hangs in the picture's corner
    if around and not (low >= -1.05 and high <= 1.05 and width < 0.7):
        return Scale("shoulder" if 0.8 < width < 1.25 else "unknown")
    if width >= SMALL or np.abs(middle).max() > 10:
        return pixels
    if around or not (low >= -0.2 and high <= 1.2 and width < 0.95):
        raise InputError(
            f"coordinates around {middle[0]:.3g}, {middle[1]:.3g} with shoulders {width:.3g} apart are neither pixels "
            "nor shares of the picture; give pixels"
        )
    if min(size) < 16:
        raise InputError(
            "coordinates are shares of the picture (0 to 1), whose size the file does not say "
            f"({size[0]} x {size[1]}); multiply x by its width and y by its height"
        )
    return Scale("pixel", (float(size[0]), float(size[1]), float(size[0]))[:dims])


def check_pixels(joints: Mapping[str, np.ndarray]) -> None:
    """InputError if joints, each (R, 2), are not in pixels but scaled to some range (OpenPose's --keypoint_scale)."""
    shoulders = _shoulders(joints)
    largest = max((float(np.nanmax(np.abs(v), initial=0)) for v in joints.values()), default=0.0)
    if 0 < largest < SMALL or (shoulders and shoulders[1] < SMALL and np.abs(shoulders[0]).max() < 10):
        raise InputError("coordinates are shares of the picture, not pixels; write them with --keypoint_scale 0")


def _shoulders(joints: Mapping[str, np.ndarray]) -> tuple[np.ndarray, float, float, float] | None:
    """Mean (2,) of the middle of the shoulders, their mean distance, lowest and highest coordinate; None if unseen."""
    if not {"left_shoulder", "right_shoulder"} <= joints.keys():
        return None
    left, right = (np.asarray(joints[f"{side}_shoulder"][:, :2], np.float64) for side in ("left", "right"))
    seen = np.isfinite(left + right).all(1)
    if not seen.any():
        return None
    left, right = left[seen], right[seen]
    both = np.stack([left, right])
    width = float(np.linalg.norm(left - right, axis=1).mean())
    return ((left + right) / 2).mean(0), width, float(np.percentile(both, 2)), float(np.percentile(both, 98))
