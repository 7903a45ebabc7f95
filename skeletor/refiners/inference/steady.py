"""A hidden hand hangs on the path of its wrist, not on the detector's jitter about it."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from skeletor.refiners.fill import interpolate_within


def hang_steadily(
    refined: np.ndarray,
    filled: np.ndarray,
    observed: np.ndarray,
    carrier: np.ndarray,
    fps: float,
    rate: float,
    horizon: int,
) -> np.ndarray:
    """Refined joints (T, J, D), hidden ones of a hand as if their wrist had moved smoothly.

    A hidden joint was put on its wrist as it had been seen from there at the ends of its gap. The jitter of the wrist
    is in all three places, and is taken out of them. Smooth is what frames at `rate` could show: a Gaussian that halves
    what swings at rate / 2 Hz, and takes more of what is faster. So nothing changes at that frame rate or below.

    filled: (T, J, D) without gaps, at `fps` frames a second. observed: (T, J) bool. carrier: (J,), a joint's own index
    if nothing carries it. horizon: of the fill, in frames (`skeletor.refiners.fill.interpolate_within`).
    """
    assert refined.shape == filled.shape and observed.shape == filled.shape[:2], (refined.shape, observed.shape)
    hanging = ~observed & (carrier != np.arange(len(carrier)))  # (T, J)
    moved = np.flatnonzero(hanging.any(0))
    if fps <= rate or not len(moved):
        return refined
    spread = math.sqrt(2 * math.log(2)) / (math.pi * rate)  # seconds
    wrists, of = np.unique(carrier[moved], return_inverse=True)
    path = filled[:, wrists]
    off = (gaussian_filter1d(path, spread * fps, axis=0, mode="nearest") - path)[:, of]  # (T, moved, D)
    there = torch.from_numpy(observed[None, :, moved])
    at_ends = interpolate_within(torch.from_numpy(off)[None], there, horizon, torch.zeros(off.shape[1:]))[0].numpy()
    result = refined.copy()
    result[:, moved] += np.where(hanging[:, moved, None], off - at_ends, 0)
    return result
