"""Poses that someone else estimated: any file that `skeletor.io.formats` reads, put on SIGNING_50."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from skeletor.io.formats import read_pose
from skeletor.poses.key_frames import STRIDE, thin
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.poses.span import Span
from slt.estimators.base import ESTIMATORS, EstimateOptions, cut, finish, layout_option, source_sha256


class PosesOptions(EstimateOptions):
    """Options of `poses`."""

    name: Literal["poses"] = "poses"
    skeleton: str | None = Field(None, description="the layout of points by name, where a file does not tell")


class PosesEstimator:
    """Reads a file of one clip. fps replaces what the file says; None leaves it (25 where it says nothing).
    skeleton: the layout of its points by name, where the file does not tell (`skeletor.io.layouts`).
    pose_stride: all but every N-th frame are dropped, as if they had not been estimated.

    Depth, where a file has it, is dropped: lifting makes its own. Units and image size stay as the file says.
    """

    name = "poses"
    version = "1"

    def __init__(self, fps: float | None = None, pose_stride: int = 1, skeleton: str | None = None) -> None:
        self.options: Mapping[str, Any] = {"fps": fps, STRIDE: pose_stride} | layout_option(skeleton)
        self._fps, self._stride, self._skeleton = fps, pose_stride, skeleton

    def __call__(self, source: Path, span: Span | None = None) -> PoseSequence:
        """See `Estimator`; .safetensors, .pose, .skels, .h5 or a directory of OpenPose JSON."""
        pose = read_pose(source, fps=self._fps, skeleton=self._skeleton)
        if pose.dims == 3:
            pose = pose.replace(pose.keypoints[:, :, :2], stage=StageRecord("drop_depth"))
        return finish(thin(cut(pose, span, source), self._stride), self, source_sha256(source), span)


@ESTIMATORS.register(PosesOptions, ".safetensors, .pose, .skels, .h5, OpenPose JSON")
def build_poses(options: PosesOptions) -> PosesEstimator:
    """The estimator of its options."""
    return PosesEstimator(options.fps, options.pose_stride, options.skeleton)
