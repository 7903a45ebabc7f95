"""Changes of standardised features that a training clip may undergo: tempo, left-out frames, noise."""

from __future__ import annotations

import numpy as np


def augment(
    source: np.ndarray, rng: np.random.Generator, stretch: float = 0.0, drop_frames: float = 0.0, noise: float = 0.0
) -> np.ndarray:
    """A changed copy of (T, F) features.

    stretch: the tempo is multiplied by a factor uniform in 1 -+ stretch (frames are interpolated).
    drop_frames: each frame is left out with this probability. noise: standard deviation of Gaussian noise
    (not on the last column, which marks real frames).
    """
    frames = len(source)
    if stretch > 0:
        length = max(1, round(frames * rng.uniform(1 - stretch, 1 + stretch)))
        position = np.linspace(0, frames - 1, length)
    else:
        position = np.arange(frames, dtype=np.float64)
    if drop_frames > 0:
        kept = rng.random(len(position)) >= drop_frames
        position = position[kept] if kept.any() else position[:1]
    low = position.astype(int)
    share = (position - low).astype(np.float32)[:, None]
    result = source[low] * (1 - share) + source[np.minimum(low + 1, frames - 1)] * share
    if noise > 0:
        result[:, :-1] += rng.normal(0, noise, (len(result), result.shape[1] - 1))
    changed: np.ndarray = result.astype(np.float32)
    return changed
