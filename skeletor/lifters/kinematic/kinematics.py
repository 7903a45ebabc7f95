"""The tree of SIGNING_50 as arrays: which bones a joint hangs on, and which lengths bones share."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from skeletor.poses.skeleton import SIGNING_50

JOINTS = len(SIGNING_50)  # 50
BONES = len(SIGNING_50.bones)  # 49
PARENTS = np.array([p for p, _ in SIGNING_50.bones])  # (49,) joint at the near end of each bone
CHILDREN = np.array([c for _, c in SIGNING_50.bones])  # (49,) joint at its far end; bone b ends in joint b + 1
LENGTH_IDS = np.array(SIGNING_50.length_ids)  # (49,) -> 25 lengths, left = right
LENGTHS = int(LENGTH_IDS.max()) + 1  # 25

# Mean bone lengths of real signers in shoulder widths (15 sequences of PHOENIX14T), in the order of LENGTH_IDS:
# nose-neck, neck-shoulder, upper arm, forearm, wrist-hand root, then root-knuckle and three phalanges per finger.
PROPORTIONS = np.array([
    0.623, 0.510, 0.912, 0.675, 0.120,
    0.099, 0.122, 0.097, 0.083,
    0.246, 0.123, 0.076, 0.067,
    0.229, 0.126, 0.077, 0.063,
    0.205, 0.116, 0.072, 0.058,
    0.190, 0.095, 0.052, 0.047,
])  # fmt: skip


@lru_cache(maxsize=1)
def levels() -> tuple[np.ndarray, ...]:
    """(n,) indices of the bones at each depth of the tree: bones of one level hang on joints of the level before."""
    depth = np.zeros(JOINTS, int)
    for parent, child in SIGNING_50.bones:
        depth[child] = depth[parent] + 1
    return tuple(np.flatnonzero(depth[CHILDREN] == level) for level in range(1, depth.max() + 1))


@lru_cache(maxsize=1)
def incidence() -> np.ndarray:
    """(50, 49) float64 P: P[j, b] = 1 if bone b lies on the way from the root (joint 0) to joint j.

    With bone vectors V, the joints are Y = root + P V, and a gradient F of Y becomes P^T F for V.
    """
    matrix = np.zeros((JOINTS, BONES))
    for bone, (parent, child) in enumerate(SIGNING_50.bones):
        matrix[child] = matrix[parent]
        matrix[child, bone] = 1
    matrix.setflags(write=False)
    return matrix
