"""A bound on how far a network may move a joint of which the estimator was certain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skeletor.support.errors import InputError


@dataclass(frozen=True)
class Trust:
    """Joints with a confidence of at least `certain` come out at most `bound` (model's units) from where they were.

    For users who want what is sure to stay as it was, and only the rest repaired. It costs accuracy where sure
    joints are wrong all the same (a hand found on the other hand, the depth that a lifter guessed).
    """

    certain: float
    bound: float

    def __post_init__(self) -> None:
        if not (0 < self.certain <= 1 and self.bound >= 0):
            raise InputError(
                f"trust: certain {self.certain} must lie in (0, 1], bound {self.bound} must not be below 0"
            )

    def limit(self, refined: np.ndarray, seen: np.ndarray, confidence: np.ndarray) -> np.ndarray:
        """refined, seen (T, J, D), NaN where nothing was seen; confidence (T, J) -> (T, J, D) within the bound."""
        sure = ((confidence >= self.certain) & ~np.isnan(seen).any(-1))[..., None]  # (T, J, 1)
        step = np.where(sure, refined - seen, 0)
        length = np.linalg.norm(step, axis=-1, keepdims=True)
        near = seen + step * np.minimum(1, self.bound / np.maximum(length, 1e-12))
        return np.where(sure, near, refined).astype(refined.dtype)
