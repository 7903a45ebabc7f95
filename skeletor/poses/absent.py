"""Hands that were not seen: lost (a blur, an occlusion, a miss of the detector) or absent (down, out of the picture).

A lost hand was somewhere in front of the signer, and later stages fill it. An absent one is not to be invented: it
stays missing (NaN, confidence 0) through lifting and repair. Absence is decided from 2D, before lifting, where the
picture's border is known; the record of the stage `absent` says that it was. Formats that keep no record lose it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from skeletor.poses.hands import hands_and_wrists
from skeletor.poses.key_frames import pose_stride
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.poses.skeleton import Skeleton

STAGE = "absent"


@dataclass(frozen=True)
class Limits:
    """When a hand that is not seen is absent. Times in seconds.

    brief: a run without the hand of at most this time is a loss, wherever the wrist is: to fill it does no harm.
    inside, end: a longer run is absence wherever the wrist is, between two sights of the hand, or before the first or
    after the last one: nothing tells any more where the hand was. border: share of the picture's sides within which a
    wrist is as good as outside; the hand lies beyond it.
    """

    brief: float = 0.2
    inside: float = 1.0
    end: float = 0.5
    border: float = 0.02


LIMITS = Limits()


def absent_hands(pose: PoseSequence, unseen: np.ndarray, limits: Limits = LIMITS) -> np.ndarray:
    """(T, J) bool: joints of hands that are absent, not merely lost.

    pose: 2D as the estimator gave it, y down. unseen: (T, J) bool, joints that were not seen, or not believed.
    Runs of frames without any joint of a hand are judged whole: all of a clip is absence; so is a run of which in
    half of the frames or more the wrist is outside the picture, not seen, or below its elbow (the arm hangs); so are
    runs beyond `limits`. Between key frames the last key frame's answer holds.
    """
    assert pose.dims == 2 and unseen.shape == pose.confidence.shape, (pose.keypoints.shape, unseen.shape)
    stride = pose_stride(pose)
    points, fps = pose.keypoints[::stride], pose.fps / stride
    result = np.zeros(unseen.shape, bool)
    for hand, wrist in hands_and_wrists(pose.skeleton):
        gone = np.asarray(unseen[::stride][:, hand].all(1))  # (T',)
        if wrist in hand or not gone.any():
            continue
        away = _away(points, wrist, pose.skeleton, pose.provenance.image_size, limits.border)
        absent = np.zeros(len(gone), bool)
        for start, stop in runs(gone):
            at_end = start == 0 or stop == len(gone)
            absent[start:stop] = (start == 0 and stop == len(gone)) or _is_absence(
                (stop - start) / fps, at_end, float(away[start:stop].mean()), limits
            )
        result[:, hand] = np.repeat(absent, stride)[: len(result), None]
    return result


def _is_absence(seconds: float, at_end: bool, away: float, limits: Limits) -> bool:
    """Whether a run without a hand is absence. away: share of its frames in which the wrist is where no hand signs."""
    if seconds <= limits.brief:
        return False
    return away >= 0.5 or seconds > (limits.end if at_end else limits.inside)


def _away(
    points: np.ndarray, wrist: int, skeleton: Skeleton, size: tuple[int, int] | None, border: float
) -> np.ndarray:
    """(T,) bool: the wrist is outside the picture, not seen, or below its elbow."""
    place = points[:, wrist]  # (T, 2)
    away: np.ndarray = np.isnan(place[:, 0])
    elbow = skeleton.parents[wrist]
    with np.errstate(invalid="ignore"):
        if elbow >= 0:
            away |= place[:, 1] > points[:, elbow, 1]
        if size is not None:
            sides = np.array(size, float)
            away |= ((place < border * sides) | (place > (1 - border) * sides)).any(1)
    return away


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """(start, stop) of the runs of True in (T,) flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def mark_absent(pose: PoseSequence, absent: np.ndarray) -> PoseSequence:
    """The pose with these joints (T, J) missing, and the record that absence was decided."""
    keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
    keypoints[absent], confidence[absent] = np.nan, 0
    return pose.replace(keypoints, confidence, stage=StageRecord(STAGE))


def judged_absent(pose: PoseSequence) -> np.ndarray:
    """(T, J) bool: absent joints of a pose, 2D or 3D, as they were decided before, or else as its hands are judged now.

    For poses of files that do not tell. Where the picture's border is not known, time and the arm decide alone.
    """
    if pose.provenance.stage(STAGE) is not None:
        return known_absent(pose)
    flat = pose.replace(pose.keypoints[:, :, :2])
    if pose.provenance.units != "pixel" and pose.provenance.image_size is not None:
        flat = replace(flat, provenance=replace(flat.provenance, image_size=None))
    return absent_hands(flat, pose.missing)


def known_absent(pose: PoseSequence) -> np.ndarray:
    """(T, J) bool: joints that are missing because they are absent; all False where that was never decided."""
    decided = pose.provenance.stage(STAGE) is not None
    return pose.missing if decided else np.zeros_like(pose.missing)


def leave_absent(before: PoseSequence, after: PoseSequence) -> PoseSequence:
    """`after`, a repair of `before`, without what was invented for absent joints."""
    absent = known_absent(before)
    if not absent.any():
        return after
    keypoints = after.keypoints.copy()
    keypoints[absent] = np.nan
    return after.replace(keypoints)
