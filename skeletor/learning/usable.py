"""Which clips a training can learn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skeletor.support.errors import InputError
from skeletor.support.progress import log

LEAST_FRAMES = 4  # of a clip: fewer have hardly an acceleration, and a window of them is one picture, repeated


def usable_clips(name: str, frames: Sequence[int] | np.ndarray, seen: Sequence[bool] | None = None) -> list[int]:
    """Numbers of the clips with `LEAST_FRAMES` frames or more, in which somebody is seen; a warning tells of others.

    name: of the training. frames: of each clip. seen: whether somebody is, None where that is known of all. Raises
    InputError if no clip is left.
    """
    long = [int(count) >= LEAST_FRAMES for count in frames]
    kept = [k for k, enough in enumerate(long) if enough and (seen is None or seen[k])]
    if len(kept) == len(long) > 0:
        return kept
    short, empty = long.count(False), long.count(True) - len(kept)
    why = f"{short} have fewer than {LEAST_FRAMES} frames" + (f", in {empty} nobody is seen" if empty else "")
    if not kept:
        raise InputError(
            f"{name}: of {len(long)} clips 0 can be trained on ({why}); give clips of signers with {LEAST_FRAMES} "
            "frames or more"
        )
    log.warning("%s: %d of %d clips are left out: %s", name, len(long) - len(kept), len(long), why)
    return kept
