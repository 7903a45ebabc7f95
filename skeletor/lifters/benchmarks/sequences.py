"""Sequences of a benchmark, and the clips that the lifters learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skeletor.lifters.learned.clips import ClipSet


@dataclass(frozen=True)
class Benchmark2D3D:
    """One recording by one camera.

    subject, action, camera: which. points: (T, 17, 2) in screen units (x in [-1, 1]); confidence: (T, 17); truth:
    (T, 17, 3) metres in camera axes, the root at 0. valid: (T,) frames that the protocol counts.
    """

    subject: str
    action: str
    camera: str
    points: np.ndarray
    confidence: np.ndarray
    truth: np.ndarray
    valid: np.ndarray


def as_clips(sequences: Sequence[Benchmark2D3D]) -> ClipSet:
    """All F frames, one sequence after the other: points (F, 17, 2) in screen units, truth (F, 17, 3) in metres."""
    return ClipSet(
        np.concatenate([s.points for s in sequences]).astype(np.float32),
        np.concatenate([s.confidence for s in sequences]).astype(np.float32),
        np.concatenate([s.truth for s in sequences]).astype(np.float32),
        np.concatenate([np.repeat(s.valid[:, None], s.points.shape[1], 1) for s in sequences]),
        np.cumsum([0, *(len(s.points) for s in sequences)]),
    )
