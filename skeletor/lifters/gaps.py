"""Missing 2D joints: swapped hands gated, gaps filled over time, a rest position for joints that are never seen.

Arrays are (T, 50, 2) in shoulder widths, the median neck at 0, y down.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from skeletor.lifters.kinematic.kinematics import CHILDREN, LENGTH_IDS, PARENTS, PROPORTIONS
from skeletor.poses.skeleton import SIGNING_50

_HANDS = ((SIGNING_50.index("left_wrist"), SIGNING_50.group("left_hand")),
          (SIGNING_50.index("right_wrist"), SIGNING_50.group("right_hand")))  # fmt: skip
NECK = SIGNING_50.index("neck")


def gate_swapped_hands(points: np.ndarray, observed: np.ndarray, reach: float) -> np.ndarray:
    """(T, 50) bool: `observed` without the hands whose root is more than `reach` from their own wrist.

    OpenPose finds the right hand on the left hand in 15 to 19 % of frames, at ordinary confidence.
    A hand whose wrist is not seen is kept. reach: in shoulder widths.
    """
    kept = observed.copy()
    for wrist, hand in _HANDS:
        with np.errstate(invalid="ignore"):
            away = np.linalg.norm(points[:, hand[0]] - points[:, wrist], axis=1) > reach  # (T,) False with NaN
        kept[np.ix_(away & observed[:, wrist], hand)] = False
    return kept


def at_places(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(T', ...) values (T, ...) at fractional frames `places` (T',), by straight lines."""
    low = np.minimum(places.astype(int), max(len(values) - 2, 0))
    high = np.minimum(low + 1, len(values) - 1)
    share = (places - low).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray(values[low] * (1 - share) + values[high] * share)


def fill(points: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """(T, 50, 2) without gaps: linear over time, held at the ends, at rest where a joint is never seen.

    A joint is filled relative to its parent, so that a hand keeps its shape while the arm moves it; therefore bone
    vectors, not positions, are interpolated. Observed joints keep their positions.
    """
    filled = np.where(observed[..., None], points, 0).astype(np.float32)  # (T, 50, 2)
    rest = rest_bones()
    root = filled[:, 0]
    known = _over_time(root, observed[:, 0])
    if known is None:  # no nose: the root stands where the neck puts it
        neck = _over_time(filled[:, NECK], observed[:, NECK])
        known = (0 if neck is None else neck) - rest[0] + np.zeros_like(root)
    filled[:, 0] = np.where(observed[:, 0, None], root, known)
    for bone, (parent, child) in enumerate(SIGNING_50.bones):
        seen = observed[:, child]
        if seen.all():
            continue
        vector = filled[:, child] - filled[:, parent]  # (T, 2)
        known = _over_time(vector, seen & observed[:, parent])
        if known is None:
            known = _over_time(vector, seen)
        if known is None:
            known = rest[bone]
        filled[:, child] = np.where(seen[:, None], filled[:, child], filled[:, parent] + known)
    return filled


def _over_time(values: np.ndarray, known: np.ndarray) -> np.ndarray | None:
    """(T, 2) values, linear between known frames and held outside; None if no frame is known."""
    frames = np.flatnonzero(known)
    if len(frames) == 0:
        return None
    every = np.arange(len(values))
    return np.stack([np.interp(every, frames, values[frames, k]) for k in range(2)], 1)


@lru_cache(maxsize=1)
def rest_bones() -> np.ndarray:
    """(49, 2) bone vectors at rest, arms hanging, in shoulder widths: what nobody has seen is put there."""
    down: np.ndarray = np.zeros((len(CHILDREN), 2), np.float32)
    length = PROPORTIONS[LENGTH_IDS].astype(np.float32)
    down[:, 1] = length
    for bone, (parent, child) in enumerate(zip(PARENTS, CHILDREN, strict=True)):
        if SIGNING_50.joints[parent] == "neck":
            side = 1 if SIGNING_50.joints[child].startswith("left") else -1
            down[bone] = (side * length[bone], 0)
        elif "_hand_" in SIGNING_50.joints[child]:
            down[bone] *= 0.9  # slightly bent towards the camera
    down.setflags(write=False)
    return down
