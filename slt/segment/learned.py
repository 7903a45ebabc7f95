"""Where somebody signs in a long recording, as the network tells it."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from skeletor.poses.absent import runs
from skeletor.poses.pose import PoseSequence
from skeletor.support.config import Config
from slt.segment.features import FPS, features
from slt.segment.network import BEGIN, INSIDE, Segmenter
from slt.segment.rule import Segment, pieces

_SENTENCE = 0


class LearnedConfig(Config):
    """How probabilities become segments. Times in seconds."""

    inside: float = Field(default=0.5, gt=0, lt=1, description="probability above which a frame is signed")
    begin: float = Field(default=0.5, gt=0, lt=1, description="probability above which a sentence begins")
    gap: float = Field(default=0.12, ge=0, le=60, description="shorter breaks do not end a segment")
    shortest: float = Field(default=0.4, ge=0, le=3600, description="segments that are shorter are dropped")
    earliest: float = Field(default=0.4, gt=0, le=0.5, description="of the longest clip: no cut makes a shorter piece")


def learned_segments(
    pose: PoseSequence, segmenter: Segmenter, longest: float | None = None, config: LearnedConfig | None = None
) -> list[Segment]:
    """The segments of a recording (T, 50 or 20, 2 or 3) in which somebody signs, in order, without overlap.

    longest: seconds; no segment is longer, what is gets cut where least is signed. None: no limit. Raises InputError as
    `slt.segment.watched.watched`.
    """
    config = config or LearnedConfig()
    chances = segmenter.probabilities(features(pose))[:, _SENTENCE]  # (T', 3)
    begin, inside = chances[:, BEGIN], chances[:, BEGIN] + chances[:, INSIDE]
    starts = [start for start, _ in runs(begin > config.begin)]
    limit = None if longest is None else max(1, math.floor(longest * FPS))
    found = []
    for start, stop in _closed(runs(inside > config.inside), starts, config.gap * FPS):
        cuts = _split(start, stop, starts, config.shortest * FPS)
        for first, last in zip([start, *cuts], [*cuts, stop], strict=True):
            if last - first >= config.shortest * FPS:
                found += pieces(inside - begin, first, last, limit or last - first, config.earliest)
    seconds = pose.seconds
    return [Segment(a / FPS, min(b / FPS, seconds)) for a, b in found if a / FPS < seconds]


def _closed(found: list[tuple[int, int]], starts: list[int], gap: float) -> list[tuple[int, int]]:
    """Runs between which there are fewer than `gap` frames become one, unless a sentence begins with the second."""
    result: list[tuple[int, int]] = []
    for start, stop in found:
        new = any(abs(start - begin) <= 2 for begin in starts)
        if result and start - result[-1][1] < gap and not new:
            result[-1] = (result[-1][0], stop)
        else:
            result.append((start, stop))
    return result


def _split(start: int, stop: int, starts: list[int], shortest: float) -> list[int]:
    """Frames within a run at which another sentence begins; no part is shorter than `shortest` frames."""
    cuts: list[int] = []
    for begin in starts:
        if begin - (cuts[-1] if cuts else start) >= shortest and stop - begin >= shortest:
            cuts.append(begin)
    return cuts


def labels(frames: int, spans: list[tuple[int, int]], begin: float = 0.2) -> np.ndarray:
    """(T,) int64 classes of frames at `FPS`: 0 outside of the spans, `BEGIN` in their first `begin` seconds."""
    found = np.zeros(frames, np.int64)
    for start, stop in spans:
        found[start:stop] = INSIDE
        found[start : min(stop, start + max(1, round(begin * FPS)))] = BEGIN
    return found
