"""Sparse 2D: the estimator looks at every N-th frame (a key frame), what follows gives all frames.

After estimation a sparse pose has all frames; those that are no key frames are missing (NaN, confidence 0), and the
record of the stage `estimate` names the stride. There are two ways to all frames: any lifter interpolates what is
missing (`skeletor.lifters.gaps.fill`: straight lines of bone vectors, mistaken hands dropped before); or the upsampling
token of an uplift-upsample lifter (Einfalt et al., WACV 2023), which takes the key frames only. In both the frames
between keep confidence 0, as everything that was inferred and not seen.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError

STRIDE = "pose_stride"  # key of the stride in the record of the stage that made or simulated the 2D
LONGEST_STRIDE = 50  # two seconds of PHOENIX14T
Upsampling = Literal["interpolation", "token"]
# way -> what it is and needs, for `slt doctor`
UPSAMPLINGS = {
    "interpolation": "2D of the key frames interpolated, by any lifter",
    "token": "the upsampling token of uplift-upsample weights, 3D straight from the key frames",
}


def pose_stride(pose: PoseSequence) -> int:
    """N if every N-th frame of a pose was estimated, by its provenance; 1 if it says nothing.

    A file of sparse poses may be read with a stride again: then frames are left that are multiples of both.
    InputError if it says something that is no stride.
    """
    strides = [record.config.get(STRIDE, 1) for record in pose.provenance.stages]
    odd = [stride for stride in strides if type(stride) is not int or not 1 <= stride <= LONGEST_STRIDE]
    if odd:
        raise InputError(f"{pose.provenance.source}: a {STRIDE} of {odd[0]!r}, expected 1 to {LONGEST_STRIDE}: damaged")
    return math.lcm(*strides)


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


def carried_confidence(confidence: np.ndarray, stride: int) -> np.ndarray:
    """(T, J) how far straight lines between key frames can be trusted: the lower confidence of both ends.

    confidence: (T, J), looked at in the key frames only. After the last of them its confidence stays.
    """
    if stride == 1:
        return confidence
    time = np.arange(len(confidence))
    before = time // stride * stride
    after = np.where((before < time) & (before + stride < len(time)), before + stride, before)
    return np.asarray(np.minimum(confidence[before], confidence[after]))
