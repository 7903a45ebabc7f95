"""The bank of the noise model: a detector's errors on one part of the body, and how blocks of them are drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from slt.synthetic.detector.noise_events import FOUND, FROZEN, MISSING, PARTS, SWAPPED, Circumstances, PartEvents

BLOCK = 8  # frames, the longest block
_NEIGHBOURS = 16
_SLACK = 2.0  # neighbours may be this many times farther away than the nearest ones; the search is faster
_MOST = 4000  # blocks searched for one state before; neighbouring blocks overlap, so thinning loses little
# This and the weights were chosen on 14 rendered broadcast clips with MediaPipe's detections, held out by thirds.
_LIKENESS = 20.0  # how much likeness of the residuals before two blocks counts in the draw
_FEWEST = 30  # a state seen before fewer blocks than this borrows from all of them
# How much the features count in the distance of two blocks; a feature is first divided by its spread.
_WEIGHTS = {"motion": 2.0, "nearness": 0.3, "looks": 0.2, "others": 2.0}


@dataclass(frozen=True, eq=False)
class PartBank:
    """What the detector did to one part in all fitted clips, one after the other.

    state (N,), residual (N, J, 2) in shoulder widths, confidence (N, J): see `noise_events.PartEvents`.
    age (N,): for how many frames the state has lasted.
    starts (M,): rows at which a block of `BLOCK` frames of one clip begins, each after another row of that clip.
    features (M, F): the blocks' circumstances, each divided by its spread (F,) and weighted.
    lag (K,): how much of the true place k frames ago is in what was detected (smoothing, motion blur); the residual is
    what remains. decay: lag-1 autocorrelation of the residuals. limit: steps longer than this are real jumps.
    """

    state: np.ndarray
    residual: np.ndarray
    confidence: np.ndarray
    age: np.ndarray
    starts: np.ndarray
    features: np.ndarray
    spread: np.ndarray
    lag: np.ndarray
    decay: float
    limit: float

    @cached_property
    def filled(self) -> np.ndarray:
        """(N, 2 J) residuals in shoulder widths, 0 where missing."""
        rows: np.ndarray = np.nan_to_num(self.residual).reshape(len(self.residual), -1)
        return rows

    @cached_property
    def variance(self) -> float:
        """Squared distance, in shoulder widths, by which two residuals differ by chance; robust, never 0."""
        return max(float(0.5 * self.limit**2), 1e-9)

    @cached_property
    def trees(self) -> dict[int, tuple[cKDTree, np.ndarray]]:
        """For each state before a block: (search tree of features, (B,) indices of the blocks in it).

        -1 stands for all blocks.
        """
        before = self.state[self.starts - 1]
        thin = np.arange(0, len(self.starts), -(-len(self.starts) // _MOST))
        whole = cKDTree(self.features[thin]), thin
        result = {-1: whole}
        for state in (FOUND, MISSING, SWAPPED, FROZEN):
            rows = np.flatnonzero(before == state)
            rows = rows[:: max(1, -(-len(rows) // _MOST))]
            result[state] = (cKDTree(self.features[rows]), rows) if len(rows) >= _FEWEST else whole
        return result


def gather(part: str, pairs: Sequence[tuple[dict[str, Circumstances], dict[str, PartEvents]]]) -> PartBank:
    """Gather one part of all clips, each longer than a block: the circumstances (see `profiles`) and the events.

    pairs: for each clip, part -> `Circumstances`, and part -> `PartEvents` with residuals (T, J, 2) in shoulder widths.
    """
    starts, features = [], []
    offset = 0
    for around, happened in pairs:
        earlier = [happened[p].state for p in PARTS[: PARTS.index(part)]]
        length = len(happened[part].state)
        first = np.arange(1, length - BLOCK + 1)
        starts.append(first + offset)
        features.append(profiles(around[part], lost(earlier, length), first))
        offset += length
    state, residual, confidence, behind = (
        np.concatenate([getattr(happened[part], key) for _, happened in pairs])
        for key in ("state", "residual", "confidence", "behind")
    )
    lag = _fit_lag(residual[state == FOUND], behind[state == FOUND])
    residual = (residual - behind @ lag).astype(np.float32)
    age = np.concatenate([_run_age(happened[part].state) for _, happened in pairs])
    table, begin = np.concatenate(features), np.concatenate(starts)
    spread = _spread(table, PARTS.index(part))
    decay, limit = _autoregression(residual, state, begin)
    return PartBank(state, residual, confidence, age, begin, table / spread, spread, lag, decay, limit)


def _fit_lag(residual: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """(K,) weights of a part's earlier places in its detected place, from found residuals (N, J, 2).

    Least squares with Huber's weights, reweighted a few times. The ridge, of 1e-4 shoulder widths, keeps
    the weights at 0 for a part that never moves.
    """
    y, x = residual.reshape(-1), behind.reshape(-1, behind.shape[-1]).astype(np.float64)
    seen = np.isfinite(y) & np.isfinite(x).all(1)
    seen &= np.abs(x).max(1) > 0.005  # what stands still tells nothing
    y, x = y[seen], x[seen]
    lag = np.zeros(x.shape[1])
    if len(y) < _FEWEST:
        return lag
    y = y - np.median(y)
    weight = np.ones(len(y))
    for _ in range(5):
        weighted = x * weight[:, None]
        lag = np.linalg.solve(weighted.T @ x + 1e-8 * len(y) * np.eye(len(lag)), weighted.T @ y)
        off = np.abs(y - x @ lag)
        weight = 1 / np.maximum(1, off / (2 * np.median(off) + 1e-9))
    return lag


def lost(states: Sequence[np.ndarray], length: int) -> np.ndarray:
    """(T, O): 1 where each of the O other parts is missing, else 0."""
    return np.stack([state == MISSING for state in states], 1).astype(float) if states else np.zeros((length, 0))


def profiles(around: Circumstances, others: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """(M, 6 + 3 O + K) circumstances of the blocks that begin at `starts`.

    Motion, nearness and the loss of other parts in the first, middle and last frame; looks in the middle frame.
    """
    last = len(around.motion) - 1
    frames = np.minimum(starts[:, None] + [0, BLOCK // 2, BLOCK - 1], last)  # (M, 3)
    away = others[frames].reshape(len(starts), -1)
    return np.concatenate([around.motion[frames], around.nearness[frames], away, around.looks[frames[:, 1]]], 1)


def _spread(table: np.ndarray, others: int) -> np.ndarray:
    """(F,) what to divide the columns of the profiles by: their standard deviation, over their weight."""
    looks = table.shape[1] - 6 - 3 * others
    names = ["motion"] * 3 + ["nearness"] * 3 + ["others"] * 3 * others + ["looks"] * looks
    deviation = table.std(0)
    deviation[deviation < 1e-6] = 1
    return np.asarray(deviation / [_WEIGHTS[name] for name in names])


def block_heads(frames: int, rng: np.random.Generator) -> np.ndarray:
    """(B,) frames at which blocks of random length, half to all of `BLOCK`, begin."""
    lengths = rng.integers(BLOCK // 2, BLOCK + 1, size=frames // (BLOCK // 2) + 1)
    heads = np.append(0, np.cumsum(lengths))
    return heads[heads < frames]


def draw_blocks(
    bank: PartBank, profiles: np.ndarray, heads: np.ndarray, frames: int, rng: np.random.Generator
) -> np.ndarray:
    """(T,) bank rows for the blocks that begin at `heads`, whose circumstances are `profiles` (B, F).

    A block is drawn among its neighbours of those real blocks that follow the same state. Which state that is turns
    out block by block, so the neighbours for every state are searched before, all at once. The age of the state
    and the likeness of the residual just before then decide among them.
    """
    near = _neighbours(bank, profiles / bank.spread)
    # the largest of score + Gumbel noise is a draw by weight, here 1 / rank (Lall and Sharma)
    luck = rng.gumbel(size=(len(heads), _NEIGHBOURS)) - np.log(np.arange(1, _NEIGHBOURS + 1))
    lengths = np.diff(heads, append=frames)
    drawn = np.empty(len(heads), np.int64)
    state, age, last = -1, 0, 0
    for b, length in enumerate(lengths.tolist()):
        starts, log_ages = (values[b] for values in near[state])
        score = luck[b, : len(starts)]
        if state >= 0:
            gaps = bank.filled[starts - 1] - bank.filled[last]  # (k, 2 J)
            score = score - (log_ages - math.log(age + 1)) ** 2 - _LIKENESS * (gaps**2).mean(1) / bank.variance
        start = int(starts[score.argmax()])
        last = start + length - 1
        lasted = int(bank.age[last])
        age = age + length if lasted > length and bank.state[last] == state else min(lasted, length)
        drawn[b], state = start, int(bank.state[last])
    return np.repeat(drawn - heads, lengths) + np.arange(frames)


def _neighbours(bank: PartBank, query: np.ndarray) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """For each state before a block: (B, k) first rows of the real blocks nearest to the queries (B, F), nearest
    first; and the log of the age + 1 of the state in the row before."""
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    result = {}
    for state, (tree, blocks) in bank.trees.items():
        if id(tree) not in found:
            _, index = tree.query(query, k=np.arange(1, min(_NEIGHBOURS, len(blocks)) + 1), eps=_SLACK)
            starts = bank.starts[blocks[index]]
            found[id(tree)] = starts, np.log(bank.age[starts - 1] + 1)
        result[state] = found[id(tree)]
    return result


def joined(bank: PartBank, rows: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """(T, J, 2) residuals of the drawn rows, with the steps between blocks smoothed.

    A block continues what came before it as an autoregression would: the difference between the residual that we
    came from and the one that the real block came from dies out with the factor `decay` a frame.
    """
    residual = bank.residual[rows]
    usable = bank.state[rows] == FOUND
    came, meant = heads[1:] - 1, rows[heads[1:]] - 1
    smooth = usable[came] & (bank.state[meant] == FOUND)
    gaps = np.nan_to_num(residual[came] - bank.residual[meant])  # (B-1, J, 2), nothing to smooth at missing joints
    lengths = np.diff(heads, append=len(rows))
    steps = np.zeros((len(heads), *gaps.shape[1:]), np.float32)
    for b in np.flatnonzero(smooth) + 1:
        steps[b] = gaps[b - 1] + steps[b - 1] * bank.decay ** lengths[b - 1]
        steps[b] *= (steps[b] ** 2).sum(1, keepdims=True) <= bank.limit**2  # what is longer is a real jump
    since = np.arange(len(rows)) - np.repeat(heads, lengths) + 1
    fade = (bank.decay**since * usable).astype(np.float32)
    return np.asarray(residual + np.repeat(steps, lengths, axis=0) * fade[:, None, None])


def last_moving(state: np.ndarray) -> np.ndarray:
    """(T,) for each frame the last one up to it that was not frozen; 0 where the clip begins with a freeze."""
    moving = np.where(state != FROZEN, np.arange(len(state)), 0)
    return np.maximum.accumulate(moving)


def _run_age(state: np.ndarray) -> np.ndarray:
    """(T,) for how many frames the present state has lasted, 1 in its first frame."""
    index = np.arange(len(state))
    begins = np.append(True, state[1:] != state[:-1])
    return index - np.maximum.accumulate(np.where(begins, index, 0)) + 1


def _autoregression(residual: np.ndarray, state: np.ndarray, starts: np.ndarray) -> tuple[float, float]:
    """How found residuals go on: (decay, limit).

    decay: lag-1 autocorrelation about each joint's median, of values clipped to their 90 % range. limit: the length
    of a step between two blocks that chance alone seldom reaches (twice the 90 % range); longer ones are real jumps.
    """
    pairs = starts[(state[starts] == FOUND) & (state[starts - 1] == FOUND)]
    if len(pairs) < _FEWEST:
        return 0.0, 0.0
    centred = residual - np.nanmedian(residual[state == FOUND], axis=0)
    bound = float(np.nanquantile(np.abs(centred[pairs]), 0.9))
    now, then = (np.clip(np.nan_to_num(centred[rows]), -bound, bound) for rows in (pairs, pairs - 1))
    decay = float((now * then).sum() / max((then**2).sum(), 1e-12))
    return float(np.clip(decay, 0, 0.98)), 2 * bound
