"""How much of a person an estimator saw: share of the frames, and the longest time without."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skeletor.poses.absent import runs
from skeletor.poses.pose import PoseSequence

SURE = 0.1  # confidence from which a joint counts as seen
LITTLE = {"body": 0.5, "left_hand": 0.25, "right_hand": 0.25}  # share of the frames below which a part is missed
PARTS = ("body", "left_hand", "right_hand")
_SHOULDERS = ("left_shoulder", "right_shoulder")
_MOSTLY = 0.9  # of the frames in which head and shoulders are seen


@dataclass(frozen=True)
class Part:
    """share: of the frames in which the part is seen, 0 to 1. loss: the longest time without it, in seconds."""

    share: float
    loss: float

    def line(self) -> str:
        """One part as text: "93 % (longest loss 0.40 s)"."""
        return _percent(self.share) + (f" (longest loss {self.loss:.2f} s)" if self.loss else "")


@dataclass(frozen=True)
class Seen:
    """parts: name of a group of joints (`PARTS`) -> what was seen of it; groups that the skeleton lacks are absent.

    anything: whether there is one joint in one frame, however unsure. frames: that were looked at.
    """

    parts: dict[str, Part]
    anything: bool
    frames: int

    def line(self) -> str:
        """All parts as one line of text: "body 100 %, left hand 93 % (longest loss 0.40 s), ..."."""
        return ", ".join(f"{name.replace('_', ' ')} {part.line()}" for name, part in self.parts.items())

    def warning(self) -> str | None:
        """A line of warning if nobody was found, or if a part is seen in too few frames (`LITTLE`); else None."""
        if not self.anything:
            return f"nobody was found in any of the {self.frames} frames"
        little = [
            f"the {name.replace('_', ' ')} in {_percent(part.share)}"
            for name, part in self.parts.items()
            if part.share < LITTLE[name]
        ]
        return f"little was seen: {', '.join(little)} of the {self.frames} frames" if little else None


def seen(pose: PoseSequence, stride: int = 1) -> Seen:
    """What is seen in a pose (T, J, D) of any skeleton: shares of frames, and the longest loss in seconds.

    A joint is seen where its confidence is at least `SURE`; an inferred joint (confidence 0) is not. The body is seen
    where both shoulders are (half of its joints, where the skeleton names no shoulders), a hand where half of its
    joints are. stride: N if only every N-th frame was looked at.
    """
    sure = (pose.confidence >= SURE)[::stride]  # (T', J)
    groups = dict(pose.skeleton.groups)
    parts = {}
    for name in PARTS:
        members = groups.get(name)
        if not members:
            continue
        if name == "body" and all(joint in pose.skeleton.joints for joint in _SHOULDERS):
            there = np.all(sure[:, [pose.skeleton.index(joint) for joint in _SHOULDERS]], axis=1)
        else:
            there = np.greater_equal(sure[:, list(members)].mean(1), 0.5)
        parts[name] = Part(float(there.mean()) if len(there) else 0.0, longest_run(~there) * stride / pose.fps)
    return Seen(parts, bool((pose.confidence > 0).any()), len(sure))


def turned_warning(pose: PoseSequence) -> str | None:
    """A line of warning if the signer (T, J, 2 or 3) lies on the side or stands on the head in nearly all frames.

    By the way from the middle of the shoulders to the nose, and the line of the shoulders: a detector that follows
    turned people gives no other sign of it. None too where head and shoulders are never seen.
    """
    if not {"nose", *_SHOULDERS} <= set(pose.skeleton.joints):
        return None
    joints = [pose.skeleton.index(joint) for joint in ("nose", *_SHOULDERS)]
    nose, left, right = pose.keypoints[(pose.confidence[:, joints] >= SURE).all(1)][:, joints, :2].swapaxes(0, 1)
    if not len(nose):
        return None
    up, across = np.abs((left + right) / 2 - nose), np.abs(left - right)  # (T', 2)
    lying = (up[:, 0] > up[:, 1]) & (across[:, 1] > across[:, 0])
    below = nose[:, 1] > np.maximum(left[:, 1], right[:, 1])
    for found, how in ((lying, "lies on the side"), (below & ~lying, "stands on the head")):
        if found.mean() > _MOSTLY:
            return f"the signer {how} in the picture: is it turned? Poses and sentences of turned people are not right"
    return None


def longest_run(flags: np.ndarray) -> int:
    """Length of the longest run of True in (T,) flags."""
    return max((stop - start for start, stop in runs(flags)), default=0)


def _percent(share: float) -> str:
    """Whole per cent; 100 and 0 only if it is all or nothing."""
    whole = round(100 * share)
    if whole in (0, 100) and 0 < share < 1:
        return "over 99 %" if whole else "under 1 %"
    return f"{whole} %"
