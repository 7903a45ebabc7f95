"""The few joints by which it is told whether somebody signs: 240 bytes a frame of 2D in place of 600.

So that an hour of poses can stay on disk while all of it is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50, Skeleton
from skeletor.support.errors import InputError

_HAND = ("root", "thumb_4", "index_4", "middle_1", "middle_4", "little_4")
_JOINTS = (
    *(SIGNING_50.joints[j] for j in SIGNING_50.group("body")),
    *(f"{side}_hand_{joint}" for side in ("left", "right") for joint in _HAND),
)
_TAKEN = [SIGNING_50.index(joint) for joint in _JOINTS]


def _skeleton() -> Skeleton:
    """The joints of SIGNING_50 that are taken; a finger's tip hangs on its hand's root."""
    body = len(SIGNING_50.group("body"))
    roots = [body, body + len(_HAND)]
    wrists = [_JOINTS.index(f"{side}_wrist") for side in ("left", "right")]
    parents = [*SIGNING_50.parents[:body]]
    for wrist, root in zip(wrists, roots, strict=True):
        parents += [wrist, *[root] * (len(_HAND) - 1)]
    hands = [tuple(range(root, root + len(_HAND))) for root in roots]
    pairs = [(_JOINTS.index(f"left_{part}"), _JOINTS.index(f"right_{part}")) for part in ("shoulder", "elbow", "wrist")]
    groups = (("body", tuple(range(body))), ("left_hand", hands[0]), ("right_hand", hands[1]))
    return Skeleton("watched_20", _JOINTS, tuple(parents), (*pairs, *zip(*hands, strict=True)), groups)


WATCHED = _skeleton()
STRETCH = 4096  # frames that are looked at together


class Recorded(Protocol):
    """Poses of a recording of which any part can be had: a `PoseSequence`, or what lies on disk."""

    @property
    def fps(self) -> float:
        """Frames per second."""
        ...

    @property
    def dims(self) -> int:
        """Coordinates of a joint, 2 or 3."""
        ...

    @property
    def provenance(self) -> Provenance:
        """Where all of it comes from."""
        ...

    @property
    def seconds(self) -> float:
        """How long it is."""
        ...

    def __len__(self) -> int:
        """Number of frames."""
        ...

    def frames(self, start: int, stop: int) -> PoseSequence:
        """Frames start <= t < stop."""
        ...


def watched(pose: PoseSequence) -> PoseSequence:
    """The pose (T, 50, D) with the joints of `WATCHED` alone, (T, 20, D).

    Raises InputError if it is on another skeleton than SIGNING_50 or `WATCHED`.
    """
    if pose.skeleton == WATCHED:
        return pose
    if pose.skeleton != SIGNING_50:
        where = pose.provenance.source or "pose"
        raise InputError(f"{where}: segments need skeleton signing_50, not {pose.skeleton.name}; use to_skeleton")
    return PoseSequence(pose.keypoints[:, _TAKEN], pose.confidence[:, _TAKEN], pose.fps, WATCHED, pose.provenance)


def watch(recording: Recorded, stretch: int = STRETCH) -> PoseSequence:
    """`watched` of all frames, mapped to SIGNING_50 before; `stretch` frames at a time are in memory with all joints.

    The result is the same for any stretch. Raises InputError if the poses cannot be mapped.
    """
    parts = list(_parts(recording, max(1, stretch)))
    keypoints, confidence = (
        np.concatenate([getattr(one, name) for one in parts]) for name in ("keypoints", "confidence")
    )
    return PoseSequence(keypoints, confidence, recording.fps, WATCHED, recording.provenance)


def _parts(recording: Recorded, stretch: int) -> Iterator[PoseSequence]:
    for start in range(0, max(1, len(recording)), stretch):
        yield watched(recording.frames(start, start + stretch).to_skeleton(SIGNING_50))
