"""Poses that someone else estimated: any file that `skeletor.io.formats` reads, put on SIGNING_50."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from skeletor.io.formats import read_pose
from skeletor.io.rates import RateTeller
from skeletor.io.read_only.arrays import Size, checked_size
from skeletor.poses.key_frames import STRIDE, thin
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.poses.span import Span
from skeletor.poses.turns import one_signer
from slt.estimators.base import ESTIMATORS, EstimateOptions, cut, finish, layout_option, source_sha256


class PosesOptions(EstimateOptions):
    """Options of `poses`."""

    name: Literal["poses"] = "poses"
    skeleton: str | None = Field(None, description="the layout of points by name, where a file does not tell")
    size: list[int] | None = Field(
        None, min_length=2, max_length=2, description="[width, height] of the picture, for arrays of shares of it"
    )


class PosesEstimator:
    """Reads a file of one clip. fps replaces what the file says; None leaves it (25 where it says nothing, which is
    told once).
    skeleton: the layout of its points by name, where the file does not tell (`skeletor.io.layouts`).
    size: (width, height) of the picture, for arrays of shares of it.
    pose_stride: all but every N-th frame are dropped, as if they had not been estimated.

    Depth, where a file has it, is dropped: lifting makes its own. Units and image size stay as the file says.
    """

    name = "poses"
    version = "1"

    def __init__(
        self, fps: float | None = None, pose_stride: int = 1, skeleton: str | None = None, size: Size | None = None
    ) -> None:
        told = {} if size is None else {"size": list(checked_size(size))}
        self.options: Mapping[str, Any] = {"fps": fps, STRIDE: pose_stride} | layout_option(skeleton) | told
        self._fps, self._stride, self._skeleton, self._size = fps, pose_stride, skeleton, size
        self._tell_rate = RateTeller()

    def __call__(self, source: Path, span: Span | None = None) -> PoseSequence:
        """See `Estimator`; .safetensors, .pose, .skels, .h5, .npy, .npz, .json, .csv or a folder of OpenPose JSON."""
        read = read_pose(source, fps=self._fps, skeleton=self._skeleton, size=self._size)
        pose = one_signer(self._tell_rate(read, source))
        if pose.dims == 3:
            pose = pose.replace(pose.keypoints[:, :, :2], stage=StageRecord("drop_depth"))
        return finish(thin(cut(pose, span, source), self._stride), self, source_sha256(source), span)


@ESTIMATORS.register(PosesOptions, ".safetensors, .pose, .skels, .h5, .npy, .npz, .json, .csv, OpenPose JSON")
def build_poses(options: PosesOptions) -> PosesEstimator:
    """The estimator of its options."""
    size = None if options.size is None else (options.size[0], options.size[1])
    return PosesEstimator(options.fps, options.pose_stride, options.skeleton, size)
