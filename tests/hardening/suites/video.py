"""Videos of every kind, each also with damaged bytes: every frame in its place, or one line."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.hardening.case import Case, Context, Suite, single
from tests.hardening.made.videos import KINDS, Clip, clips, damage, number_of
from tests.hardening.suites.key_points import judge

MUTATIONS = 25
_TOLERANCE = 0.1  # of the frames of a damaged file: what `slt.video` calls bridged
_PLACES = 0.2  # of the frames that can be read in a damaged file may show damage


def suite() -> Suite:
    """The suite."""
    return Suite("video", "0 tracebacks, 0 silent wrong frame counts", _cases)


def _cases(context: Context) -> Iterator[Case]:
    whole = [(kind, number, -1) for kind in KINDS for number in range(len(clips(kind)))]
    damaged = [(kind, -1, k) for kind in KINDS for k in range(MUTATIONS)]
    for kind, number, mutation in context.sample(whole, "whole") + context.sample(damaged, "damaged"):
        name = f"{kind} {number}" if mutation < 0 else f"{kind}, mutation {mutation}"
        yield single(name, lambda kind=kind, number=number, mutation=mutation: _check(context, kind, number, mutation))  # type: ignore[misc]


def _check(context: Context, kind: str, number: int, mutation: int) -> str:
    folder = context.folder("running")
    reply = context.server().call(attempt, kind, number, mutation, context.seed, folder, cpu=20)
    reason = judge(reply)
    clip, how = draw(kind, number, mutation, context.seed)
    if reply.error is not None and not reason and mutation < 0 and not clip.refuse:
        reason = f"refused: {reply.error['text']}"
    if reason:
        place = (
            context.folder("failed")
            / f"{kind.replace(' ', '_')}_{number if mutation < 0 else f'm{mutation}'}{clip.suffix}"
        )
        place.write_bytes(clip.content)
    return f"{how}: {reason}" if reason and how else reason


def draw(kind: str, number: int, mutation: int, seed: int) -> tuple[Clip, str]:
    """The file of a case, and what was done to it."""
    if mutation < 0:
        return clips(kind)[number], ""
    rng = random.Random(f"{kind} {mutation} {seed}")
    clip = rng.choice(clips(kind))
    content, how = damage(clip.content, rng)
    return Clip(clip.suffix, content, clip.numbers, clip.refuse, clip.turns, clip.unread), how


def attempt(kind: str, number: int, mutation: int, seed: int, folder: Path) -> str:
    """Read the video of a case; what is wrong with its frames, or ""."""
    from slt.video import open_video

    clip, _ = draw(kind, number, mutation, seed)
    path = folder / f"{os.getpid()}{clip.suffix}"
    path.write_bytes(clip.content)
    notes = _Notes()
    log = logging.getLogger("skeletor")
    log.addHandler(notes)
    try:
        with open_video(path) as video:
            found = [number_of(np.rot90(frame, clip.turns)) for frame in video]
    finally:
        log.removeHandler(notes)
    if notes.said and (mutation >= 0 or clip.refuse):
        return ""
    if mutation >= 0:
        return compare_damaged(clip, found)
    return compare(clip, found)


def compare(clip: Clip, found: Sequence[int | None]) -> str:
    """Frames of a sound file: each in its place."""
    if clip.refuse:
        return f"{len(found)} frames in silence, of a file that is not whole (there were {len(clip.numbers)})"
    if len(found) != len(clip.numbers):
        return f"{len(found)} frames in silence, there are {len(clip.numbers)}"
    wrong = [
        t
        for t, (a, b) in enumerate(zip(found, clip.numbers, strict=True))
        if a != b and not (a is None and clip.unread)
    ]
    return f"{len(wrong)} frames in wrong places, the first at {wrong[0]}: {found[wrong[0]]}" if wrong else ""


def compare_damaged(clip: Clip, found: Sequence[int | None]) -> str:
    """Frames of a damaged file: about as many as there were, and none before its time.

    An old picture that stands for some frames is what decoders make of damage, and what `slt.video` calls bridged.
    """
    missing = abs(len(found) - len(clip.numbers))
    if missing > _TOLERANCE * len(clip.numbers) + (len(clip.numbers) > 0):
        return f"{len(found)} frames in silence, there were {len(clip.numbers)}"
    known = set(clip.numbers)
    read = [(t, n) for t, n in enumerate(found) if n in known]
    off = sum(n not in clip.numbers[: t + missing + 2] for t, n in read)
    return f"{off} of {len(found)} frames in wrong places" if off > _PLACES * max(1, len(found)) else ""


class _Notes(logging.Handler):
    """Whether anything was said by a warning."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said = False

    def emit(self, record: logging.LogRecord) -> None:
        """Note it."""
        self.said = True
