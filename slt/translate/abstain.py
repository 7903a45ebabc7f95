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
from skeletor.poses.key_frames import LONGEST_STRIDE, STRIDE, pose_stride
from skeletor.poses.pose import PoseSequence
from skeletor.support.config import Config, check_config
from skeletor.support.errors import InputError
from slt.translate.signals import LENGTH, SIGNALS, Reference, check_reference, make_reference, measure, signer_signals

if TYPE_CHECKING:
    from slt.translate.joey.decoding.decode import Hypothesis
    from slt.translate.reader import Reader

FILE = "abstention.safetensors"
_FORMAT = "slt-abstention-1"
_ADVICE = "train or copy the model again"
_TAIL = 0.2  # share of the dev clips that the tail of a signal is fitted to
FEWEST = 5  # clips from which limits can be taken
_ROOM = 0.1  # clips may be shorter or longer than any of training by this share


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
            check_reference(reference)
            sparse = {int(stride): limits.limits() for stride, limits in stored.sparse.items()}
            if any(not stored.stride < stride <= LONGEST_STRIDE for stride in sparse):
                raise ValueError("limits of impossible strides")
            return Abstention(stored.limits(), stored.share, stored.clips, reference, stored.stride, sparse)


def _limits_plain(limits: Limits) -> dict[str, object]:
    return {"thresholds": dict(limits.thresholds), "tails": {name: list(tail) for name, tail in limits.tails.items()}}


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
        check_reference(reference)
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
    bad = {n: s.sign * np.array([row[n] for row in rows]) for n, s in SIGNALS.items() if n not in LENGTH}
    broken = [name for name, values in bad.items() if not np.isfinite(values).all()]
    if broken:
        raise InputError(f"abstention: the signal {broken[0]!r} of a dev clip is no number; look at its poses")
    tails = {name: _tail(values, SIGNALS[name].floor) for name, values in bad.items()}
    scores = _scores_among_others(bad)
    rank = min(len(scores), math.ceil((len(scores) + 1) * (1 - share)))
    limit = float(np.sort(scores)[rank - 1])
    thresholds = {name: SIGNALS[name].sign * (start + limit * length) for name, (start, length) in tails.items()}
    for name, value in zip(LENGTH, (min(seconds) / (1 + _ROOM), max(seconds) * (1 + _ROOM)), strict=True):
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


def _tail(bad: np.ndarray, floor: float) -> tuple[float, float]:
    """Start and mean length of the tail of values, large ones being bad."""
    start = float(np.quantile(bad, 1 - _TAIL))
    beyond = bad[bad > start] - start
    return start, max(floor, float(beyond.mean()) if len(beyond) else 0.0)
