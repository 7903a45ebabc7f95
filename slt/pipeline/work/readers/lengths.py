"""Clips too long to be one sentence: named before a training that may want more memory for them than there is."""

from __future__ import annotations

from collections.abc import Iterable

from skeletor.poses.pose import PoseSequence
from skeletor.support.progress import log

LONG = 60.0  # seconds
_NAMED = 3


def tell_long(poses: Iterable[tuple[str, PoseSequence]]) -> None:
    """A warning that names the clips of a minute and more. poses: (name, pose) of clips to be trained on.

    Attention takes memory by the square of a clip's length, so one of them can end a training.
    """
    found = sorted(((len(pose) / pose.fps, name) for name, pose in poses), reverse=True)
    long = [f"{name} ({seconds:.0f} s)" for seconds, name in found if seconds >= LONG]
    if long:
        more = f" and {len(long) - _NAMED} more" if len(long) > _NAMED else ""
        log.warning(
            "clips of %.0f s or more in train: %s%s; memory grows by the square of the length: cut them to sentences, or "
            "leave them out",
            LONG, ", ".join(long[:_NAMED]), more,
        )  # fmt: skip
