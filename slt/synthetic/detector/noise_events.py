"""Events of a detection against its truth: found, missing, swapped or frozen parts, and the residuals.

All lengths are in shoulder widths of the signer (the median over the clip), so that clips of any size compare.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError

PARTS = ("body", "left_hand", "right_hand")
JOINTS: Mapping[str, np.ndarray] = {part: np.array(SIGNING_50.group(part)) for part in PARTS}
OTHER = {"left_hand": "right_hand", "right_hand": "left_hand"}
FOUND, MISSING, SWAPPED, FROZEN = range(4)

LAGS = 3  # frames that smoothing and blur look back
_NOSE, _NECK, _RIGHT_SHOULDER, _LEFT_SHOULDER = 0, 1, 2, 5
_WRISTS = {"left_hand": 7, "right_hand": 4}
_SWAP_DISTANCE = 0.25  # hands nearer than this cannot be told apart by where they were found
_FROZEN_STEP = 1e-4


@dataclass(frozen=True, eq=False)
class PartEvents:
    """One part of one clip: state (T,), residual (T, J, 2) in shoulder widths, confidence (T, J).

    The residual is detected minus true, of the *other* hand where the state is SWAPPED; NaN where missing.
    behind (T, J, 2, K): the way back to where that true joint was k = 1..K frames ago.
    """

    state: np.ndarray
    residual: np.ndarray
    confidence: np.ndarray
    behind: np.ndarray


def shoulder_width(truth: PoseSequence) -> float:
    """The median distance of the shoulders, in the pose's unit. Raises InputError if they are never seen."""
    distance = np.linalg.norm(truth.keypoints[:, _LEFT_SHOULDER] - truth.keypoints[:, _RIGHT_SHOULDER], axis=1)
    width = float(np.nanmedian(distance)) if np.isfinite(distance).any() else 0.0
    if not width > 0:
        raise InputError(f"{truth.provenance.source or 'pose'}: the true shoulders are never seen; no unit of length")
    return width


def check_2d(pose: PoseSequence) -> None:
    """Raises InputError unless this is a 2D pose of SIGNING_50."""
    if pose.skeleton != SIGNING_50 or pose.dims != 2:
        where = pose.provenance.source or "pose"
        raise InputError(f"{where}: {pose.dims}D {pose.skeleton.name}; the noise model takes 2D {SIGNING_50.name}")


def events(truth: PoseSequence, detected: PoseSequence) -> dict[str, PartEvents]:
    """Compare a detection with the truth, frame by frame, for each part.

    A part is MISSING where more than half of its joints are. A hand is SWAPPED where its centre lies less than
    half as far from the other true hand as from its own, and the two true hands are at least a quarter of a
    shoulder width apart. A part is FROZEN where no joint moved at all since the frame before.
    Raises InputError if the two poses do not fit.
    """
    check_2d(truth)
    check_2d(detected)
    if len(truth) != len(detected):
        where = detected.provenance.source or "pose"
        raise InputError(f"{where}: {len(detected)} frames detected, but the truth has {len(truth)}")
    width = shoulder_width(truth)
    return {part: _part_events(part, truth.keypoints / width, detected, width) for part in PARTS}


def _part_events(part: str, true: np.ndarray, detected: PoseSequence, width: float) -> PartEvents:
    joints = JOINTS[part]
    found = detected.keypoints[:, joints] / width  # (T, J, 2)
    own = true[:, joints]  # (T, J, 2)
    missing = np.isnan(found[..., 0]).mean(1) > 0.5
    state = np.where(missing, MISSING, FOUND).astype(np.int8)
    residual = found - own
    behind = way_back(own)
    if part in OTHER:
        other = true[:, JOINTS[OTHER[part]]]
        swapped = ~missing & _swapped(found, own, other)
        state[swapped] = SWAPPED
        residual[swapped] = (found - other)[swapped]
        behind[swapped] = way_back(other)[swapped]
    step = np.abs(np.diff(np.nan_to_num(found), axis=0)).max(axis=(1, 2), initial=0)  # (T-1,)
    frozen = np.append(False, (step < _FROZEN_STEP) & ~missing[1:] & ~missing[:-1])
    state[frozen] = FROZEN
    residual[missing] = np.nan
    confidence = np.where(np.isnan(residual[..., 0]), 0, detected.confidence[:, joints])
    return PartEvents(state, residual.astype(np.float32), confidence.astype(np.float32), behind.astype(np.float32))


def way_back(points: np.ndarray) -> np.ndarray:
    """(T, J, 2, K) from the present place of (T, J, 2) points to that of k = 1..K frames ago, or of the first frame."""
    frames = np.arange(len(points))
    return np.stack([points[np.maximum(frames - k, 0)] - points for k in range(1, LAGS + 1)], -1)


def _swapped(found: np.ndarray, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(T,) bool: a hand found at the other hand's place. The arguments are (T, 21, 2)."""
    seen = ~np.isnan(found[..., 0])
    count = np.maximum(seen.sum(1), 1)[:, None]

    def centre(points: np.ndarray) -> np.ndarray:
        mean: np.ndarray = np.where(seen[..., None], np.nan_to_num(points), 0).sum(1) / count
        return mean

    here, mine, others = centre(found), centre(own), centre(other)
    to_own, to_other = np.linalg.norm(here - mine, axis=1), np.linalg.norm(here - others, axis=1)
    apart = np.linalg.norm(mine - others, axis=1)
    swapped: np.ndarray = (to_other < 0.5 * to_own) & (apart > _SWAP_DISTANCE)
    return swapped


@dataclass(frozen=True, eq=False)
class Circumstances:
    """What a detector's luck depends on, for one part, frame by frame: (T,) motion, (T,) nearness, (T, K) looks.

    motion: log of the speed in shoulder widths a second. nearness: log of the distance between the hands.
    looks: where the hand is and what its outline looks like; where the hands are, for the body.
    """

    motion: np.ndarray
    nearness: np.ndarray
    looks: np.ndarray


def circumstances(truth: PoseSequence) -> dict[str, Circumstances]:
    """The circumstances of each part, from the true pose (T, 50, 2) alone; lengths in shoulder widths.

    Raises InputError if the shoulders are never seen.
    """
    points = np.nan_to_num(truth.keypoints / shoulder_width(truth))  # (T, 50, 2)
    centres = {part: points[:, JOINTS[part]].mean(1) for part in OTHER}
    distance = np.linalg.norm(centres["left_hand"] - centres["right_hand"], axis=1)
    nearness = np.log(np.minimum(distance, 1.5) + 0.1)
    speeds = {part: speed(centre, truth.fps) for part, centre in centres.items()}
    result = {}
    for part, centre in centres.items():
        looks = np.concatenate([_outline(points[:, JOINTS[part]]), _place(centre, points)], 1)
        result[part] = Circumstances(np.log(speeds[part] + 0.2), nearness, looks)
    both = np.concatenate([_place(centre, points) for centre in centres.values()], 1)
    result["body"] = Circumstances(np.log(np.maximum(*speeds.values()) + 0.2), nearness, both)
    return result


def speed(points: np.ndarray, fps: float) -> np.ndarray:
    """(T,) speed of (T, D) points, in their unit a second, by central differences."""
    if len(points) < 2:
        return np.zeros(len(points))
    return np.asarray(np.linalg.norm(np.gradient(points, axis=0), axis=1) * fps)


def _outline(hand: np.ndarray) -> np.ndarray:
    """(T, 5) looks of a hand (T, 21, 2): palm direction (x, y), palm side, spread, and length of the fingers."""
    root, index, middle, little = hand[:, 0], hand[:, 5], hand[:, 9], hand[:, 17]
    palm = middle - root
    a, b = index - root, little - root
    side = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    spread = np.linalg.norm(index - little, axis=1)
    reach = np.linalg.norm(hand[:, [4, 8, 12, 16, 20]] - root[:, None], axis=2).mean(1)
    return np.column_stack([palm, 10 * side, spread, reach])


def _place(centre: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(T, 2) place of a hand: height below the neck, and distance from the nose, at most 1.5."""
    below = centre[:, 1] - points[:, _NECK, 1]
    face = np.minimum(np.linalg.norm(centre - points[:, _NOSE], axis=1), 1.5)
    return np.column_stack([below, face])
