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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

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
_FEWEST = 30  # a state seen before fewer blocks than this borrows from all of them
# How much the features count in the distance of two blocks; a feature is first divided by its spread.
_WEIGHTS = {"motion": 0.8, "nearness": 0.5, "looks": 0.2, "others": 2.0}


@dataclass(frozen=True, eq=False)
class PartBank:
    """What the detector did to one part in all fitted clips, one after the other.

    state (N,), residual (N, J, 2) in shoulder widths, confidence (N, J): see `noise_events.PartEvents`.
    starts (M,): rows at which a block of `_BLOCK` frames of one clip begins. before (M,): the state in the row before,
    age (M,): for how many frames it had lasted, size (M,): log of the mean residual there.
    features (M, F): the blocks' circumstances, each divided by its spread (F,) and weighted.
    decay: lag-1 autocorrelation of the residuals. limit: steps longer than this are real jumps.
    """

    state: np.ndarray
    residual: np.ndarray
    confidence: np.ndarray
    starts: np.ndarray
    before: np.ndarray
    age: np.ndarray
    size: np.ndarray
    features: np.ndarray
    spread: np.ndarray
    decay: float
    limit: float

    @cached_property
    def trees(self) -> dict[int, tuple[cKDTree, np.ndarray]]:
        """For each state before a block: a search tree and the blocks in it; -1 stands for all blocks."""
        groups = {state: np.flatnonzero(self.before == state) for state in (FOUND, MISSING, SWAPPED, FROZEN)}
        everything = np.arange(len(self.starts))
        groups = {state: rows if len(rows) >= _FEWEST else everything for state, rows in groups.items()}
        return {state: (cKDTree(self.features[rows]), rows) for state, rows in ({-1: everything} | groups).items()}


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
            others = np.stack(states, 1) if states else np.zeros((len(truth2d), 0))
            rows, heads = _draw_blocks(bank, _features(around[part], others), rng)
            state = bank.state[rows]
            residual = _joined(bank, rows, heads)  # (T, J, 2)
            base = truth2d.keypoints[:, JOINTS[part]].copy()
            if part in OTHER:
                swapped = state == SWAPPED
                base[swapped] = truth2d.keypoints[:, JOINTS[OTHER[part]]][swapped]
            held = _last_moving(state)
            keypoints[:, JOINTS[part]] = (base + residual * width)[held]
            confidence[:, JOINTS[part]] = bank.confidence[rows][held]
            states.append((state[held] == MISSING).astype(float))
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
            banks = {part: PartBank(**arrays[part], **about["parts"][part]) for part in PARTS}
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
        raise InputError(
            f"noise: {len(truth)} true and {len(detected)} detected clips; need as many of both, at least 1"
        )
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
    starts, features, before, age = [], [], [], []
    offset = 0
    for around, happened in pairs:
        state = happened[part].state
        earlier = PARTS[: PARTS.index(part)]
        lost = [(happened[p].state == MISSING).astype(float) for p in earlier]
        others = np.stack(lost, 1) if lost else np.zeros((len(state), 0))
        first = np.arange(1, len(state) - _BLOCK + 1)
        starts.append(first + offset)
        features.append(_profiles(_features(around[part], others), first, len(state)))
        before.append(state[first - 1])
        age.append(_run_age(state)[first - 1])
        offset += len(state)
    state, residual, confidence = (
        np.concatenate([getattr(happened[part], key) for _, happened in pairs])
        for key in ("state", "residual", "confidence")
    )
    table = np.concatenate(features)  # (M, F)
    spread = _spread(table, len(PARTS[: PARTS.index(part)]))
    begin = np.concatenate(starts)
    decay, limit = _autoregression(residual, state, begin)
    return PartBank(
        state,
        residual,
        confidence,
        begin,
        np.concatenate(before),
        np.concatenate(age),
        _log_size(residual[begin - 1]),
        table / spread,
        spread,
        decay,
        limit,
    )


def _features(around: Circumstances, others: np.ndarray) -> np.ndarray:
    """(T, 2 + K + O) circumstances of each frame: motion, nearness, looks, which of the other parts are missing."""
    return np.column_stack([around.motion, around.nearness, around.looks, others])


def _profiles(features: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """(M, F) circumstances of the blocks that begin at `starts`: their first, middle and last frame."""
    frames = [np.minimum(starts + step, length - 1) for step in (0, _BLOCK // 2, _BLOCK - 1)]
    return np.concatenate([features[frame] for frame in frames], 1)


def _spread(table: np.ndarray, others: int) -> np.ndarray:
    """(F,) what to divide the columns of the profiles by: their standard deviation, over their weight."""
    looks = table.shape[1] // 3 - 2 - others
    weights = [_WEIGHTS["motion"], _WEIGHTS["nearness"]] + [_WEIGHTS["looks"]] * looks + [_WEIGHTS["others"]] * others
    deviation = table.std(0)
    deviation[deviation < 1e-6] = 1
    return np.asarray(deviation / np.tile(weights, 3))


def _draw_blocks(bank: PartBank, features: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(T,) bank rows, and the (B,) frames at which a new block begins.

    Neighbours of all blocks are searched at once, for every state that may come before; the state, its age and
    the residual's size then decide among them, block by block, since each depends on the one before.
    """
    frames = len(features)
    lengths = rng.integers(_BLOCK // 2, _BLOCK + 1, size=frames // (_BLOCK // 2) + 1)
    heads = np.concatenate([[0], np.cumsum(lengths)])
    heads = heads[heads < frames]
    query = _profiles(features, heads, frames) / bank.spread  # (B, F)
    near = {}
    for state, (tree, blocks) in bank.trees.items():
        count = min(_NEIGHBOURS, len(blocks))
        _, index = tree.query(query[:1] if state == -1 else query, k=np.arange(1, count + 1), eps=0.5)
        near[state] = blocks[index]  # (B, k)
    kernel = np.log(1 / np.arange(1, _NEIGHBOURS + 1))
    noise = rng.gumbel(size=(len(heads), _NEIGHBOURS))  # the largest of score + Gumbel noise is a draw by weight
    ends = np.append(heads[1:], frames)
    rows = np.empty(frames, np.int64)
    state, age, size = -1, 0, 0.0
    for b, (head, end) in enumerate(zip(heads, ends, strict=True)):
        blocks = near[state][b if state >= 0 else 0]
        score = kernel[: len(blocks)] + noise[b, : len(blocks)]
        if state >= 0:
            score = score - (np.log((bank.age[blocks] + 1) / (age + 1))) ** 2 - 0.5 * (bank.size[blocks] - size) ** 2
        start = bank.starts[blocks[int(np.argmax(score))]]
        rows[head:end] = np.arange(start, start + end - head)
        drawn = bank.state[start : start + end - head]
        last = int(drawn[-1])
        differs = np.flatnonzero(drawn != last)
        run = len(drawn) - 1 - differs[-1] if len(differs) else len(drawn) + (age if last == state else 0)
        state, age, size = last, int(run), float(_log_size(bank.residual[rows[end - 1]][None])[0])
    return rows, heads


def _joined(bank: PartBank, rows: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """(T, J, 2) residuals of the drawn rows, with the steps between blocks smoothed.

    A block continues what came before it as an autoregression would: the difference between the residual that we
    came from and the one that the real block came from dies out with the factor `decay` a frame.
    """
    residual = bank.residual[rows].copy()
    usable = bank.state[rows] == FOUND
    for k, head in enumerate(heads[1:], start=1):
        end = heads[k + 1] if k + 1 < len(heads) else len(rows)
        source = rows[head] - 1
        if not (usable[head - 1] and bank.state[source] == FOUND):
            continue
        step = np.nan_to_num(residual[head - 1] - bank.residual[source])  # (J, 2)
        step[np.linalg.norm(step, axis=1) > bank.limit] = 0
        fade = bank.decay ** np.arange(1, end - head + 1)
        residual[head:end] += step * (fade * usable[head:end])[:, None, None]
    return residual


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
    """Lag-1 autocorrelation of found residuals about each joint's mean, clipped to their 90 % range; and the limit
    above which a step counts as a jump (the 95th percentile of real steps)."""
    pairs = starts[(state[starts] == FOUND) & (state[starts - 1] == FOUND)]
    if len(pairs) < _FEWEST:
        return 0.0, 0.0
    centred = residual - np.nanmedian(residual[state == FOUND], axis=0)
    bound = np.nanquantile(np.abs(centred), 0.9)
    now, then = (np.clip(np.nan_to_num(centred[rows]), -bound, bound) for rows in (pairs, pairs - 1))
    decay = float((now * then).sum() / max((then**2).sum(), 1e-12))
    steps = np.linalg.norm(residual[pairs] - residual[pairs - 1], axis=2)
    return float(np.clip(decay, 0, 0.98)), float(np.nanquantile(steps, 0.95))
