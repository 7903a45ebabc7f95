"""Clock of a video: from timestamps, sound or not, to a constant rate and a place on its grid for every frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slt.video.base import DEFAULT_FPS

MAXIMUM_FPS = 240.0
_NTSC = [rate * 1000 / 1001 for rate in (24, 30, 60, 120)]
STANDARD_RATES = (10.0, 12.0, 12.5, 15.0, 24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 100.0, 120.0, 200.0, 240.0, *_NTSC)
_SAME = 1e-3  # rates this near are one rate; 23.976 and 24 are a little less apart, so the nearest one counts
_STEADY = 0.05  # usual and mean rate differ by less: the rate is constant
_JITTER = 0.25  # of a frame's length, by which a stamp of a constant rate may stray
_QUICK = 0.1  # share of the steps that are shorter than the frames of the quicker of two rates
_JUMP = 1.0  # seconds; a longer step of a clock that may jump is a jump
_JUMP_STEPS = 10  # and it is longer than this number of frames


def frame_rate(times: np.ndarray, header: Sequence[float] = ()) -> float:
    """Frames per second of the grid for frames at these sorted times (seconds); see `grid`."""
    return grid(times, header)[0]


def grid(times: np.ndarray, header: Sequence[float] = ()) -> tuple[float, np.ndarray]:
    """Frames per second of a constant grid for frames at these sorted times (N,) in seconds, and (N,) int64 places.

    Constant rate (all steps are near whole multiples of one length): the header's rate if the grid then strays from the
    times by less than half a frame over the whole clip, else the nearest of the header's and the standard rates within
    0.1 % if it is by less than a frame, else the mean (a camera's clock that is 0.1 % off is so by 3.6 s an hour).
    Frames are then counted: none is lost or doubled because a rate is a little off, and a missing frame leaves one free
    place. Two rates, one after the other (a count strays from the times by more than a frame): the quicker one, by
    time. Variable rate: one place per usual step, by time; frames may share a place.
    """
    steps = np.diff(times)
    positive = steps[steps > 0]
    sound = [_standard(rate) for rate in header if 0 < rate <= MAXIMUM_FPS]
    if len(positive) == 0:
        return next(iter(sound), DEFAULT_FPS), np.zeros(len(times), np.int64)
    single = _single_step(positive)
    counts = np.maximum(np.rint(steps / single), 1)
    near = np.abs(steps - counts * single) <= _JITTER * single
    if near.all() and 1 / single <= MAXIMUM_FPS * (1 + _SAME):
        total = float(counts.sum())
        places, mean = np.concatenate([[0], np.cumsum(counts)]), total / float(steps.sum())
        if (np.abs(places - (times - times[0]) * mean) <= 1).all():
            return _named_rate(mean, sound, total), places.astype(np.int64)
        # two rates in one clip, as phones record when it grows dark: the quicker one, so that no frame is lost
        quick = _standard(1 / float(np.quantile(positive, _QUICK, method="lower")))
        return quick, np.rint((times - times[0]) * quick).astype(np.int64)
    usual, mean = float(1 / np.median(positive)), float(len(positive) / positive.sum())
    if near.mean() > 0.9 and counts.sum() > len(steps):  # a constant rate with gaps and a few stamps that stray
        mean = float(counts[near].sum() / steps[near].sum())
    if abs(usual / mean - 1) > _STEADY and usual <= MAXIMUM_FPS:
        fps = usual
    else:
        fps = _named_rate(min(mean, MAXIMUM_FPS), sound, len(positive))
    return fps, np.rint((times - times[0]) * fps).astype(np.int64)


def _single_step(steps: np.ndarray) -> float:
    """The length of one frame: the usual step, then the mean over all that are near whole multiples of it.

    Stamps are often rounded (Matroska: to milliseconds), so the usual step alone is off by a percent or two.
    """
    single = float(np.median(steps))
    for reach in (1.5, 8.5, np.inf):  # the longer ones only once the length is known well enough to count them
        counts = np.rint(steps / single)
        use = (counts > 0) & (steps < reach * single) & (np.abs(steps - counts * single) <= 2 * _JITTER * single)
        single = float(steps[use].sum() / counts[use].sum())
    return single


def _named_rate(rate: float, header: Sequence[float], steps: float) -> float:
    """The header's or a standard rate that `rate`, measured over so many steps, stands for; else `rate` itself.

    Times by it are less than a frame off at the end.
    """
    nearest = min(header, key=lambda other: abs(other / rate - 1), default=0.0)
    if nearest and abs(nearest / rate - 1) * steps < 0.5 and abs(nearest / rate - 1) < _STEADY:
        return nearest
    named = min((*header, _standard(rate)), key=lambda other: abs(other / rate - 1))
    astray = abs(named / rate - 1)
    return named if astray <= _SAME and astray * steps < 1 else rate


def _standard(rate: float) -> float:
    """The nearest standard rate within 0.1 %, else `rate` itself."""
    named = min(STANDARD_RATES, key=lambda other: abs(other / rate - 1))
    return named if abs(named / rate - 1) <= _SAME else rate


def sound_times(stamps: np.ndarray, usual: float, jumps: bool) -> tuple[np.ndarray, int]:
    """Increasing times (N,) in seconds for frames in order of display, and how often the clock starts anew.

    stamps: (N,) seconds, NaN where there is none. usual: seconds between two frames if the stamps cannot tell.
    A single stamp out of order is replaced by one between its neighbours. A step back, and with `jumps` (a broadcast's
    clock may be set anew) a step of more than a second and 10 frames, is a new start of the clock: one usual step.
    """
    index = np.flatnonzero(np.isfinite(stamps))
    values = stamps[index].astype(np.float64)
    if len(values) > 2:
        before, here, after = values[:-2], values[1:-1], values[2:]
        astray = ((here <= before) | (after <= here)) & (before < after)
        if jumps:
            astray &= after - before <= _JUMP
        keep = np.concatenate([[True], ~astray, [True]])
        index, values = index[keep], values[keep]
    if len(values) < 2:
        return np.arange(len(stamps)) * usual, 0
    steps, counts = np.diff(values), np.diff(index)
    sound = steps > 0
    length = float(np.median((steps / counts)[sound])) if sound.any() else usual
    if jumps:
        sound &= ~((steps > _JUMP) & (steps > _JUMP_STEPS * counts * length))
    steps = np.where(sound, steps, counts * length)
    known = np.concatenate([[0.0], np.cumsum(steps)])
    places = np.arange(len(stamps))
    times = np.interp(places, index, known)
    times[: index[0]] = (places[: index[0]] - index[0]) * length
    times[index[-1] :] = known[-1] + (places[index[-1] :] - index[-1]) * length
    return times - times[0], int((~sound).sum())


def jumps_in(stamps: np.ndarray) -> bool:
    """Whether sorted stamps (N,), seconds, of a clock that may be set anew hold a step that looks like that."""
    steps = np.diff(stamps)
    if len(steps) == 0:
        return False
    return bool(((steps > _JUMP) & (steps > _JUMP_STEPS * np.median(steps))).any())


def disorder(stamps: np.ndarray) -> int:
    """How many of (N,) stamps in order of display (NaN: none) are missing, those at the end aside, or out of order."""
    known = np.flatnonzero(np.isfinite(stamps))
    if len(known) == 0:
        return len(stamps) + 1
    missing = known[-1] + 1 - len(known)
    return int(missing + (np.diff(stamps[known]) <= 0).sum())
