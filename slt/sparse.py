"""Sparse 2D: the estimator looks at every N-th frame (a key frame), what follows gives all frames.

After estimation a sparse pose has all frames; those that are no key frames are missing (NaN, confidence 0), and the
record of the stage `estimate` names the stride. There are two ways to all frames: `interpolated` 2D, for any lifter;
or the upsampling token of an uplift-upsample lifter (Einfalt et al., WACV 2023), which takes the key frames only. In
both the frames between get confidence 0, as everything that was inferred and not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from skeletor.pose import PoseSequence, StageRecord

STRIDE = "pose_stride"  # key of the stride in the record of the stage `estimate`
LONGEST_STRIDE = 50  # two seconds of PHOENIX14T
Upsampling = Literal["interpolation", "token"]
# way -> what it is and needs, for `slt doctor`
UPSAMPLINGS = {
    "interpolation": "2D of the key frames interpolated, then any lifter",
    "token": "the upsampling token of uplift-upsample weights, 3D straight from the key frames",
}


def pose_stride(pose: PoseSequence) -> int:
    """Every how manyth frame of a pose was estimated, by its provenance; 1 if it says nothing.

    A file of sparse poses may be read with a stride again: then frames are left that are multiples of both.
    """
    records = [record for record in pose.provenance.stages if record.name == "estimate"]
    return math.lcm(*(int(record.config.get(STRIDE, 1)) for record in records))


def key_frames(pose: PoseSequence) -> np.ndarray:
    """(T,) bool, True for the frames that were estimated."""
    return np.arange(len(pose)) % pose_stride(pose) == 0


def only_key_frames(pose: PoseSequence) -> PoseSequence:
    """The key frames as a pose of their own, at their own frame rate; the pose itself if all are key frames."""
    stride = pose_stride(pose)
    if stride == 1:
        return pose
    return pose.replace(pose.keypoints[::stride], pose.confidence[::stride], pose.fps / stride)


def thin(pose: PoseSequence, stride: int) -> PoseSequence:
    """The pose with all but every `stride`-th frame missing. The caller records the stride."""
    if stride == 1:
        return pose
    keypoints, confidence = np.full_like(pose.keypoints, np.nan), np.zeros_like(pose.confidence)
    keypoints[::stride], confidence[::stride] = pose.keypoints[::stride], pose.confidence[::stride]
    return pose.replace(keypoints, confidence)


def spread(pose: PoseSequence, stride: int, frames: int) -> PoseSequence:
    """The inverse of `only_key_frames`: a pose of key frames among `frames` frames, the others missing."""
    if stride == 1:
        return pose
    keypoints = np.full((frames, *pose.keypoints.shape[1:]), np.nan, np.float32)
    confidence = np.zeros(keypoints.shape[:2], np.float32)
    keypoints[::stride], confidence[::stride] = pose.keypoints, pose.confidence
    return pose.replace(keypoints, confidence, pose.fps * stride)


def on_key_frames(pose: PoseSequence, stage: Callable[[PoseSequence], PoseSequence]) -> PoseSequence:
    """A stage that keeps the number of frames, done on the key frames only; the others stay as they are."""
    stride = pose_stride(pose)
    if stride == 1:
        return stage(pose)
    return spread(stage(only_key_frames(pose)), stride, len(pose))


def interpolated(pose: PoseSequence) -> tuple[PoseSequence, np.ndarray]:
    """The pose with straight lines between its key frames, and which frames were estimated, (T,) bool.

    Between two key frames a joint gets a position if it was seen in both, with the lower of both confidences; after
    the last key frame it stays. These confidences say how far the lines may be trusted while lifting; whoever gives
    the result on marks the frames with `mark_inferred`.
    """
    stride = pose_stride(pose)
    key = key_frames(pose)
    if stride == 1:
        return pose, key
    time = np.arange(len(pose))
    before = time // stride * stride
    after = np.where(before + stride < len(pose), before + stride, before)
    share = ((time - before) / stride).astype(np.float32)[:, None, None]  # (T, 1, 1)
    keypoints = pose.keypoints[before] * (1 - share) + pose.keypoints[after] * share  # NaN if one of both is
    keypoints[key] = pose.keypoints[key]
    confidence = np.minimum(pose.confidence[before], pose.confidence[after])
    confidence[np.isnan(keypoints[..., 0])] = 0
    record = StageRecord("interpolate", config={STRIDE: stride})
    return pose.replace(keypoints, confidence, stage=record), key


def mark_inferred(pose: PoseSequence, key: np.ndarray) -> PoseSequence:
    """The pose with confidence 0 in all frames that were not estimated; key: (T,) bool."""
    return pose if key.all() else pose.replace(confidence=np.where(key[:, None], pose.confidence, 0))
