"""Joints that have not been seen yet, which a network that keeps the fill leaves where they came in."""

from __future__ import annotations

import numpy as np


class Unseen:
    """Tells, frame after frame, which joints the fill can only put where such joints usually are.

    That is a joint without an observation so far, if the first one does not come within `horizon` frames of the clip's
    beginning (`skeletor.refiners.fill.interpolate_within`). A lifter's own guess, made of the signer's body, is
    nearer. joints: J.
    """

    def __init__(self, joints: int, horizon: int) -> None:
        self._horizon, self._pushed = horizon, 0
        self._soon, self._before = np.zeros(joints, bool), np.zeros(joints, bool)

    def push(self, observed: np.ndarray) -> None:
        """The next frames that came in; observed: (n, J) bool."""
        self._soon |= observed[: max(0, self._horizon + 1 - self._pushed)].any(0)
        self._pushed += len(observed)

    def kept(self, refined: np.ndarray, points: np.ndarray, observed: np.ndarray) -> np.ndarray:
        """The next frames that go out, refined (m, J, D), with the joints that are unseen where `points` has them.

        points: (m, J, D), as these frames came in, NaN where it has nothing. observed: (m, J) bool. At least the first
        `horizon` + 1 frames of the clip, or all, must have been pushed.
        """
        if not len(refined):
            return refined
        seen = np.logical_or.accumulate(observed, axis=0) | self._before
        self._before = seen[-1]
        unseen = ~seen & ~self._soon & ~np.isnan(points).any(-1)  # (m, J)
        return np.where(unseen[..., None], points, refined).astype(refined.dtype)


def keep_unseen(refined: np.ndarray, points: np.ndarray, observed: np.ndarray, horizon: int) -> np.ndarray:
    """`Unseen.kept` of a whole clip: (T, J, D), (T, J, D) and (T, J) bool -> (T, J, D)."""
    unseen = Unseen(observed.shape[1], horizon)
    unseen.push(observed)
    return unseen.kept(refined, points, observed)
