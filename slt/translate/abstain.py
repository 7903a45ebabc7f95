"""Abstention: clips without a signer, or with a motion that the model does not know. The rule: docs/abstention.md."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from skeletor.files.tensors import save_tensors
from skeletor.files.weight_file import damaged, read_weights
from skeletor.poses.key_frames import LONGEST_STRIDE, STRIDE, only_key_frames, pose_stride
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import Config, check_config
from skeletor.support.errors import InputError

if TYPE_CHECKING:
    from slt.translate.joey.decode import Hypothesis
    from slt.translate.reader import Reader

FILE = "abstention.safetensors"
_FORMAT = "slt-abstention-1"
_ADVICE = "train or copy the model again"
_SEEN = 0.1  # confidence from which a joint counts as seen
_LAG = 0.2  # seconds over which a movement is measured, so that jitter is none
_BANK = 4096  # encoder states of training clips that are kept
_SHRINK = 0.1
_TAIL = 0.2  # share of the dev clips that the tail of a signal is fitted to
FEWEST = 5  # clips from which limits can be taken
_ROOM = 0.1  # clips may be shorter or longer than any of training by this share


@dataclass(frozen=True)
class Signal:
    """sign: +1 if large values are bad, -1 if small ones are. floor: smallest tail length. message: for people."""

    sign: int
    floor: float
    message: str


SIGNALS: Mapping[str, Signal] = {
    "body": Signal(-1, 0.02, "no signer found: shoulders seen in {value:.0%} of the frames, {limit:.0%} needed"),
    "hands": Signal(-1, 0.02, "no signing hands found: a hand seen in {value:.0%} of the frames, {limit:.0%} needed"),
    "motion": Signal(-1, 0.03, "nobody signs: hands move {value:.2f} shoulder widths a second, {limit:.2f} needed"),
    "short": Signal(-1, 0.1, "too short: {value:.1f} s, {limit:.1f} s needed"),
    "long": Signal(1, 0.1, "too long for one sentence: {value:.1f} s, at most {limit:.1f} s; cut it"),
    "log_prob": Signal(-1, 0.02, "too uncertain: mean log probability of a word {value:.2f}, {limit:.2f} needed"),
    "proportions": Signal(1, 0.1, "a body unlike those in training: distance {value:.1f}, at most {limit:.1f}"),
    "states": Signal(1, 0.02, "a motion unlike those in training: distance {value:.2f}, at most {limit:.2f}"),
}
_SIGNER = ("body", "hands")  # what can be told before lifting
_LENGTH = ("short", "long")  # known exactly of every training clip; the others need clips that the model has not seen


@dataclass(frozen=True, eq=False)
class Reference:
    """What is known from training clips.

    centre (L,), whitening (L, L): of log bone lengths in shoulder widths, for the Mahalanobis distance.
    bank (K, H): encoder states, for the distance to the nearest.
    """

    centre: np.ndarray
    whitening: np.ndarray
    bank: np.ndarray


@dataclass(frozen=True)
class Limits:
    """thresholds: by signal. tails: signal -> (start, length) of its fitted exponential tail, by which signals are
    compared.
    """

    thresholds: Mapping[str, float]
    tails: Mapping[str, tuple[float, float]]


class _StoredLimits(Config):
    thresholds: dict[str, float]
    tails: dict[str, list[float]]

    def limits(self) -> Limits:
        """ValueError or KeyError if they are not those of the signals."""
        tails = {name: (self.tails[name][0], self.tails[name][1]) for name in SIGNALS}
        if min(length for _, length in tails.values()) <= 0:
            raise ValueError("a tail has no length")
        return Limits({name: self.thresholds[name] for name in SIGNALS}, tails)


class _Stored(_StoredLimits):
    share: float = Field(ge=0, le=1)
    clips: int = Field(ge=0)
    stride: int = Field(1, ge=1, le=LONGEST_STRIDE)
    sparse: dict[str, _StoredLimits] = Field({}, max_length=LONGEST_STRIDE)


@dataclass(frozen=True, eq=False)
class Abstention:
    """Limits of the signals, and what the signals are measured against. Made by `fit_abstention`.

    share: the share of sound clips that may be rejected. clips: number of dev clips behind the thresholds.
    stride: of the 2D (`skeletor.poses.key_frames`) that `limits` belong to. sparse: limits of larger strides.
    """

    limits: Limits
    share: float
    clips: int
    reference: Reference
    stride: int = 1
    sparse: Mapping[int, Limits] = field(default_factory=dict)

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Signal -> threshold, for 2D of `stride`."""
        return self.limits.thresholds

    @property
    def tails(self) -> Mapping[str, tuple[float, float]]:
        """Signal -> (start, length) of its fitted tail, for 2D of `stride`; see `Limits`."""
        return self.limits.tails

    @property
    def strides(self) -> tuple[int, ...]:
        """The strides that there are limits for, in ascending order."""
        return (self.stride, *sorted(self.sparse))

    def at(self, stride: int) -> Abstention:
        """The same abstention for 2D of that stride.

        Its limits are those of the smallest known stride that is at least as large, or else of the largest.
        """
        nearest = next((known for known in self.strides if known >= stride), self.strides[-1])
        return self if nearest == self.stride else replace(self, limits=self.sparse[nearest], stride=nearest, sparse={})

    def reason(self, signals: Mapping[str, float]) -> str | None:
        """Why not to translate, as one line, or None. Of several reasons the one furthest beyond its threshold.

        A signal that is NaN is a reason, too: what cannot be checked is not translated. The stride of the 2D
        is among the signals (key `skeletor.poses.key_frames.STRIDE`) and decides which limits hold.
        """
        nearest = self.at(int(signals.get(STRIDE, self.stride)))
        return self._reason(signals) if nearest is self else nearest._reason(signals)

    def _reason(self, signals: Mapping[str, float]) -> str | None:
        """The same by the limits of `stride`."""
        unknown = [name for name, value in signals.items() if name in self.thresholds and not math.isfinite(value)]
        if unknown:
            return f"it cannot be judged: the signal {unknown[0]!r} is no number"
        excess = {
            name: SIGNALS[name].sign * (value - self.thresholds[name]) / self.tails[name][1]
            for name, value in signals.items()
            if name in self.thresholds
        }
        worst = max(excess, key=lambda name: excess[name], default=None)
        if worst is None or excess[worst] <= 0:
            return None
        return SIGNALS[worst].message.format(value=signals[worst], limit=self.thresholds[worst])

    def signer_reason(self, raw: PoseSequence) -> str | None:
        """The reason from key points (T, J, 2) alone, before lifting: is there a signer at all? None if there is."""
        return self.reason({**signer_signals(raw), STRIDE: pose_stride(raw)})

    def signals(
        self, translator: Reader, raw: PoseSequence | None, pose: PoseSequence, hypothesis: Hypothesis
    ) -> dict[str, float]:
        """Signal -> value of one clip: raw key points (None if there are none), 3D pose, translation.

        The pose is in shoulder widths; units of the signals: see `measure`.
        """
        return measure(translator, self.reference, [raw], [pose], [hypothesis])[0]

    def plain(self) -> dict[str, object]:
        """Thresholds, and the number of clips and the stride behind them, for `model.yaml`.

        The reference stays in its own file.
        """
        sparse = {str(stride): dict(self.sparse[stride].thresholds) for stride in sorted(self.sparse)}
        return {"share": self.share, "clips": self.clips, "stride": self.stride, "thresholds": dict(self.thresholds),
                "sparse": sparse}  # fmt: skip

    def save(self, folder: Path) -> None:
        """Write `abstention.safetensors` into the folder, atomically. Raises InputError if it cannot be written."""
        sparse = {str(stride): _limits_plain(self.sparse[stride]) for stride in sorted(self.sparse)}
        values = {**_limits_plain(self.limits), "share": self.share, "clips": self.clips, "stride": self.stride,
                  "sparse": sparse}  # fmt: skip
        arrays = {"centre": self.reference.centre, "whitening": self.reference.whitening, "bank": self.reference.bank}
        save_tensors(arrays, folder / FILE, {"format": _FORMAT, "values": json.dumps(values)})

    @staticmethod
    def load(folder: Path) -> Abstention:
        """Read the file that `save` wrote. Raises InputError if it is missing or damaged."""
        path = folder / FILE
        header, arrays = read_weights(path, _FORMAT, "the abstention of a model", _ADVICE)
        with damaged(path, _ADVICE):
            stored = check_config(json.loads(header["values"]), _Stored, path.name)
            reference = Reference(*(arrays[name].numpy() for name in ("centre", "whitening", "bank")))
            _check_reference(reference)
            sparse = {int(stride): limits.limits() for stride, limits in stored.sparse.items()}
            if any(not stored.stride < stride <= LONGEST_STRIDE for stride in sparse):
                raise ValueError("limits of impossible strides")
            return Abstention(stored.limits(), stored.share, stored.clips, reference, stored.stride, sparse)


def _limits_plain(limits: Limits) -> dict[str, object]:
    return {"thresholds": dict(limits.thresholds), "tails": {name: list(tail) for name, tail in limits.tails.items()}}


def _check_reference(reference: Reference) -> None:
    """ValueError unless everything in it is finite and of the right shape."""
    count = max(SIGNING_50.length_ids) + 1
    right = reference.centre.shape == (count,) and reference.whitening.shape == (count, count)
    arrays = (reference.centre, reference.whitening, reference.bank)
    if not right or reference.bank.ndim != 2 or not len(reference.bank):
        raise ValueError("the reference has the wrong shape")
    if any(not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all() for array in arrays):
        raise ValueError("the reference holds no finite numbers")


def fit_abstention(
    translator: Reader,
    train: Sequence[PoseSequence],
    dev_raw: Sequence[PoseSequence],
    dev: Sequence[PoseSequence],
    share: float = 0.03,
    seed: int = 0,
    train_seconds: Sequence[float] = (),
    sparse: Mapping[int, tuple[Sequence[PoseSequence], Sequence[PoseSequence]]] | None = None,
) -> Abstention:
    """Set the thresholds so that about `share` of sound clips are rejected.

    train: 3D poses of training clips (a few hundred do). dev_raw, dev: key points and 3D poses of the same
    held-out clips, which have gone through the same stages as a user's video will. train_seconds: lengths in seconds of
    all training clips; empty takes those of `train`. sparse: larger stride N -> the same as dev_raw and dev, with 2D of
    every N-th frame only; there all signals are worse, and each stride gets limits of its own.
    Raises InputError if there are too few clips, or a signal of one is NaN.
    Rule: an exponential tail is fitted to the worst fifth of each signal on dev; a clip's score is its most
    extreme signal in units of the tails of the *other* clips (its own would flatter it); the threshold of the score
    is its conformal quantile, that is the ceil((n + 1) (1 - share))-th smallest of n, or the largest if n is too
    small for it. The length of a clip needs no such rule: it has to lie between the shortest and the longest of
    training, with a tenth of room.
    """
    if len(dev) < FEWEST or len(dev) != len(dev_raw):
        raise InputError(f"abstention: {len(dev)} dev clips ({len(dev_raw)} with key points); give at least 5")
    reference = make_reference(translator, train, seed)
    try:
        _check_reference(reference)
    except ValueError as error:
        raise InputError(f"abstention: {error}; look at the training clips' poses") from error
    seconds = train_seconds or [pose.seconds for pose in train]
    limits = _fit_limits(translator, reference, dev_raw, dev, share, seconds)
    stride = pose_stride(dev_raw[0])
    larger = {k: _fit_limits(translator, reference, *pair, share, seconds) for k, pair in (sparse or {}).items()}
    assert all(k > stride for k in larger), (stride, list(larger))
    return Abstention(limits, share, len(dev), reference, stride, larger)


def _fit_limits(
    translator: Reader,
    reference: Reference,
    raw: Sequence[PoseSequence],
    poses: Sequence[PoseSequence],
    share: float,
    seconds: Sequence[float],
) -> Limits:
    """Limits from dev clips of one stride; see `fit_abstention`."""
    rows = measure(translator, reference, raw, poses, translator.translate(poses))
    bad = {n: s.sign * np.array([row[n] for row in rows]) for n, s in SIGNALS.items() if n not in _LENGTH}
    broken = [name for name, values in bad.items() if not np.isfinite(values).all()]
    if broken:
        raise InputError(f"abstention: the signal {broken[0]!r} of a dev clip is no number; look at its poses")
    tails = {name: _tail(values, SIGNALS[name].floor) for name, values in bad.items()}
    scores = _scores_among_others(bad)
    rank = min(len(scores), math.ceil((len(scores) + 1) * (1 - share)))
    limit = float(np.sort(scores)[rank - 1])
    thresholds = {name: SIGNALS[name].sign * (start + limit * length) for name, (start, length) in tails.items()}
    for name, value in zip(_LENGTH, (min(seconds) / (1 + _ROOM), max(seconds) * (1 + _ROOM)), strict=True):
        thresholds[name], tails[name] = value, (SIGNALS[name].sign * value, _ROOM * value)
    return Limits(thresholds, tails)


def _scores_among_others(bad: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n,) most extreme signal of each clip, in units of tails that are fitted to the other n - 1 clips."""
    count = len(next(iter(bad.values())))
    scores = np.full(count, -np.inf)
    for k in range(count):
        for name, values in bad.items():
            start, length = _tail(np.delete(values, k), SIGNALS[name].floor)
            scores[k] = max(scores[k], (values[k] - start) / length)
    return scores


def make_reference(translator: Reader, train: Sequence[PoseSequence], seed: int = 0) -> Reference:
    """Bone proportions (25,) and a sample of encoder states (K, H) of training clips, 3D poses in shoulder widths.

    Raises InputError without clips.
    """
    if not train:
        raise InputError("abstention: no training clips to compare with; give some")
    lengths = np.stack([proportions(pose) for pose in train])  # (N, L)
    known = np.isfinite(lengths).any(0)
    centre = np.full(lengths.shape[1], np.nan)
    centre[known] = np.nanmean(lengths[:, known], 0)
    deviations = np.nan_to_num(lengths - centre)
    covariance = deviations.T @ deviations / len(train)
    spread = np.maximum(np.diag(covariance), 0.02**2)  # no bone is known better than to 2 %
    covariance = (1 - _SHRINK) * covariance + _SHRINK * np.diag(spread) + np.diag(spread - np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance)
    whitening = (vectors / np.sqrt(values)) @ vectors.T
    states = np.concatenate([states for states in _states(translator, train)])
    chosen = np.random.default_rng(seed).permutation(len(states))[:_BANK]
    return Reference(centre.astype(np.float32), whitening.astype(np.float32), np.ascontiguousarray(states[chosen]))


def measure(
    translator: Reader,
    reference: Reference,
    raw: Sequence[PoseSequence | None],
    poses: Sequence[PoseSequence],
    hypotheses: Sequence[Hypothesis],
) -> list[dict[str, float]]:
    """Signal -> value for each clip, with the stride of its 2D; `body` and `hands` only where there are raw key points.

    `short` and `long` are in seconds, `motion` in shoulder widths a second, `log_prob` a natural logarithm per token.
    """
    rows = []
    for key_points, pose, hypothesis, states in zip(raw, poses, hypotheses, _states(translator, poses), strict=True):
        off = proportions(pose) - reference.centre
        # A bone that is never there says nothing; without any bone there is nothing to judge.
        distance = np.nan_to_num(off) @ reference.whitening if np.isfinite(off).any() else np.full(len(off), np.nan)
        rows.append(
            (signer_signals(key_points) if key_points is not None else {})
            | {
                STRIDE: pose_stride(pose),
                "motion": hand_speed(pose),
                "short": pose.seconds,
                "long": pose.seconds,
                "log_prob": max(hypothesis.log_prob, -99.0),
                "proportions": float(np.sqrt((distance**2).mean())),
                "states": float(_nearest(states, reference.bank).mean()) if len(states) else math.nan,
            }
        )
    return rows


def signer_signals(raw: PoseSequence) -> dict[str, float]:
    """Shares (0 to 1) of the estimated frames in which a person is seen.

    `body`: both shoulders are. `hands`: at least one hand is, that is half of its joints.
    """
    raw = only_key_frames(raw)
    skeleton = raw.skeleton
    seen = raw.confidence >= _SEEN  # (T, J)
    shoulders = seen[:, [skeleton.index("left_shoulder"), skeleton.index("right_shoulder")]].all(1)
    hands = [seen[:, list(skeleton.group(f"{side}_hand"))].mean(1) >= 0.5 for side in ("left", "right")]
    if len(raw) == 0:
        return dict.fromkeys(_SIGNER, 0.0)
    return {"body": float(shoulders.mean()), "hands": float((hands[0] | hands[1]).mean())}


def hand_speed(pose: PoseSequence) -> float:
    """Mean speed of the faster wrist, in shoulder widths a second; 0 where no wrist is there."""
    lag = max(1, round(_LAG * pose.fps))
    wrists = pose.keypoints[:, [pose.skeleton.index(f"{side}_wrist") for side in ("left", "right")]]
    if len(wrists) <= lag:
        return 0.0
    distance = np.linalg.norm(wrists[lag:] - wrists[:-lag], axis=2)  # (T - lag, 2)
    return float(np.nan_to_num(distance).max(1).mean() * pose.fps / lag)


def proportions(pose: PoseSequence) -> np.ndarray:
    """(25,) log of the median lengths of bones, both sides together; NaN where a bone is never there."""
    parents, children = np.array(SIGNING_50.bones).T
    lengths = np.linalg.norm(pose.keypoints[:, children] - pose.keypoints[:, parents], axis=2)  # (T, 49)
    ids = np.array(SIGNING_50.length_ids)
    result = np.full(ids.max() + 1, np.nan)
    for k in range(len(result)):
        found = lengths[:, ids == k]
        found = found[np.isfinite(found)]
        if len(found):
            result[k] = np.log(max(float(np.median(found)), 1e-3))
    return result


def _states(translator: Reader, poses: Sequence[PoseSequence]) -> list[np.ndarray]:
    """Encoder states (T', H) of each pose."""
    result: dict[int, np.ndarray] = {}
    for batch in translator.encode(list(poses)):
        for row, position in enumerate(batch.positions):
            result[position] = batch.states[row][batch.mask[row, 0]].cpu().numpy()
    return [result[k] for k in range(len(poses))]


def _nearest(states: np.ndarray, bank: np.ndarray) -> np.ndarray:
    """(T', H) to (T',) Euclidean distances to the nearest row of (K, H), per square root of H."""
    squares = (states**2).sum(1)[:, None] + (bank**2).sum(1) - 2 * states @ bank.T  # (T', K)
    distances: np.ndarray = np.sqrt(np.maximum(squares.min(1), 0) / states.shape[1])
    return distances


def _tail(bad: np.ndarray, floor: float) -> tuple[float, float]:
    """Start and mean length of the tail of values, large ones being bad."""
    start = float(np.quantile(bad, 1 - _TAIL))
    beyond = bad[bad > start] - start
    return start, max(floor, float(beyond.mean()) if len(beyond) else 0.0)
