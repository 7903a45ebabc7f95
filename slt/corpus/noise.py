"""A model of a real 2D detector's errors, fitted to pairs of true and detected poses, and simulated on new truths.

A conditional block bootstrap (after the nearest-neighbour bootstrap of Lall and Sharma, 1996): the model keeps what
the detector did to each part (body, left hand, right hand) in the fitted clips. A simulation goes through the new
truth in blocks of a few frames. For each block it draws one of the nearest real blocks: the same state before it
(found, missing, swapped, frozen), and alike in speed, nearness of the hands, place and outline of the hand, and in
what happened to the parts drawn before. So run lengths, heavy tails, the way errors of a hand's joints go together
and the link between confidence and error are the real ones, with no formula for any of them. Where two blocks
meet, the step between them decays as in a first-order autoregression fitted to the residuals.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from scipy.spatial import cKDTree

from skeletor.atomic import atomic_path
from skeletor.errors import InputError
from skeletor.pose import PoseSequence, Provenance, StageRecord
from slt.corpus.noise_events import (
    FOUND,
    FROZEN,
    JOINTS,
    MISSING,
    OTHER,
    PARTS,
    SWAPPED,
    Circumstances,
    PartEvents,
    check_2d,
    circumstances,
    events,
    shoulder_width,
)
from slt.corpus.noise_report import Comparison, compare

__all__ = ["Comparison", "DetectorNoise", "compare", "fit_noise"]

VERSION = "1"
_BLOCK = 8  # frames, the longest block
_NEIGHBOURS = 16
_SLACK = 2.0  # neighbours may be this many times farther away than the nearest ones; the search is faster
_MOST = 4000  # blocks searched for one state before; neighbouring blocks overlap, so thinning loses little
_FEWEST = 30  # a state seen before fewer blocks than this borrows from all of them
# How much the features count in the distance of two blocks; a feature is first divided by its spread.
_WEIGHTS = {"motion": 0.8, "nearness": 0.5, "looks": 0.2, "others": 2.0}


@dataclass(frozen=True, eq=False)
class PartBank:
    """What the detector did to one part in all fitted clips, one after the other.

    state (N,), residual (N, J, 2) in shoulder widths, confidence (N, J): see `noise_events.PartEvents`.
    age (N,): for how many frames the state has lasted. size (N,): log of the mean residual.
    starts (M,): rows at which a block of `_BLOCK` frames of one clip begins, each after another row of that clip.
    features (M, F): the blocks' circumstances, each divided by its spread (F,) and weighted.
    decay: lag-1 autocorrelation of the residuals. limit: steps longer than this are real jumps.
    """

    state: np.ndarray
    residual: np.ndarray
    confidence: np.ndarray
    age: np.ndarray
    size: np.ndarray
    starts: np.ndarray
    features: np.ndarray
    spread: np.ndarray
    decay: float
    limit: float

    @cached_property
    def trees(self) -> dict[int, tuple[cKDTree, np.ndarray]]:
        """For each state before a block: a search tree and the blocks in it; -1 stands for all blocks."""
        before = self.state[self.starts - 1]
        thin = np.arange(0, len(self.starts), -(-len(self.starts) // _MOST))
        whole = cKDTree(self.features[thin]), thin
        result = {-1: whole}
        for state in (FOUND, MISSING, SWAPPED, FROZEN):
            rows = np.flatnonzero(before == state)
            rows = rows[:: max(1, -(-len(rows) // _MOST))]
            result[state] = (cKDTree(self.features[rows]), rows) if len(rows) >= _FEWEST else whole
        return result


@dataclass(frozen=True, eq=False)
class DetectorNoise:
    """A fitted model; make one with `fit_noise` or `load`.

    banks: one a part. fps of the fitted clips. detector: the estimator's name and version. clips: how many were fitted.
    """

    banks: Mapping[str, PartBank]
    fps: float
    detector: str
    clips: int

    def simulate(self, truth2d: PoseSequence, rng: np.random.Generator) -> PoseSequence:
        """What the detector might have given for this true 2D pose, (T, 50, 2) in the truth's unit.

        A joint that is missing in the truth stays missing. Raises InputError if the truth is not 2D SIGNING_50 or
        its frame rate is not the fitted one (5 % apart at most).
        """
        check_2d(truth2d)
        if abs(truth2d.fps / self.fps - 1) > 0.05:
            raise InputError(f"noise fitted at {self.fps:g} frames/s, but the pose has {truth2d.fps:g}; resample it")
        keypoints, confidence = truth2d.keypoints.copy(), np.zeros(truth2d.confidence.shape, np.float32)
        width = shoulder_width(truth2d)
        around = circumstances(truth2d)
        states: list[np.ndarray] = []
        for part in PARTS:
            bank = self.banks[part]
            heads = _block_heads(len(truth2d), rng)
            profiles = _profiles(around[part], _lost(states, len(truth2d)), heads)
            rows = _draw_blocks(bank, profiles, heads, len(truth2d), rng)
            state = bank.state[rows]
            residual = _joined(bank, rows, heads)  # (T, J, 2)
            base = truth2d.keypoints[:, JOINTS[part]].copy()
            if part in OTHER:
                swapped = state == SWAPPED
                base[swapped] = truth2d.keypoints[:, JOINTS[OTHER[part]]][swapped]
            held = _last_moving(state)
            keypoints[:, JOINTS[part]] = (base + residual * width)[held]
            confidence[:, JOINTS[part]] = bank.confidence[rows][held]
            states.append(state[held])
        gone = np.isnan(keypoints[..., 0]) | truth2d.missing
        keypoints[gone] = np.nan
        confidence[gone] = 0
        record = StageRecord("noise", VERSION, {"detector": self.detector, "clips": self.clips})
        return truth2d.replace(keypoints, confidence, stage=record)

    def save(self, path: Path | str) -> None:
        """Write the model as safetensors, atomically."""
        tensors = {f"{part}/{key}": np.ascontiguousarray(value) for part in PARTS for key, value in self._arrays(part)}
        numbers = {part: {"decay": self.banks[part].decay, "limit": self.banks[part].limit} for part in PARTS}
        about = {"fps": self.fps, "detector": self.detector, "clips": self.clips, "parts": numbers}
        with atomic_path(path) as temporary:
            save_file(tensors, temporary, {"format": "slt.noise", "version": VERSION, "about": json.dumps(about)})

    def _arrays(self, part: str) -> list[tuple[str, np.ndarray]]:
        return [(key, value) for key, value in vars(self.banks[part]).items() if isinstance(value, np.ndarray)]

    @staticmethod
    def load(path: Path | str) -> DetectorNoise:
        """Read what `save` wrote; InputError if it is something else."""
        if not Path(path).is_file():
            raise InputError(f"{path}: no such file; give the noise model that `DetectorNoise.save` wrote")
        try:
            with safe_open(str(path), framework="np") as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != "slt.noise" or metadata.get("version") != VERSION:
                    raise InputError(f"{path}: not a noise model of version {VERSION}; fit it anew")
                about = json.loads(metadata["about"])
                arrays: dict[str, dict[str, np.ndarray]] = {part: {} for part in PARTS}
                for key in file.keys():  # noqa: SIM118  (no mapping)
                    part, _, field = key.partition("/")
                    arrays[part][field] = file.get_tensor(key)
            fields: dict[str, dict[str, Any]] = {part: {**arrays[part], **about["parts"][part]} for part in PARTS}
            banks = {part: PartBank(**fields[part]) for part in PARTS}
            return DetectorNoise(banks, float(about["fps"]), str(about["detector"]), int(about["clips"]))
        except (SafetensorError, ValueError, TypeError, KeyError, OSError) as error:
            line = " ".join(str(error).split())
            raise InputError(f"{path}: not a readable noise model: {line}") from error


def fit_noise(truth: Sequence[PoseSequence], detected: Sequence[PoseSequence]) -> DetectorNoise:
    """Fit the noise model to clips: `truth[i]` is the true 2D pose of what was detected as `detected[i]`.

    Poses are SIGNING_50, 2D, in pixels, all of one frame rate. Clips shorter than 9 frames are left out.
    Raises InputError if the clips do not fit together or nothing is left.
    """
    if len(truth) != len(detected) or not truth:
        raise InputError(f"noise: {len(truth)} true and {len(detected)} detected clips; need as many of both")
    fps = truth[0].fps
    pairs = []
    for true, found in zip(truth, detected, strict=True):
        if abs(true.fps - fps) > 1e-3 * fps or abs(found.fps - fps) > 1e-3 * fps:
            raise InputError(f"noise: clips of {true.fps:g}, {found.fps:g} and {fps:g} frames/s; resample to one rate")
        if len(true) > _BLOCK:
            pairs.append((circumstances(true), events(true, found)))
    if not pairs:
        raise InputError(f"noise: no clip is longer than {_BLOCK} frames; give longer clips")
    provenance: Provenance = detected[0].provenance
    detector = f"{provenance.estimator} {provenance.estimator_version}".strip()
    return DetectorNoise({part: _bank(part, pairs) for part in PARTS}, fps, detector, len(pairs))


def _bank(part: str, pairs: Sequence[tuple[dict[str, Circumstances], dict[str, PartEvents]]]) -> PartBank:
    """Gather one part of all clips."""
    starts, features = [], []
    offset = 0
    for around, happened in pairs:
        earlier = [happened[p].state for p in PARTS[: PARTS.index(part)]]
        length = len(happened[part].state)
        first = np.arange(1, length - _BLOCK + 1)
        starts.append(first + offset)
        features.append(_profiles(around[part], _lost(earlier, length), first))
        offset += length
    state, residual, confidence = (
        np.concatenate([getattr(happened[part], key) for _, happened in pairs])
        for key in ("state", "residual", "confidence")
    )
    age = np.concatenate([_run_age(happened[part].state) for _, happened in pairs])
    table, begin = np.concatenate(features), np.concatenate(starts)
    spread = _spread(table, PARTS.index(part))
    decay, limit = _autoregression(residual, state, begin)
    return PartBank(state, residual, confidence, age, _log_size(residual), begin, table / spread, spread, decay, limit)


def _lost(states: Sequence[np.ndarray], length: int) -> np.ndarray:
    """(T, O) 1 where each of the other parts is missing."""
    return np.stack([state == MISSING for state in states], 1).astype(float) if states else np.zeros((length, 0))


def _profiles(around: Circumstances, others: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """(M, 6 + 3 O + K) circumstances of the blocks that begin at `starts`.

    Motion, nearness and the loss of other parts in the first, middle and last frame; looks in the middle frame.
    """
    last = len(around.motion) - 1
    frames = np.minimum(starts[:, None] + [0, _BLOCK // 2, _BLOCK - 1], last)  # (M, 3)
    lost = others[frames].reshape(len(starts), -1)
    return np.concatenate([around.motion[frames], around.nearness[frames], lost, around.looks[frames[:, 1]]], 1)


def _spread(table: np.ndarray, others: int) -> np.ndarray:
    """(F,) what to divide the columns of the profiles by: their standard deviation, over their weight."""
    looks = table.shape[1] - 6 - 3 * others
    names = ["motion"] * 3 + ["nearness"] * 3 + ["others"] * 3 * others + ["looks"] * looks
    deviation = table.std(0)
    deviation[deviation < 1e-6] = 1
    return np.asarray(deviation / [_WEIGHTS[name] for name in names])


def _block_heads(frames: int, rng: np.random.Generator) -> np.ndarray:
    """(B,) frames at which blocks of random length, half to all of `_BLOCK`, begin."""
    lengths = rng.integers(_BLOCK // 2, _BLOCK + 1, size=frames // (_BLOCK // 2) + 1)
    heads = np.append(0, np.cumsum(lengths))
    return heads[heads < frames]


def _draw_blocks(
    bank: PartBank, profiles: np.ndarray, heads: np.ndarray, frames: int, rng: np.random.Generator
) -> np.ndarray:
    """(T,) bank rows for the blocks that begin at `heads`, whose circumstances are `profiles` (B, F).

    A block is drawn among its neighbours of those real blocks that follow the same state. Which state that is turns
    out block by block, so the neighbours for every state are searched before, all at once. The age of the state
    and the size of the residual then decide among them.
    """
    near = _neighbours(bank, profiles / bank.spread)
    # the largest of score + Gumbel noise is a draw by weight, here 1 / rank (Lall and Sharma)
    luck = rng.gumbel(size=(len(heads), _NEIGHBOURS)) - np.log(np.arange(1, _NEIGHBOURS + 1))
    lengths = np.diff(heads, append=frames)
    drawn = np.empty(len(heads), np.int64)
    state, age, size = -1, 0, 0.0
    for b, length in enumerate(lengths.tolist()):
        starts, log_ages, sizes = (values[b] for values in near[state])
        score = luck[b, : len(starts)]
        if state >= 0:
            score = score - (log_ages - math.log(age + 1)) ** 2 - 0.5 * (sizes - size) ** 2
        start = int(starts[score.argmax()])
        last = start + length - 1
        lasted = int(bank.age[last])
        age = age + length if lasted > length and bank.state[last] == state else min(lasted, length)
        drawn[b], state, size = start, int(bank.state[last]), float(bank.size[last])
    return np.repeat(drawn - heads, lengths) + np.arange(frames)


def _neighbours(bank: PartBank, query: np.ndarray) -> dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each state before a block: (B, k) first rows of the real blocks nearest to the queries (B, F), nearest
    first; and in the row before, the log of the state's age + 1, and the size of the residual."""
    found: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
    result = {}
    for state, (tree, blocks) in bank.trees.items():
        if id(tree) not in found:
            _, index = tree.query(query, k=np.arange(1, min(_NEIGHBOURS, len(blocks)) + 1), eps=_SLACK)
            starts = bank.starts[blocks[index]]
            found[id(tree)] = starts, np.log(bank.age[starts - 1] + 1), bank.size[starts - 1]
        result[state] = found[id(tree)]
    return result


def _joined(bank: PartBank, rows: np.ndarray, heads: np.ndarray) -> np.ndarray:
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


def _last_moving(state: np.ndarray) -> np.ndarray:
    """(T,) for each frame the last one that was not frozen; a freeze at the very start is let go."""
    moving = np.where(state != FROZEN, np.arange(len(state)), 0)
    return np.maximum.accumulate(moving)


def _run_age(state: np.ndarray) -> np.ndarray:
    """(T,) for how many frames the present state has lasted, 1 in its first frame."""
    index = np.arange(len(state))
    begins = np.append(True, state[1:] != state[:-1])
    return index - np.maximum.accumulate(np.where(begins, index, 0)) + 1


def _log_size(residual: np.ndarray) -> np.ndarray:
    """(N,) log of the mean length of (N, J, 2) residuals, in shoulder widths; 0 where nothing was found."""
    length = np.linalg.norm(residual, axis=2)  # (N, J)
    seen = np.isfinite(length)
    mean = np.where(seen, length, 0).sum(1) / np.maximum(seen.sum(1), 1)
    return np.where(seen.any(1), np.log(mean + 0.01), 0).astype(np.float32)


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
