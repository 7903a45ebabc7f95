"""A hidden hand hangs on the path of its wrist, not on the detector's jitter about it."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import gaussian_filter1d


def hang_steadily(
    refined: np.ndarray, filled: np.ndarray, confidence: np.ndarray, carrier: np.ndarray, fps: float, rate: float
) -> np.ndarray:
    """Refined joints (T, J, D), hidden ones moved by what their carrier's path (in `filled`) is off a smooth one.

    Smooth is what frames at `rate` could show: a Gaussian that halves what swings at rate / 2 Hz, and takes more of
    what is faster. So nothing changes at that frame rate or below. filled: (T, J, D) without gaps, at `fps` frames a
    second. confidence: (T, J), 0 where hidden. carrier: (J,), a joint's own index if nothing carries it. A joint whose
    carrier is hidden, too, stays.
    """
    assert refined.shape == filled.shape and confidence.shape == filled.shape[:2], (refined.shape, confidence.shape)
    hanging = (confidence <= 0) & (confidence[:, carrier] > 0)  # (T, J)
    if fps <= rate or not hanging.any():
        return refined
    spread = math.sqrt(2 * math.log(2)) / (math.pi * rate)  # seconds
    used = np.unique(carrier[hanging.any(0)])
    off = np.zeros_like(filled)
    off[:, used] = gaussian_filter1d(filled[:, used], spread * fps, axis=0, mode="nearest") - filled[:, used]
    return np.where(hanging[..., None], refined + off[:, carrier], refined).astype(refined.dtype)
