"""Points that were not seen, in data whose confidence does not say so: filled with 0 or -1, or moved with the body.

People fill what MediaPipe does not find, so that an array has no holes. Centred or scaled later, such a part lies at
another place in each frame; but all of its points are still at a single one, which those of a seen part never are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_AT_LEAST = 5  # points of a part; fewer may meet by chance


def is_filling(points: np.ndarray) -> np.ndarray:
    """(...,) of points (..., 2 or more): whether x and y are both exactly -1, or both 0."""
    x, y = points[..., 0], points[..., 1]
    return np.asarray((x == y) & ((x == 0) | (x == -1)))


def collapsed(points: np.ndarray, joints: Sequence[str]) -> np.ndarray:
    """(..., J) of points (..., J, 2), NaN where missing: those of a hand, or a body, that all lie at one place.

    joints: our name of each point. Parts of which fewer than 5 points are there are left alone.
    """
    gone = np.zeros(points.shape[:-1], bool)
    parts = [_part(joint) for joint in joints]
    for part in dict.fromkeys(parts):
        members = [k for k, other in enumerate(parts) if other == part]
        own = points[..., members, :2]
        seen = np.isfinite(own).all(-1)
        low = np.where(seen[..., None], own, np.inf).min(-2)
        high = np.where(seen[..., None], own, -np.inf).max(-2)
        together = (low == high).all(-1) & (seen.sum(-1) >= _AT_LEAST)
        gone[..., members] = together[..., None] & seen
    return gone


def _part(joint: str) -> str:
    """A hand or the body."""
    side = joint.split("_hand_")[0]
    return side if "_hand_" in joint else "body"
