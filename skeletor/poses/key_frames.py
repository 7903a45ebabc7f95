"""Sparse 2D: the estimator looks at every N-th frame (a key frame), later stages give all frames.

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
    """The N of a pose of which every N-th frame was estimated, from its provenance; 1 if it names none.

    A file of sparse poses may be read with a stride again: the result is the least common multiple of all strides.
    Raises InputError if the provenance has a stride that is no whole number from 1 to `LONGEST_STRIDE`.
    """
    strides = [record.config.get(STRIDE, 1) for record in pose.provenance.stages]
    odd = [stride for stride in strides if type(stride) is not int or not 1 <= stride <= LONGEST_STRIDE]
    if odd:
        raise InputError(f"{pose.provenance.source}: a {STRIDE} of {odd[0]!r}, expected 1 to {LONGEST_STRIDE}: damaged")
    return math.lcm(*strides)


def key_frames(pose: PoseSequence) -> np.ndarray:
    """(T,) bool, True for the frames that were estimated. Raises InputError as `pose_stride` does."""
    estimated: np.ndarray = np.arange(len(pose)) % pose_stride(pose) == 0
    return estimated


def only_key_frames(pose: PoseSequence) -> PoseSequence:
    """The key frames alone: (T, J, D) to (ceil(T / stride), J, D), at fps / stride frames per second.

    The pose itself if all of its frames are key frames. Raises InputError as `pose_stride` does.
    """
    stride = pose_stride(pose)
    if stride == 1:
        return pose
    return pose.replace(pose.keypoints[::stride], pose.confidence[::stride], pose.fps / stride)


def thin(pose: PoseSequence, stride: int) -> PoseSequence:
    """The pose (T, J, D) with all but every `stride`-th frame missing (NaN, confidence 0).

    The caller notes the stride in the provenance.
    """
    if stride == 1:
        return pose
    keypoints, confidence = np.full_like(pose.keypoints, np.nan), np.zeros_like(pose.confidence)
    keypoints[::stride], confidence[::stride] = pose.keypoints[::stride], pose.confidence[::stride]
    return pose.replace(keypoints, confidence)


def spread(pose: PoseSequence, stride: int, frames: int) -> PoseSequence:
    """The inverse of `only_key_frames`: (T', J, D) key frames to (frames, J, D), the frames between missing.

    The frame rate becomes fps * stride frames per second.
    """
    if stride == 1:
        return pose
    keypoints = np.full((frames, *pose.keypoints.shape[1:]), np.nan, np.float32)
    confidence = np.zeros(keypoints.shape[:2], np.float32)
    keypoints[::stride], confidence[::stride] = pose.keypoints, pose.confidence
    return pose.replace(keypoints, confidence, pose.fps * stride)


def carried_confidence(confidence: np.ndarray, stride: int) -> np.ndarray:
    """How far straight lines between key frames can be trusted: the lower confidence of both ends, (T, J).

    confidence: (T, J), read in the key frames only. After the last key frame its own confidence stays.
    """
    if stride == 1:
        return confidence
    time = np.arange(len(confidence))
    before = time // stride * stride
    after = np.where((before < time) & (before + stride < len(time)), before + stride, before)
    return np.asarray(np.minimum(confidence[before], confidence[after]))
