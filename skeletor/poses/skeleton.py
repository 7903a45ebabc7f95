"""Skeletons: their joints, bones and groups, and mappings from one skeleton to another.

"Left" and "right" are always the signer's own (anatomical), never the picture's side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skeletor.support.errors import InputError

_FINGERS = ("thumb", "index", "middle", "ring", "little")
_HAND = ("root", *(f"{finger}_{k}" for finger in _FINGERS for k in range(1, 5)))
_HAND_PARENTS = (-1, *(0 if k == 0 else 4 * f + k for f in range(5) for k in range(4)))


@dataclass(frozen=True)
class Skeleton:
    """A named set of joints.

    joints: J names. parents: for each joint the index of its parent, -1 for a root.
    pairs: (left, right) joint indices. groups: name -> joint indices; `body`, `left_hand` and
    `right_hand` exist in every signing skeleton.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    groups: tuple[tuple[str, tuple[int, ...]], ...]

    def __post_init__(self) -> None:
        if len(self.parents) != len(self.joints) or len(set(self.joints)) != len(self.joints):
            raise ValueError(f"skeleton {self.name}: joints and parents do not fit")

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Index of a joint by name; ValueError if there is none."""
        return self.joints.index(joint)

    def group(self, name: str) -> tuple[int, ...]:
        """Joint indices of a group. Raises KeyError if there is none of that name."""
        return dict(self.groups)[name]

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) joint indices of each bone, in order of the child joint."""
        return tuple((p, j) for j, p in enumerate(self.parents) if p >= 0)

    @cached_property
    def mirror(self) -> np.ndarray:
        """(J,) permutation that exchanges left and right."""
        order = np.arange(len(self))
        for left, right in self.pairs:
            order[left], order[right] = right, left
        return order

    @cached_property
    def length_ids(self) -> tuple[int, ...]:
        """For each of the B bones the id of its length, (B,); the two bones of a left/right pair share one.

        SIGNING_50 has 49 bones and 25 lengths, numbered in order of first appearance.
        """
        mirror = self.mirror
        ids: dict[tuple[int, int], int] = {}
        result = []
        for parent, child in self.bones:
            twin = (int(mirror[parent]), int(mirror[child]))
            key = min((parent, child), twin, key=lambda bone: bone[1])
            result.append(ids.setdefault(key, len(ids)))
        return tuple(result)


def _signing_50() -> Skeleton:
    body = ("nose", "neck", "right_shoulder", "right_elbow", "right_wrist",
            "left_shoulder", "left_elbow", "left_wrist")  # fmt: skip
    joints = (*body, *(f"left_hand_{n}" for n in _HAND), *(f"right_hand_{n}" for n in _HAND))
    left = [7 if p < 0 else 8 + p for p in _HAND_PARENTS]
    right = [4 if p < 0 else 29 + p for p in _HAND_PARENTS]
    return Skeleton(
        name="signing_50",
        joints=joints,
        parents=(-1, 0, 1, 2, 3, 1, 5, 6, *left, *right),
        pairs=((5, 2), (6, 3), (7, 4), *((8 + k, 29 + k) for k in range(21))),
        groups=(
            ("body", tuple(range(8))),
            ("left_hand", tuple(range(8, 29))),
            ("right_hand", tuple(range(29, 50))),
        ),
    )


def _body25_hands() -> Skeleton:
    body = (
        "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
        "left_wrist", "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee",
        "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear", "left_big_toe",
        "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
    )  # fmt: skip
    parents = (1, -1, 1, 2, 3, 1, 5, 6, 1, 8, 9, 10, 8, 12, 13, 0, 0, 15, 16, 14, 19, 14, 11, 22, 11)
    left = [7 if p < 0 else 25 + p for p in _HAND_PARENTS]
    right = [4 if p < 0 else 46 + p for p in _HAND_PARENTS]
    body_pairs = ((5, 2), (6, 3), (7, 4), (12, 9), (13, 10), (14, 11), (16, 15), (18, 17), (19, 22),
                  (20, 23), (21, 24))  # fmt: skip
    return Skeleton(
        name="body25_hands",
        joints=(*body, *(f"left_hand_{n}" for n in _HAND), *(f"right_hand_{n}" for n in _HAND)),
        parents=(*parents, *left, *right),
        pairs=(*body_pairs, *((25 + k, 46 + k) for k in range(21))),
        groups=(
            ("body", tuple(range(25))),
            ("left_hand", tuple(range(25, 46))),
            ("right_hand", tuple(range(46, 67))),
        ),
    )


def _mediapipe() -> Skeleton:
    names = (
        "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye",
        "right_eye_outer", "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder",
        "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_pinky",
        "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb", "left_hip", "right_hip",
        "left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel", "right_heel",
        "left_foot_index", "right_foot_index",
    )  # fmt: skip
    parents = (-1, 0, 1, 2, 0, 4, 5, 3, 6, 0, 0, 0, 0, 11, 12, 13, 14, 15, 16, 15, 16, 15, 16, 11, 12, 23,
               24, 25, 26, 27, 28, 29, 30)  # fmt: skip
    left = [15 if p < 0 else 33 + p for p in _HAND_PARENTS]
    right = [16 if p < 0 else 54 + p for p in _HAND_PARENTS]
    body_pairs = (((1, 4), (2, 5), (3, 6), (7, 8), (9, 10)) +
                  tuple((k, k + 1) for k in range(11, 33, 2)))  # fmt: skip
    return Skeleton(
        name="mediapipe_75",
        joints=(*names, *(f"left_hand_{n}" for n in _HAND), *(f"right_hand_{n}" for n in _HAND)),
        parents=(*parents, *left, *right),
        pairs=(*body_pairs, *((33 + k, 54 + k) for k in range(21))),
        groups=(
            ("body", tuple(range(33))),
            ("left_hand", tuple(range(33, 54))),
            ("right_hand", tuple(range(54, 75))),
        ),
    )


SIGNING_50 = _signing_50()
BODY25_HANDS = _body25_hands()
MEDIAPIPE_75 = _mediapipe()
SKELETONS = {s.name: s for s in (SIGNING_50, BODY25_HANDS, MEDIAPIPE_75)}

# A joint of the target that is the mean of joints of the source, where the source has no such joint.
_MEANS = {"neck": ("left_shoulder", "right_shoulder"), "mid_hip": ("left_hip", "right_hip")}


def mapping(source: Skeleton, target: Skeleton) -> np.ndarray:
    """(J_target, J_source) float32 weights that turn source joints into target joints, by name.

    A row sums to 1, or to 0 where the source has nothing for that joint (it is then missing).
    """
    weights = np.zeros((len(target), len(source)), np.float32)
    for row, joint in enumerate(target.joints):
        parts = (joint,) if joint in source.joints else _MEANS.get(joint, ())
        if parts and all(part in source.joints for part in parts):
            for part in parts:
                weights[row, source.index(part)] = 1.0 / len(parts)
    if not weights.any():
        raise InputError(
            f"no joint of skeleton {source.name:.60} is also in {target.name}: they cannot be mapped; "
            "if its points are in a known order, --skeleton NAME tells which; a wrong NAME lists the names"
        )
    return weights


def custom_skeleton(joints: int, name: str | None = None) -> Skeleton:
    """A skeleton of `joints` joints "joint_0", "joint_1", ... without bones, for data that state no layout."""
    return Skeleton(
        name=name or f"points_{joints}",
        joints=tuple(f"joint_{k}" for k in range(joints)),
        parents=(-1,) * joints,
        pairs=(),
        groups=(("body", tuple(range(joints))),),
    )
