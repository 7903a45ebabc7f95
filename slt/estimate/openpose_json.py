"""What the OpenPose binary writes (`--hand --write_json DIR`): a directory of JSON files, one a frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skeletor.errors import InputError
from skeletor.io import openpose_json
from skeletor.pose import PoseSequence
from slt.estimate.base import finish, source_sha256


class OpenPoseJsonEstimator:
    """Reads, chooses the signer (largest moving hands), maps to SIGNING_50. fps: JSON files do not tell it."""

    name = "openpose-json"
    version = "1.x"  # of the JSON format; the files do not name the OpenPose that wrote them

    def __init__(self, fps: float = 25.0) -> None:
        self.options: Mapping[str, Any] = {"fps": fps}
        self._fps = fps

    def __call__(self, source: Path) -> PoseSequence:
        """See `Estimator`; a directory of one recording's JSON files."""
        if not source.exists():
            raise InputError(f"{source}: no such directory; give the directory that OpenPose wrote with --write_json")
        return finish(openpose_json.read_pose(source, fps=self._fps), self, source_sha256(source))
