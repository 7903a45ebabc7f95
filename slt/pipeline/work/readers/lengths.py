"""Clips too long to be one sentence: named before a training that may want more memory for them than there is."""

from __future__ import annotations

import math
from collections.abc import Iterable

from skeletor.poses.pose import PoseSequence
from skeletor.support.progress import log

LONG = 60.0  # seconds
_NAMED = 3


def tell_long(
    train: Iterable[tuple[str, PoseSequence]], dev: Iterable[tuple[str, PoseSequence]], left_out: float = math.inf
) -> None:
    """A warning that names the clips of a minute and more. train, dev: (name, pose) of clips to be learned from, and of
    those that are read on the way. left_out: seconds; training clips longer than that are not learned from.

    Attention takes memory by the square of a clip's length, so one of them can end a training.
    """
    lengths = [(len(pose) / pose.fps, name) for name, pose in train]
    lengths = [one for one in lengths if one[0] <= left_out] + [(len(pose) / pose.fps, name) for name, pose in dev]
    found = sorted(lengths, reverse=True)
    long = [f"{name} ({seconds:.0f} s)" for seconds, name in found if seconds >= LONG]
    if long:
        more = f" and {len(long) - _NAMED} more" if len(long) > _NAMED else ""
        log.warning(
            "train and dev hold clips of %.0f s or longer: %s%s; memory grows by the square of the length: cut them to "
            "sentences, or leave them out",
            LONG, ", ".join(long[:_NAMED]), more,
        )  # fmt: skip
