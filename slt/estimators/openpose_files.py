"""What the OpenPose binary writes (`--hand --write_json DIR`): a directory of JSON files, one a frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from skeletor.io import openpose_json
from skeletor.io.rates import RateTeller
from skeletor.poses.key_frames import STRIDE, thin
from skeletor.poses.pose import PoseSequence
from skeletor.poses.span import Span
from skeletor.support.errors import InputError
from slt.estimators.base import ESTIMATORS, USUAL_FPS, EstimateOptions, cut, finish, layout_option, source_sha256


class OpenPoseJsonOptions(EstimateOptions):
    """Options of `openpose-json`."""

    name: Literal["openpose-json"] = "openpose-json"
    skeleton: str | None = Field(None, description="the layout of points by name, where a file does not tell")


class OpenPoseJsonEstimator:
    """Reads, chooses the signer (largest moving hands), maps to SIGNING_50. fps: JSON files do not tell it; None: the
    usual one, which is told once.
    skeleton: the body's layout by name, where it cannot be told (`skeletor.io.layouts`).
    pose_stride: all but every N-th frame are dropped, as if they had not been estimated."""

    name = "openpose-json"
    version = "1.x"  # of the JSON format; the files do not name the OpenPose that wrote them

    def __init__(self, fps: float | None = None, pose_stride: int = 1, skeleton: str | None = None) -> None:
        self.options: Mapping[str, Any] = {"fps": fps or USUAL_FPS, STRIDE: pose_stride} | layout_option(skeleton)
        self._fps, self._stride, self._skeleton = fps, pose_stride, skeleton
        self._tell_rate = RateTeller()

    def __call__(self, source: Path, span: Span | None = None) -> PoseSequence:
        """See `Estimator`; a directory of one recording's JSON files."""
        if not source.exists():
            raise InputError(f"{source}: no such directory; give the directory that OpenPose wrote with --write_json")
        pose = self._tell_rate(openpose_json.read_pose(source, fps=self._fps, skeleton=self._skeleton), source)
        return finish(thin(cut(pose, span, source), self._stride), self, source_sha256(source), span)


@ESTIMATORS.register(OpenPoseJsonOptions, "directory of OpenPose JSON; several people")
def build_openpose_json(options: OpenPoseJsonOptions) -> OpenPoseJsonEstimator:
    """The estimator of its options."""
    return OpenPoseJsonEstimator(options.fps, options.pose_stride, options.skeleton)
