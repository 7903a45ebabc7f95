"""What a training clip of the recogniser undergoes: run on, turned, stretched in time, hands lost in bursts."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from skeletor.learning.measured import gap_lengths, read_noise
from skeletor.refiners.trained import SHIPPED_NOISE
from slt.recognise.config import RecogniserConfig
from slt.recognise.labels import UNKNOWN
from slt.translate.features import STREAMS, WIDTH

_BURST = (2, 10)  # rows that a lost hand stays lost
_BURSTS = 3  # at most so many in a clip
_EVEN, _LONGEST = 0.5, 16  # as in the refiner's training: nearly all measured losses are of a frame or two
_REST_S = 0.32  # a sentence has begun or ended so far from the clip's ends, at the latest, with few exceptions
_NEXT_S = 0.32  # at most so much of a neighbour is seen
_WAY_S = 0.16  # at most so long hands go from one to the next
_HANDS = ("right_hand", "left_hand")
_VELOCITIES = slice(STREAMS["left_hand"][0] * 2 - STREAMS["right_hand"][0], WIDTH)  # they stand behind both hands
_STILL = {side: [column for column in STREAMS[side] if column < _VELOCITIES.start] for side in _HANDS}
_DOUBTS = {side: columns[-1] for side, columns in _STILL.items()}  # 1: the hand is not seen


def _turning() -> tuple[list[int], list[float]]:
    """First columns of x, y, z that turn with the signer, and 1, or -1 for what is kept as its mirror image.

    These are the body's places, the two axes of each palm (of the left one mirrored), and the velocities of all that.
    """
    starts = {side: [_STILL[side][-7], _STILL[side][-4], STREAMS[side][-6], STREAMS[side][-3]] for side in _HANDS}
    right = [*STREAMS["body"][::3], *starts["right_hand"]]
    return [*right, *starts["left_hand"]], [1.0] * len(right) + [-1.0] * len(starts["left_hand"])


_TURNING, _SIGNS = (np.array(values) for values in _turning())


def augment(
    raw: np.ndarray, labels: np.ndarray, config: RecogniserConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Changed copies of raw features (T, F) and of the labels (T,) of their rows, as the config says.

    The labels go with the rows that they belong to.
    """
    if config.turn:
        raw = turned(raw, float(np.deg2rad(rng.uniform(-config.turn, config.turn))))
    if config.stretch:
        raw, labels = _stretched(raw, labels, rng.uniform(1 - config.stretch, 1 + config.stretch))
    if config.lost_hands and rng.random() < config.lost_hands:
        raw = _without_hand(raw, rng) if config.losses == "bursts" else _with_losses(raw, config, rng)
    return raw, labels


def run_on(
    raw: np.ndarray, labels: np.ndarray, neighbour: np.ndarray, config: RecogniserConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Copies of raw features (T, F) and of labels (T,) that end as in a recording without rests between sentences.

    Some of the end is cut off. In half of the cases hands then go on to the beginning of a neighbour (T', F), of which
    a piece is seen; what the rows behind the clip show is nobody's to read: their labels are UNKNOWN.
    """
    rest, longest, way = (
        max(1, round(seconds * config.fps / config.frame_stride)) for seconds in (_REST_S, _NEXT_S, _WAY_S)
    )
    rows = len(raw) - min(int(rng.integers(rest + 1)), len(raw) // 4)
    raw, labels = raw[:rows], labels[:rows]
    start = int(rng.integers(rest // 2, rest + 1))
    piece = neighbour[start : start + int(rng.integers(1, longest + 1))]
    if rng.random() < 0.5 or not len(piece):
        return raw, labels
    between = int(rng.integers(1, way + 1))
    share = ((np.arange(between, dtype=np.float32) + 1) / (between + 1))[:, None]
    raw = np.concatenate([raw, raw[-1] * (1 - share) + piece[0] * share, piece]).astype(np.float32)
    return raw, np.concatenate([labels, np.full(between + len(piece), UNKNOWN)])


def turned(raw: np.ndarray, angle: float) -> np.ndarray:
    """Raw features (T, F) of the same signer turned about the vertical axis by `angle` radians."""
    x, z = raw[:, _TURNING], raw[:, _TURNING + 2]  # (T, N) each
    sine, cosine = np.sin(angle) * _SIGNS, np.cos(angle)
    result = raw.copy()
    result[:, _TURNING], result[:, _TURNING + 2] = cosine * x + sine * z, cosine * z - sine * x
    return result


def _stretched(raw: np.ndarray, labels: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """The clip `factor` times as long. A velocity is per row: it falls as the clip gets longer."""
    rows = len(raw)
    length = max(1, round(rows * factor))
    position = np.linspace(0, rows - 1, length)
    low = position.astype(int)
    share = (position - low).astype(np.float32)[:, None]
    high = np.minimum(low + 1, rows - 1)
    mixed = np.where(share > 0, raw[low] * (1 - share) + raw[high] * share, raw[low])
    mixed[:, _VELOCITIES] *= rows / length
    return mixed.astype(np.float32), labels[np.rint(position).astype(int)]


def _without_hand(raw: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A copy in which one hand is not seen for some stretches of rows."""
    side = _HANDS[int(rng.integers(2))]
    changed, columns = raw.copy(), list(STREAMS[side])
    for _ in range(int(rng.integers(1, _BURSTS + 1))):
        start = int(rng.integers(len(raw)))
        stop = start + int(rng.integers(_BURST[0], _BURST[1] + 1))
        changed[start:stop, columns] = np.nan
        changed[start:stop, _DOUBTS[side]] = 1.0
    return changed


class _Detector(NamedTuple):
    """lengths: probabilities of losses of 1, 2, ... frames at `fps`. both: share of them in which both hands go."""

    lengths: np.ndarray
    both: float
    fps: float


@lru_cache(maxsize=1)
def _detector() -> _Detector:
    noise = read_noise(SHIPPED_NOISE)
    chances = gap_lengths(noise.hand_gaps, _EVEN, _LONGEST).double().numpy()
    return _Detector(chances / chances.sum(), noise.both_share, noise.fps)


def _with_losses(raw: np.ndarray, config: RecogniserConfig, rng: np.random.Generator) -> np.ndarray:
    """A copy in which hands are lost as MediaPipe loses them; half of the losses are filled, as a lifter does."""
    detector, changed = _detector(), raw.copy()
    per_row = config.frame_stride * detector.fps / config.fps  # frames of the detector to a row
    for _ in range(int(rng.integers(1, _BURSTS + 1))):
        length = (1 + int(rng.choice(len(detector.lengths), p=detector.lengths))) / per_row
        start = rng.uniform(0, max(0.0, len(raw) - length))
        first = int(rng.integers(2))
        sides = _HANDS if rng.random() < detector.both else _HANDS[first : first + 1]
        filled = bool(rng.random() < 0.5)
        for side in sides:
            _lose(changed, side, start, start + length, filled)
    return changed


def _lose(changed: np.ndarray, side: str, start: float, stop: float, filled: bool) -> None:
    """Lose a hand between two times, in rows. A row is lost when all of it is; its doubt is the share that is.

    filled: from the row before to the row after, where there are both.
    """
    rows = np.arange(len(changed))
    share = np.clip(np.minimum(stop, rows + 1) - np.maximum(start, rows), 0, 1).astype(np.float32)
    doubt = _DOUBTS[side]
    columns = [column for column in STREAMS[side] if column != doubt]
    changed[:, doubt] = np.maximum(changed[:, doubt], share)
    lost = rows[share > 1 - 1e-6]
    if not len(lost):
        return
    before, after = int(lost[0]) - 1, int(lost[-1]) + 1
    if not filled or before < 0 or after >= len(changed):
        changed[np.ix_(lost, columns)] = np.nan
        return
    part = ((lost - before) / (after - before)).astype(np.float32)[:, None]
    changed[np.ix_(lost, columns)] = changed[before, columns] * (1 - part) + changed[after, columns] * part
