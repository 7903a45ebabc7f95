"""Poses that someone else estimated: any file that `skeletor.io` reads, put on SIGNING_50."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skeletor.io import read_pose
from skeletor.pose import PoseSequence, StageRecord
from slt.estimate.base import finish, source_sha256


class PosesEstimator:
    """Reads a file of one clip. fps replaces what the file says; None leaves it (25 where it says nothing).

    Depth, where a file has it, is dropped: lifting makes its own. Units and image size stay as the file says.
    """

    name = "poses"
    version = "1"

    def __init__(self, fps: float | None = None) -> None:
        self.options: Mapping[str, Any] = {"fps": fps}
        self._fps = fps

    def __call__(self, source: Path) -> PoseSequence:
        """See `Estimator`; .safetensors, .pose, .skels, .h5 or a directory of OpenPose JSON."""
        pose = read_pose(source, fps=self._fps)
        if pose.dims == 3:
            pose = pose.replace(pose.keypoints[:, :, :2], stage=StageRecord("drop_depth"))
        return finish(pose, self, source_sha256(source))
