"""What was not seen: the gate for swapped hands, gaps filled over time, and a rest position for what never appears.

Arrays are (T, 50, 2) in shoulder widths, the median neck at 0, y down.
"""

from __future__ import annotations

import numpy as np

from skeletor.skeleton import SIGNING_50
from slt.lift.kinematics import CHILDREN, LENGTH_IDS, PARENTS, PROPORTIONS

_HANDS = ((SIGNING_50.index("left_wrist"), SIGNING_50.group("left_hand")),
          (SIGNING_50.index("right_wrist"), SIGNING_50.group("right_hand")))  # fmt: skip
_NEVER = 1e9


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


def fill(points: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """(T, 50, 2) without gaps: linear over time, held at the ends, at rest where a joint is never seen.

    A joint is filled relative to its parent, so that a hand keeps its shape while the arm moves it; therefore bone
    vectors, not positions, are interpolated. Observed joints keep their positions.
    """
    filled = np.where(observed[..., None], points, 0).astype(np.float32)  # (T, 50, 2)
    filled[:, 0], known = _over_time(filled[:, 0], observed[:, 0])
    root_known = known
    rest = rest_bones()
    neck = SIGNING_50.index("neck")
    if not root_known:  # no nose: the root stands where the neck, which is seen, puts it
        neck_path, _ = _over_time(filled[:, neck], observed[:, neck])
        filled[:, 0] = neck_path - rest[0]
    for bone, (parent, child) in enumerate(SIGNING_50.bones):
        both = observed[:, parent] & observed[:, child]
        vector, known = _over_time(filled[:, child] - filled[:, parent], both)
        if not known:
            seen = observed[:, child]
            vector, known = _over_time(filled[:, child] - filled[:, parent], seen)
        if not known:
            vector = np.broadcast_to(rest[bone], vector.shape)
        filled[:, child] = np.where(observed[:, child, None], filled[:, child], filled[:, parent] + vector)
    return filled


def _over_time(values: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, bool]:
    """(T, 2) values, linear between known frames and held outside; and whether any frame is known."""
    frames = np.flatnonzero(known)
    if len(frames) == 0:
        return values, False
    if len(frames) == len(values):
        return values, True
    every = np.arange(len(values))
    return np.stack([np.interp(every, frames, values[frames, k]) for k in range(values.shape[1])], 1), True


def rest_bones() -> np.ndarray:
    """(49, 2) bone vectors at rest, arms hanging, in shoulder widths: what nobody has seen is put there."""
    down = np.zeros((len(CHILDREN), 2), np.float32)
    length = PROPORTIONS[LENGTH_IDS].astype(np.float32)
    down[:, 1] = length
    for bone, (parent, child) in enumerate(zip(PARENTS, CHILDREN, strict=True)):
        if SIGNING_50.joints[parent] == "neck":
            side = 1 if SIGNING_50.joints[child].startswith("left") else -1
            down[bone] = (side * length[bone], 0)
        elif "_hand_" in SIGNING_50.joints[child]:
            down[bone] *= 0.9  # slightly bent towards the camera
    return down
