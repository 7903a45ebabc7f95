"""How wide the shoulders of the one who is watched are, while frames come in."""

from __future__ import annotations

from collections import deque

import numpy as np

_MEASURED = 30.0  # seconds
_SURE_SHOULDER = 0.3  # confidence, as in `skeletor.poses.normalise`
_NEARLY = 1e-6  # pixels, as there


class Widths:
    """The usual width of the shoulders, in pixels, over the last half minute in which they are sure (or else seen)."""

    def __init__(self, fps: float) -> None:
        frames = max(1, round(_MEASURED * fps))
        self._sure: deque[float] = deque(maxlen=frames)
        self._seen: deque[float] = deque(maxlen=frames)
        self._fixed: float | None = None

    def fix(self, width: float) -> None:
        """They are that wide, whatever is seen."""
        self._fixed = width

    def see(self, points: np.ndarray, confidence: np.ndarray) -> None:
        """Neck, right and left shoulder (3, 2) of a frame, NaN where missing, with their confidence (3,)."""
        width = float(np.linalg.norm(points[2].astype(np.float64) - points[1]))
        if not np.isfinite(points).all() or width < _NEARLY:
            return
        (self._sure if confidence.min() >= _SURE_SHOULDER else self._seen).append(width)

    @property
    def usual(self) -> float | None:
        """The median; None if they were never seen."""
        if self._fixed is not None:
            return self._fixed
        widths = self._sure or self._seen
        return float(np.median(widths)) if widths else None
