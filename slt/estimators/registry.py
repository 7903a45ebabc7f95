"""2D estimators: from a video (or what another tool made of it) to the signer's joints in pixels.

A new estimator is a module with a class that follows `base.Estimator` and a function `unavailable`, one line in
`ESTIMATORS`, and one in `build_estimator`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from skeletor.poses.key_frames import LONGEST_STRIDE
from skeletor.support.config import Config
from slt.estimators import mediapipe, openpose
from slt.estimators.base import Estimator
from slt.estimators.mediapipe import MediaPipeEstimator
from slt.estimators.openpose import OpenPoseEstimator
from slt.estimators.openpose_files import OpenPoseJsonEstimator
from slt.estimators.pool import Job, Report, estimate_jobs, estimate_many
from slt.estimators.pose_files import PosesEstimator

__all__ = [
    "ESTIMATORS",
    "EstimateConfig",
    "Estimator",
    "EstimatorInfo",
    "Job",
    "Report",
    "build_estimator",
    "estimate_jobs",
    "estimate_many",
]


class EstimateConfig(Config):
    """Which estimator, and its options."""

    name: Literal["mediapipe", "openpose", "openpose-json", "poses"] = "mediapipe"
    fps: float | None = Field(
        None, gt=0, le=240, description="frame rate of sources that do not tell theirs (frames, JSON); default 25"
    )
    skeleton: str | None = Field(
        None, description="openpose-json, poses: the layout of points by name, where a file does not tell"
    )
    smooth_landmarks: bool = Field(True, description="mediapipe: its own smoothing of the body over time")
    hand_model: Literal["full", "lite"] = Field("full", description="mediapipe: lite takes a fifth less CPU time")
    pose_stride: int = Field(
        1,
        ge=1,
        le=LONGEST_STRIDE,
        description="look at every N-th frame only; the others are missing",
    )
    openpose_models: str = Field("models/", description="openpose: its folder of models")


@dataclass(frozen=True)
class EstimatorInfo:
    """One line for `slt doctor`: what an estimator takes, and why it cannot work here (None if it can)."""

    takes: str
    unavailable: Callable[[], str | None]


ESTIMATORS = MappingProxyType(
    {
        "mediapipe": EstimatorInfo("video or directory of frames; one person", mediapipe.unavailable),
        "openpose": EstimatorInfo("video or directory of frames; several people", openpose.unavailable),
        "openpose-json": EstimatorInfo("directory of OpenPose JSON; several people", lambda: None),
        "poses": EstimatorInfo(".safetensors, .pose, .skels, .h5, OpenPose JSON", lambda: None),
    }
)


def build_estimator(config: EstimateConfig) -> Estimator:
    """The estimator of a config; MissingDependency if it is not installed."""
    fps = 25.0 if config.fps is None else config.fps
    if config.name == "mediapipe":
        return MediaPipeEstimator(fps, config.smooth_landmarks, config.hand_model, config.pose_stride)
    if config.name == "openpose":
        return OpenPoseEstimator(config.openpose_models, fps, config.pose_stride)
    if config.name == "openpose-json":
        return OpenPoseJsonEstimator(fps, config.pose_stride, config.skeleton)
    return PosesEstimator(config.fps, config.pose_stride, config.skeleton)
