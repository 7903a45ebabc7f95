"""Features of a pose sequence, the translator's input: one vector per frame, or per mean of a few frames.

A sign is a hand shape, an orientation, a place and a movement. The features keep these apart, so that the
first linear layer can tell them apart: joints of the body relative to the neck; per hand the joints in
the palm's own axes (shape, whatever the orientation), the palm's axes (orientation) and a flag "not seen";
and how fast body, finger tips and palms move (small movements would drown in the places otherwise).
From place, orientation, shape and the hand's size (one number per clip) the pose can be built again.

A shape may also be given as bends: how far the fingers' joints are bent and how far their tips are from each other and
from the wrist. That says less of the hand's build and more of its shape; the pose cannot be built from it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError

VERSION = "3"
_NECK = SIGNING_50.index("neck")
_BODY = [j for j in SIGNING_50.group("body") if j != _NECK]
_HANDS = {side: list(SIGNING_50.group(f"{side}_hand")) for side in ("right", "left")}
_FINGERS, _KNUCKLES = 20, (5, 9, 13, 17)  # knuckles: index .. little, in a hand's own numbering
_PER_HAND = _FINGERS * 3 + 6 + 1
_PLACE = len(_BODY) * 3
_TIPS = [3 * (4 * finger + 3) + axis for finger in range(5) for axis in range(3)]
_MOVING = [
    *range(_PLACE),
    *(_PLACE + side * _PER_HAND + k for side in (0, 1) for k in (*_TIPS, *range(3 * _FINGERS, 3 * _FINGERS + 6))),
]
STILL = _PLACE + 2 * _PER_HAND  # features that are no velocities; the velocities stand behind them
WIDTH = STILL + len(_MOVING)
MOVING = tuple(_MOVING)  # the column of which each velocity is that


def _stream(start: int, stop: int) -> tuple[int, ...]:
    """Columns start .. stop and the velocities of what lies there."""
    moving = [_PLACE + 2 * _PER_HAND + k for k, column in enumerate(_MOVING) if start <= column < stop]
    return (*range(start, stop), *moving)


# Columns of each part of the body; "right_hand" is the dominant one. A hand's place is its wrist, of the body.
STREAMS = {
    "body": _stream(0, _PLACE),
    "right_hand": _stream(_PLACE, _PLACE + _PER_HAND),
    "left_hand": _stream(_PLACE + _PER_HAND, _PLACE + 2 * _PER_HAND),
}
_FLOOR = 0.02


@dataclass(frozen=True, eq=False)
class FeatureStats:
    """Mean and standard deviation of each feature over the training frames, both (F,) float32."""

    mean: np.ndarray
    std: np.ndarray

    def standardise(self, features: np.ndarray) -> np.ndarray:
        """(T, F) raw features to (T, F + 1): zero mean, unit variance; what is missing (NaN) becomes 0, the mean.

        The last column is 1 throughout: it tells frames from the zeros that fill up a batch.
        """
        scaled = np.nan_to_num((features - self.mean) / self.std, nan=0.0)
        return np.concatenate([scaled, np.ones((len(scaled), 1))], 1).astype(np.float32)


def fit_stats(clips: list[np.ndarray]) -> FeatureStats:
    """Statistics over the frames of all clips, each (T, F); features that never vary keep a floor of 0.02."""
    if not clips:
        raise InputError("no training clips; give at least one")
    frames = np.concatenate(clips)
    seen = ~np.isnan(frames)
    count = np.maximum(seen.sum(0), 1)
    mean = np.where(seen, frames, 0).sum(0, dtype=np.float64) / count
    variance = (np.where(seen, frames - mean, 0) ** 2).sum(0, dtype=np.float64) / count
    return FeatureStats(mean.astype(np.float32), np.maximum(np.sqrt(variance), _FLOOR).astype(np.float32))


def pose_features(
    pose: PoseSequence,
    fps: float = 25.0,
    frame_stride: int = 2,
    confidence: bool = False,
    parts: Literal["all", "hands", "body"] = "all",
    normalise: Literal["sequence", "frame"] = "sequence",
    depth: bool = True,
    every: int = 1,
    hands: Literal["joints", "bends"] = "joints",
) -> np.ndarray:
    """Raw features (T', F) float32 of a 3D pose (T, 50, 3) in shoulder widths, NaN where a joint is missing.

    The pose is brought to `fps`; each row is the mean over `frame_stride` frames (the last may be of fewer).
    confidence: a hand's flag is its mean lack of confidence, instead of 1 where it is missing: a hand that a refiner
    has inferred is not missing, but nobody saw it.
    parts: the others' features are NaN throughout (the mean, when standardised); `columns` tells which they are.
    normalise: "frame" scales each frame by its own shoulder width, beside the clip's one. depth: False sets z to 0.
    every: N, only every N-th frame is used, chosen before any mean is taken.
    hands: a hand's shape as its joints in the palm's axes, or as bends (`_bends`); columns that bends leave are NaN.
    Raises InputError if the pose is not a 3D SIGNING_50 pose in shoulder widths, or empty.
    """
    source = pose.provenance.source or "pose"
    if pose.skeleton != SIGNING_50 or pose.dims != 3:
        raise InputError(f"{source}: {pose.dims}D on {pose.skeleton.name}; lift it to 3D on signing_50 first")
    if pose.provenance.units != "shoulder":
        raise InputError(f"{source}: coordinates in unit {pose.provenance.units!r}; normalise it first")
    if len(pose) == 0:
        raise InputError(f"{source}: has no frames")
    pose = pose.resample(fps) if pose.fps != fps else pose
    points, doubt = pose.keypoints[::every], 1 - pose.confidence[::every]  # (T, 50, 3), (T, 50)
    if left_dominant(points):
        points, doubt = points[:, SIGNING_50.mirror] * np.array([-1, 1, 1], np.float32), doubt[:, SIGNING_50.mirror]
    if not depth:
        points = points * np.array([1, 1, 0], np.float32)
    if normalise == "frame":
        points = points / _shoulder_widths(points)[:, None, None]
    centred = points - points[:, _NECK : _NECK + 1]
    blocks = [centred[:, _BODY].reshape(len(points), -1)]
    blocks += [
        _hand_features(points[:, joints], side, doubt[:, joints].mean(1) if confidence else None, hands)
        for side, joints in _HANDS.items()
    ]
    pooled = _pool(np.concatenate(blocks, 1).astype(np.float32), frame_stride)  # (T', F - V)
    features = np.concatenate([pooled, _velocity(pooled[:, _MOVING])], 1)
    if parts != "all":
        features[:, ~columns(parts)] = np.nan
    return features


def columns(parts: Literal["all", "hands", "body"]) -> np.ndarray:
    """(F,) which features belong to the parts, velocities included.

    "hands": shapes and axes of the hands, and the wrists' places; "body": the places of the body's joints, wrists
    included.
    """
    still = np.ones(_PLACE + 2 * _PER_HAND, bool)
    if parts == "hands":
        wrists = {SIGNING_50.index("left_wrist"), SIGNING_50.index("right_wrist")}
        still[:_PLACE] = np.repeat([joint in wrists for joint in _BODY], 3)
    elif parts == "body":
        still[_PLACE:] = False
    return np.concatenate([still, still[_MOVING]])


def _shoulder_widths(points: np.ndarray) -> np.ndarray:
    """(T, 50, 3) to (T,): distance of the shoulders in the picture plane; 1, the clip's, where one is missing.

    A signer who turns away has narrow shoulders: less than a quarter of the clip's is not believed.
    """
    left, right = (points[:, SIGNING_50.index(f"{side}_shoulder"), :2] for side in ("left", "right"))
    widths = np.linalg.norm(left - right, axis=1)
    return np.maximum(np.where(np.isnan(widths), 1.0, widths), 0.25).astype(np.float32)


def left_dominant(points: np.ndarray) -> bool:
    """Whether the left hand of a pose (T, 50, 3) is the dominant one: its signs are a right-hander's, mirrored.

    Dominant is the hand that is held higher on average: it signs alone while the other rests, which tells the two
    apart better than how far they travel (2 against 26 wrong of 1,200 rendered clips), and jitter does not matter.
    """
    heights = points[:, [SIGNING_50.index("right_wrist"), SIGNING_50.index("left_wrist")], 1]  # (T, 2), y is down
    seen = ~np.isnan(heights).any(1)
    right, left = heights[seen].mean(0) if seen.any() else (0.0, 0.0)
    return bool(right > left)


def _velocity(values: np.ndarray) -> np.ndarray:
    """(T, V) to half the difference of the next and the last row; at the ends, the row itself stands in."""
    padded = np.concatenate([values[:1], values, values[-1:]])
    velocity: np.ndarray = (padded[2:] - padded[:-2]) / 2
    return velocity


def _hand_features(hand: np.ndarray, side: str, doubt: np.ndarray | None, hands: str) -> np.ndarray:
    """(T, 21, 3) joints of one hand to (T, 67): shape (in palm axes, or bends), axes, and `doubt` (T,) or a flag.

    The flag is 1 where the hand is missing. The left hand is mirrored first, so that the same sign by either hand has
    the same features.
    """
    relative = hand[:, 1:] - hand[:, :1]  # (T, 20, 3)
    if side == "left":
        relative = relative * np.array([-1, 1, 1], np.float32)
    knuckles = relative[:, [k - 1 for k in _KNUCKLES]]  # (T, 4, 3)
    missing = np.isnan(relative).any((1, 2))  # (T,)
    size = _median(np.linalg.norm(knuckles, axis=2).mean(1)[~missing])
    along = _unit(knuckles.mean(1))  # (T, 3) root to the middle of the knuckles
    normal = _unit(np.cross(along, knuckles[:, 0] - knuckles[:, 3]))
    across = np.cross(normal, along)
    axes = np.stack([along, across, normal], 1)  # (T, 3, 3)
    shape = _bends(relative / size) if hands == "bends" else np.einsum("tjd,tkd->tjk", relative / size, axes)
    features = np.concatenate([shape.reshape(len(hand), -1), along, normal], 1)  # (T, 66)
    features[missing] = np.nan
    flag = missing if doubt is None else doubt
    return np.concatenate([features, flag[:, None].astype(np.float32)], 1)


def _bends(relative: np.ndarray) -> np.ndarray:
    """(T, 20, 3) joints from the root, in sizes of the hand, to bends (T, 20, 3) in the places of these joints.

    Of the first three joints of a finger x is the cosine of the bend there: 1 where it is straight. Of a tip x is the
    distance from the root, y from the thumb's tip, z from the next finger's tip, so its velocity is that of a distance.
    The other places are NaN.
    """
    fingers = relative.reshape(len(relative), 5, 4, 3)  # thumb .. little, root .. tip
    bones = _unit(np.diff(fingers, axis=2, prepend=0))  # (T, 5, 4, 3)
    tips = fingers[:, :, 3]  # (T, 5, 3)
    bends = np.full(fingers.shape, np.nan, np.float32)
    bends[:, :, :3, 0] = (bones[:, :, 1:] * bones[:, :, :-1]).sum(3)
    bends[:, :, 3, 0] = np.linalg.norm(tips, axis=2)
    bends[:, 1:, 3, 1] = np.linalg.norm(tips[:, 1:] - tips[:, :1], axis=2)
    bends[:, 1:4, 3, 2] = np.linalg.norm(tips[:, 2:] - tips[:, 1:4], axis=2)
    return bends.reshape(relative.shape)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """(..., 3) to length 1; a vector of length 0 stays 0."""
    unit: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)
    return unit


def _median(values: np.ndarray) -> float:
    """Median, or 1 if there is none or it is 0."""
    middle = float(np.median(values)) if len(values) else 1.0
    return middle if middle > 1e-6 else 1.0


def _pool(features: np.ndarray, stride: int) -> np.ndarray:
    """(T, F) to (ceil(T / stride), F): means over the frames that are seen, NaN if none is."""
    if stride == 1:
        return features
    padding = -len(features) % stride
    padded = np.concatenate([features, np.full((padding, features.shape[1]), np.nan, np.float32)])
    blocks = padded.reshape(-1, stride, features.shape[1])  # (T', stride, F)
    seen = ~np.isnan(blocks)
    count = seen.sum(1)
    total = np.where(seen, blocks, 0).sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
