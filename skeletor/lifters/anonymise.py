"""Skeletons without a body of their own: the motion of a signer on the mean signer's bones, before one camera.

What goes: the lengths of all bones, body and hands; where the signer stood, turned and leaned to the side before the
camera; name and checksum of the source. What stays: the direction of every bone in every frame, so all angles between
bones, and how the neck moves. How somebody moves may still tell who it is, and so may the shape of a palm: this is no
proof against somebody who knows the signer, or has other recordings of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skeletor.lifters.kinematic.kinematics import LENGTH_IDS, PROPORTIONS
from skeletor.poses.normalise import STAGE as NORMALISE
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError

STAGE, VERSION = "anonymise", "1"
HELP = (
    "every bone as long as the mean signer's, stance and camera taken out, motion kept; how somebody moves may still "
    "tell who it is"
)
# The camera that all are put before: the picture's size, and where the neck and how wide the shoulders are in it.
PICTURE, NECK, SHOULDERS = (512, 512), (256.0, 180.0), 120.0
_NOTHING = 1e-6  # shoulder widths: a bone shorter than that has no direction


def _tree() -> tuple[tuple[int, ...], np.ndarray, tuple[int, ...]]:
    """Parents (50,) with the neck as root, the mean signer's bone to each joint (50,), and joints parents first."""
    nose, neck = SIGNING_50.index("nose"), SIGNING_50.index("neck")
    parents, lengths = list(SIGNING_50.parents), np.zeros(len(SIGNING_50))
    for bone, (_, child) in enumerate(SIGNING_50.bones):
        lengths[child] = PROPORTIONS[LENGTH_IDS[bone]]
    parents[nose], parents[neck] = neck, -1
    lengths[nose], lengths[neck] = lengths[neck], 0.0
    return tuple(parents), lengths, (neck, nose, *range(2, len(SIGNING_50)))


PARENTS, LENGTHS, ORDER = _tree()


def anonymise(pose: PoseSequence) -> PoseSequence:
    """The motion (T, 50, 3) on the mean signer's bones, in shoulder widths, median neck at 0, facing the camera.

    Missing joints stay missing. A joint whose parent is missing hangs on the nearest one above it, as far as the mean
    signer's bones are in proportion to this one's. Done twice it is the same as done once. Raises InputError if it is
    not 3D on SIGNING_50, or if neck and shoulders are never seen.
    """
    where = pose.provenance.source or "pose"
    if pose.dims != 3 or pose.skeleton != SIGNING_50:
        raise InputError(f"{where}: {pose.dims}D on {pose.skeleton.name}; 3D on signing_50 is needed; lift it first")
    if pose.provenance.units != "shoulder":
        pose = normalise(pose)
    points = _on_mean_bones(pose.keypoints.astype(np.float64))
    points = points @ _stance(points).T
    root = points[:, ORDER[0]]
    if np.isfinite(root).any():
        points -= np.nanmedian(root, axis=0)
    made = pose.replace(points.astype(np.float32), stage=StageRecord(STAGE, VERSION))
    return PoseSequence(made.keypoints, made.confidence, made.fps, SIGNING_50, _unnamed(made.provenance))


def _on_mean_bones(points: np.ndarray) -> np.ndarray:
    """(T, 50, 3) with bones of the mean signer's lengths in the directions of these; NaN stays NaN.

    The neck, or what hangs on nothing, stays where it is.
    """
    own = _own_lengths(points)
    there = np.isfinite(points[..., 0])
    result = np.full_like(points, np.nan)
    toward = np.tile(np.array([0.0, 1.0, 0.0]), (*points.shape[:2], 1))  # of the bone that ends in each joint
    for joint in ORDER:
        left = there[:, joint].copy()  # frames in which it hangs on nothing yet
        above, path = PARENTS[joint], [joint]
        while above >= 0 and left.any():
            frames = left & there[:, above]
            vector = points[frames, joint] - points[frames, above]
            size = np.linalg.norm(vector, axis=1, keepdims=True)
            direction = np.where(size > _NOTHING, vector / np.maximum(size, _NOTHING), toward[frames, above])
            length = LENGTHS[joint] if len(path) == 1 else size * _ratio(own, path)
            result[frames, joint] = result[frames, above] + direction * length
            toward[frames, joint] = direction
            left &= ~frames
            path.append(above)
            above = PARENTS[above]
        result[left, joint] = points[left, joint]
    return result


def _own_lengths(points: np.ndarray) -> np.ndarray:
    """(50,) median length of the bone to each joint; NaN where it is never there whole, and of the root."""
    result = np.full(len(PARENTS), np.nan)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            sizes = np.linalg.norm(points[:, joint] - points[:, parent], axis=1)
            sizes = sizes[np.isfinite(sizes)]
            if len(sizes):
                result[joint] = np.median(sizes)
    return result


def _ratio(own: np.ndarray, path: Sequence[int]) -> float:
    """How much longer the mean signer's bones are along a path, by those that are known; 1 if none is."""
    known = [joint for joint in path if np.isfinite(own[joint])]
    total = sum(own[joint] for joint in known)
    return float(sum(LENGTHS[joint] for joint in known) / total) if total > _NOTHING else 1.0


def _stance(points: np.ndarray) -> np.ndarray:
    """(3, 3) rotation that takes out how the signer is turned about the upright axis, then how they lean to the side:
    the mean line of the shoulders comes to lie along x. Nodding does not show in it, and stays."""
    left, right = SIGNING_50.index("left_shoulder"), SIGNING_50.index("right_shoulder")
    lines = points[:, left] - points[:, right]
    lines = lines[np.isfinite(lines[:, 0])]
    if not len(lines):
        return np.eye(3)
    x, y, z = lines.mean(0).tolist()
    flat = float(np.hypot(x, z))
    if max(flat, abs(y)) < _NOTHING:
        return np.eye(3)
    cos, sin = (x / flat, z / flat) if flat > 0 else (1.0, 0.0)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    whole = float(np.hypot(flat, y))
    cos, sin = flat / whole, y / whole
    result: np.ndarray = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]) @ turn
    return result


def _unnamed(provenance: Provenance) -> Provenance:
    """Without source, and with the one camera in place of the true one. The stages keep their names and options."""
    camera = {"centre": [*NECK, 0.0], "scale": SHOULDERS, "units_before": "pixel"}
    stages = [s for s in provenance.stages if s.name not in (NORMALISE, STAGE)]
    stages += [StageRecord(NORMALISE, config=camera), StageRecord(STAGE, VERSION)]
    return Provenance("", "", provenance.estimator, provenance.estimator_version, PICTURE, "shoulder", tuple(stages))
