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
_TOO_SHORT, _TOO_LONG = 100.0, 2.4  # log odds; those of a cut are at least -2.3 and at most 14


class LearnedConfig(Config):
    """How probabilities become segments. Times in seconds."""

    inside: float = Field(default=0.5, gt=0, lt=1, description="probability above which a frame is signed")
    begin: float = Field(default=0.5, gt=0, lt=1, description="probability above which a sentence begins")
    gap: float = Field(default=0.12, ge=0, le=60, description="shorter breaks do not end a segment")
    shortest: float = Field(default=0.4, ge=0, le=3600, description="segments that are shorter are dropped")
    rest: float = Field(default=0.2, ge=0, le=60, description="what is too short joins a neighbour nearer than this")
    earliest: float = Field(default=0.4, gt=0, le=0.5, description="of the longest clip: no cut makes a shorter piece")


def learned_segments(
    pose: PoseSequence,
    segmenter: Segmenter,
    longest: float | None = None,
    config: LearnedConfig | None = None,
    shortest: float = 0.0,
) -> list[Segment]:
    """The segments of a recording (T, 50 or 20, 2 or 3) in which somebody signs, in order, without overlap.

    longest: seconds; no segment is longer, what is gets cut where a sentence begins most likely, or else where least is
    signed. None: no limit. shortest: seconds; where somebody goes on signing, no sentence is taken to be shorter.
    Raises InputError as `slt.segment.watched.watched`.
    """
    config = config or LearnedConfig()
    chances = segmenter.probabilities(features(pose))[:, _SENTENCE]  # (T', 3)
    limit, least = in_frames(config, longest, shortest)
    found = parts(chances[:, BEGIN], chances[:, BEGIN] + chances[:, INSIDE], config, limit, least)
    seconds = pose.seconds
    return [Segment(a / FPS, min(b / FPS, seconds)) for a, b in found if a / FPS < seconds]


def in_frames(config: LearnedConfig, longest: float | None, shortest: float) -> tuple[int | None, int]:
    """The longest and the shortest sentence in frames at `FPS`, from seconds."""
    limit = None if longest is None else max(1, math.floor(longest * FPS))
    return limit, max(1, round(max(shortest, config.shortest) * FPS))


def parts(
    begin: np.ndarray, inside: np.ndarray, config: LearnedConfig, limit: int | None, least: int
) -> list[tuple[int, int]]:
    """First frames and ends of the segments, in order.

    begin: (T,) probabilities that a sentence begins in a frame; inside: (T,) that it begins or goes on. limit, least:
    `in_frames`.
    """
    frames, gains = likely(begin, config.begin)
    found: list[tuple[int, int]] = []
    for start, stop in signed(begin, inside, config, least):
        cuts = cuts_of(start, stop, frames, gains, least, limit)
        for first, last in zip([start, *cuts], [*cuts, stop], strict=True):
            if last - first >= config.shortest * FPS:
                found += pieces(inside - begin, first, last, limit or last - first, config.earliest)
    return found


def signed(begin: np.ndarray, inside: np.ndarray, config: LearnedConfig, least: int) -> list[tuple[int, int]]:
    """First frames and ends of the stretches in which somebody signs without a break; arguments as of `parts`."""
    starts = [start for start, _ in runs(begin > config.begin)]
    return _whole(_closed(runs(inside > config.inside), starts, config.gap * FPS), least, config.rest * FPS)


def cuts_of(start: int, stop: int, frames: np.ndarray, gains: np.ndarray, least: int, limit: int | None) -> list[int]:
    """The frames within a stretch at which other sentences begin. frames, gains: (N,) each, `likely` of all frames."""
    within = slice(*np.searchsorted(frames, (start + 1, stop)))
    return _cuts(start, stop, frames[within], gains[within], least, limit)


def likely(begin: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Frames (N,) at which a sentence may begin, and the log odds (N,) of it, 0 at the threshold.

    begin: (T,) probabilities. One frame for each stretch above a tenth of the threshold's odds: the first one above the
    threshold, or the highest.
    """
    odds = np.log(np.clip(begin, 1e-6, 1 - 1e-6) / np.clip(1 - begin, 1e-6, 1)) - math.log(threshold / (1 - threshold))
    frames, gains = [], []
    for first, last in runs(odds > -math.log(10)):
        part = odds[first:last]
        frames.append(first + int((part > 0).argmax() if (part > 0).any() else part.argmax()))
        gains.append(float(part.max()))
    return np.array(frames, np.int64), np.array(gains)


def _closed(found: list[tuple[int, int]], starts: list[int], gap: float) -> list[tuple[int, int]]:
    """Runs between which there are fewer than `gap` frames become one, unless a sentence begins with the second.

    starts: where sentences begin, in order.
    """
    first = np.array([start for start, _ in found], np.int64)
    begun = np.searchsorted(starts, first + 2, "right") > np.searchsorted(starts, first - 2)  # within 2 frames
    result: list[tuple[int, int]] = []
    for (start, stop), new in zip(found, begun, strict=True):
        if result and start - result[-1][1] < gap and not new:
            result[-1] = (result[-1][0], stop)
        else:
            result.append((start, stop))
    return result


def _whole(found: list[tuple[int, int]], shortest: int, rest: float) -> list[tuple[int, int]]:
    """Runs too short for a sentence belong to their nearest neighbours, if fewer than `rest` frames lie between."""
    result: list[tuple[int, int]] = []
    for k, (start, stop) in enumerate(found):
        before = start - result[-1][1] if result else math.inf
        after = found[k + 1][0] - stop if k + 1 < len(found) else math.inf
        short = stop - start < shortest and before <= after
        if result and before < rest and (short or result[-1][1] - result[-1][0] < shortest):
            result[-1] = (result[-1][0], stop)
        else:
            result.append((start, stop))
    return result


def _cuts(
    start: int, stop: int, frames: np.ndarray, gains: np.ndarray, shortest: int, longest: int | None
) -> list[int]:
    """Those of the frames (N,) within a run at which other sentences begin: whose gains (N,) have the largest sum.

    Of the choices that leave no part shorter or longer than allowed, if there are any: too short a part costs more than
    any cut is worth, too long a one as much as the least likely beginning.
    """
    places = np.array([start, *frames, stop])
    worth = np.array([0.0, *gains, 0.0])
    sums, before = np.zeros(len(places)), np.zeros(len(places), np.int64)  # up to each place: the best, and by where
    for k in range(1, len(places)):
        lengths = places[k] - places[:k]
        prices = np.where(lengths < shortest, _TOO_SHORT, 0.0)
        if longest is not None:
            prices[lengths > longest] += _TOO_LONG
        before[k] = (sums[:k] - prices).argmax()
        sums[k] = (sums[:k] - prices)[before[k]] + worth[k]
    cuts = []
    k = int(before[-1])
    while k > 0:
        cuts.append(int(places[k]))
        k = int(before[k])
    return cuts[::-1]


def labels(frames: int, spans: list[tuple[int, int]], begin: float = 0.2) -> np.ndarray:
    """(T,) int64 classes of frames at `FPS`: 0 outside of the spans, `BEGIN` in their first `begin` seconds."""
    found = np.zeros(frames, np.int64)
    for start, stop in spans:
        found[start:stop] = INSIDE
        found[start : min(stop, start + max(1, round(begin * FPS)))] = BEGIN
    return found
