"""What the network of segments looks at: where the hands are and how they move, 25 times a second."""

from __future__ import annotations

import numpy as np

from skeletor.poses.key_frames import only_key_frames, pose_stride
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.seen import SURE
from slt.segment.watched import WATCHED, watched

FPS = 25.0
SIDES = ("right", "left")
_NECK, _NOSE = WATCHED.index("neck"), WATCHED.index("nose")
_ARMS = [(WATCHED.index(f"{side}_elbow"), WATCHED.index(f"{side}_wrist")) for side in SIDES]
_HANDS = [list(WATCHED.group(f"{side}_hand")) for side in SIDES]
_SPANS = (2, 6)  # frames over which a speed is measured: 0.08 and 0.24 s
# Columns of a side: wrist, elbow, whether wrist and hand are seen, velocity, its amount over both spans, how far the
# fingers are spread, how fast that changes, velocity to the side over the longer span.
PER_SIDE = 13
WIDTH = 2 * PER_SIDE + 3
_LIMIT = 4.0  # shoulder widths, or widths a second in tens: what is further is a mistake of the detector


def features(pose: PoseSequence) -> np.ndarray:
    """(T', F) float32 of a recording (T, 50 or 20, 2 or 3), at 25 frames a second; 0 for what is not seen.

    The first half of the columns is the right side's, then the left side's, each as a right one. Depth is not looked
    at. All zeros where nobody is ever seen. Raises InputError as `watched`.
    """
    return of_key_frames(only_key_frames(watched(pose)), pose_stride(pose))


def of_key_frames(pose: PoseSequence, stride: int) -> np.ndarray:
    """`features` of the key frames (n, 20, 2 or 3) of sparse 2D alone: each is the first of `stride` frames."""
    frames = max(1, round(pose.seconds * FPS))
    shoulders = [_NECK, *(WATCHED.index(f"{side}_shoulder") for side in SIDES)]
    if not len(pose) or pose.missing[:, shoulders].any(1).all():
        return np.zeros((frames if len(pose) else 0, WIDTH), np.float32)
    told = pose.dims == 2 or bool(pose.confidence.any())
    pose = pose if pose.provenance.units == "shoulder" else normalise(pose)
    seen = ~pose.missing & (pose.confidence >= SURE) if told else ~pose.missing
    pose = pose.replace(pose.keypoints[:, :, :2], seen.astype(np.float32) * ~pose.missing)
    pose = pose.resample(FPS, stride=stride)
    points, seen = pose.keypoints, (pose.confidence >= 0.5) & ~pose.missing  # (T', 20, 2), (T', 20)
    neck = _held(points[:, _NECK], seen[:, _NECK])
    both = [_side(points - neck[:, None], seen, k) for k in range(2)]
    nose = np.where(seen[:, [_NOSE]], points[:, _NOSE] - neck, 0)
    wrists = [points[:, wrist] for _, wrist in _ARMS]
    apart = np.linalg.norm(wrists[0] - wrists[1], axis=1)[:, None]
    found = np.concatenate([*both, nose, apart], 1)
    limited: np.ndarray = np.clip(np.nan_to_num(found), -_LIMIT, _LIMIT).astype(np.float32)
    return limited


def mirrored(found: np.ndarray) -> np.ndarray:
    """Features of the mirror image: (T', F) to (T', F)."""
    nose = found[:, 2 * PER_SIDE : 2 * PER_SIDE + 2] * np.array([-1, 1], np.float32)
    parts = [found[:, PER_SIDE : 2 * PER_SIDE], found[:, :PER_SIDE], nose, found[:, 2 * PER_SIDE + 2 :]]
    return np.concatenate(parts, 1)


def _side(points: np.ndarray, seen: np.ndarray, k: int) -> np.ndarray:
    """(T', PER_SIDE) of one side; points (T', 20, 2) from the neck."""
    elbow, wrist = _ARMS[k]
    hand = _HANDS[k]
    mirror = np.array([1.0 if k == 0 else -1.0, 1.0], np.float32)
    there = seen[:, wrist] | seen[:, hand[0]]
    where = np.where(seen[:, [wrist]], points[:, wrist], points[:, hand[0]]) * mirror
    held = _held(where, there)
    velocity = [_moved(held, span) for span in _SPANS]  # each (T', 2), widths a second
    speeds = [np.linalg.norm(one, axis=1, keepdims=True) / 10 for one in velocity]
    shape = points[:, hand[1:]] - points[:, [hand[0]]]  # (T', 5, 2) in widths
    whole = np.asarray(seen[:, hand].all(1))
    filled = _held(shape.reshape(len(shape), -1), whole)
    change = np.linalg.norm(_moved(filled, 2).reshape(len(shape), -1, 2), axis=2).mean(1)[:, None] / 10
    size = np.where(whole, np.linalg.norm(shape, axis=2).mean(1), 0)[:, None]
    place = np.where(there[:, None], where, 0)
    joint = np.where(seen[:, [elbow]], points[:, elbow] * mirror, 0)
    flags = np.stack([there, whole], 1)
    extra = np.concatenate([size, change, np.where(there[:, None], velocity[1][:, :1], 0) / 10], 1)
    return np.concatenate([place, joint, flags, velocity[0] / 10, *speeds, extra], 1)


def _held(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(T', D) on straight lines between known frames, held at the ends; 0 where nothing is ever known."""
    frames = np.flatnonzero(known)
    if not len(frames):
        return np.zeros_like(values)
    every = np.arange(len(values))
    return np.stack([np.interp(every, frames, values[frames, k]) for k in range(values.shape[1])], 1)


def _moved(values: np.ndarray, span: int) -> np.ndarray:
    """(T', D) change over `span` frames around each, a second; what lies beyond the ends is as at the ends."""
    half = span // 2
    padded = np.concatenate([np.repeat(values[:1], half, 0), values, np.repeat(values[-1:], half, 0)])
    moved: np.ndarray = (padded[2 * half :] - padded[: len(values)]) * FPS / (2 * half)
    return moved
