"""The signals that a clip is judged by: who is seen, how hands move, how sure the reader is. docs/abstention.md."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skeletor.poses.key_frames import STRIDE, only_key_frames, pose_stride
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError

if TYPE_CHECKING:
    from slt.translate.joey.decoding.decode import Hypothesis
    from slt.translate.reader import Reader

_SEEN = 0.1  # confidence from which a joint counts as seen
_LAG = 0.2  # seconds over which a movement is measured, so that jitter is none
_BANK = 4096  # encoder states of training clips that are kept
_SHRINK = 0.1


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
LENGTH = ("short", "long")  # known exactly of every training clip; the others need clips that the model has not seen


@dataclass(frozen=True, eq=False)
class Reference:
    """What is known from training clips.

    centre (L,), whitening (L, L): of log bone lengths in shoulder widths, for the Mahalanobis distance.
    bank (K, H): encoder states, for the distance to the nearest.
    """

    centre: np.ndarray
    whitening: np.ndarray
    bank: np.ndarray


def check_reference(reference: Reference) -> None:
    """ValueError unless everything in it is finite and of the right shape."""
    count = max(SIGNING_50.length_ids) + 1
    right = reference.centre.shape == (count,) and reference.whitening.shape == (count, count)
    arrays = (reference.centre, reference.whitening, reference.bank)
    if not right or reference.bank.ndim != 2 or not len(reference.bank):
        raise ValueError("the reference has the wrong shape")
    if any(not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all() for array in arrays):
        raise ValueError("the reference holds no finite numbers")


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
