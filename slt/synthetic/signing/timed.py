"""Signing to a given timing: each sign gets a number of frames, and the hand shape of each frame may be given.

A sign's frames contain the ways to its neighbours, as in an alignment of real video: each two neighbours give up
some frames for a transition as long as `motion` would make it, a pause before a sign. What is short of time is
reduced (undershoot: Lindblom, J. Acoust. Soc. Am. 35(11), 1963), what has too much of it holds its end.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d

from skeletor.support.errors import InputError
from slt.synthetic.signing.body import Track, embody, join
from slt.synthetic.signing.handshapes import HANDSHAPES
from slt.synthetic.signing.lexicon import Sign
from slt.synthetic.signing.motion import Performance, Placed, gap_frames, natural_times, place_sign, play, rest_track
from slt.synthetic.signing.signers import Signer

_LONGEST = 1.6  # a movement takes at most this multiple of its natural time, then the hand holds
_WHOLE = 5.0  # frames at 25 fps in which a movement reaches its whole length
_SHAPE_SMOOTH = 1.2  # frames at 25 fps, over which hand shapes change within a sign


@dataclass(frozen=True, eq=False)
class Timed:
    """A sign, or a pause (sign None), and the number of its frames.

    name: of the sign, for the signer's accent and the spans. repeats: how often the movement is made (to and fro).
    shapes: (frames, 5, 4) angles of the dominant hand, and of the other one if it does the same; None takes the sign's.
    """

    name: str
    sign: Sign | None
    frames: int
    repeats: int = 1
    shapes: np.ndarray | None = None


def perform_timed(signs: Sequence[Timed], signer: Signer, rng: np.random.Generator, fps: float = 25.0) -> Performance:
    """Sign to a timing: a pose (T, 50, 3) in metres, T the sum of all signs' frames.

    Raises InputError if there is none.
    """
    if not signs or min(t.frames for t in signs) < 1:
        raise InputError("timed signs: each needs a frame at least, and one is needed")
    rate = fps / 25.0
    placed = [place_sign(t.sign, _accent(signer, t.name), signer, rng) if t.sign else None for t in signs]
    ends = [play(p, np.array([0.0, 1.0]), signer) if p else rest_track(signer, 2) for p in placed]
    wanted = [gap_frames(a, b, signer, rng, rate) for a, b in pairwise(ends)]
    given = _given([t.frames for t in signs], [t.sign is None for t in signs], wanted)  # (2, n)
    tracks, spans, start = [], [], 0
    for timed, place, before, after in zip(signs, placed, *given.tolist(), strict=True):
        own = slice(before, timed.frames - after)
        tracks.append(_track(timed, place, own, signer, rate))
        if place:
            spans.append((start + own.start, start + own.stop, timed.name))
        start += timed.frames
    gaps = (given[1, :-1] + given[0, 1:]).tolist()
    return Performance(embody(join(tracks, gaps), signer, rng, fps, "perform timed"), tuple(spans))


@lru_cache(maxsize=1 << 16)
def _accent(signer: Signer, name: str) -> np.ndarray:
    """A signer's own way of a sign: offset of the place (3, metres) and log factor on the duration (1)."""
    drawn = np.random.default_rng([signer.seed, 73, zlib.crc32(name.encode())]).normal(size=4)
    accent = np.asarray(drawn * [0.007, 0.007, 0.007, 0.06])
    accent.setflags(write=False)
    return accent


def _given(frames: Sequence[int], pauses: Sequence[bool], wanted: Sequence[int]) -> np.ndarray:
    """(2, n) frames that each sign gives to the transition before it, and to the one after it."""
    n = len(frames)
    given = np.zeros((2, n), int)
    most = np.zeros((2, n), int)
    for k, (length, pause) in enumerate(zip(frames, pauses, strict=True)):
        sides = (k > 0) + (k < n - 1)
        share = (length - 1) // max(1, sides) if pause else length // 3
        most[:, k] = share
    for k, want in enumerate(wanted):
        left, right = most[1, k], most[0, k + 1]
        if pauses[k]:
            first = min(left, want)
        elif pauses[k + 1]:
            first = min(left, max(want - right, 0))
        else:
            first = min(left, want // 2)
        second = min(right, want - first)
        given[1, k], given[0, k + 1] = min(left, want - second), second
    return given


def _track(timed: Timed, placed: Placed | None, own: slice, signer: Signer, rate: float) -> Track:
    """What the hands do in the frames that are a sign's own."""
    n = own.stop - own.start
    if placed is None:
        return rest_track(signer, n)
    moving = min(n, max(2, round(_LONGEST * placed.frames * rate * timed.repeats)))
    times = np.ones(n)
    turns = natural_times(moving) * timed.repeats
    times[:moving] = 1 - np.abs(np.mod(turns, 2.0) - 1)  # to and fro
    times[moving:] = times[moving - 1]
    reduced = min(1.0, (n + 1) / (_WHOLE * rate + 1))
    track = play(dataclasses.replace(placed, reach=placed.reach * reduced), times, signer)
    if timed.shapes is None:
        return track
    shapes = gaussian_filter1d(timed.shapes, _SHAPE_SMOOTH * rate, axis=0, mode="nearest")[own]  # (n, 5, 4)
    same = placed.sign.hands in ("symmetric", "alternating")
    fingers = track.fingers.copy()
    fingers[: 2 if same else 1] += shapes - HANDSHAPES[placed.sign.shape[0]]
    return dataclasses.replace(track, fingers=fingers)
