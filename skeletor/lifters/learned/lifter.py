"""The learned lifters as a `skeletor.lifters.base.Lifter`: pose sequence in, pose sequence out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from skeletor.lifters.base import finish, in_processes
from skeletor.lifters.gaps import at_places
from skeletor.lifters.learned.inference import lift_clip
from skeletor.lifters.learned.network_input import LifterInput, lifter_input
from skeletor.lifters.learned.weights import LoadedLifter, load_lifter
from skeletor.poses.key_frames import Upsampling, carried_confidence, pose_stride
from skeletor.poses.pose import PoseSequence, StageRecord, file_sha256
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError

SLACK = 1.25  # a clip this much faster or slower than the training's frames is lifted as it is


class LearnedLifter:
    """Lifts with trained weights, each clip by itself. The kind of network stands in the weights' header.

    weights: file of `slt lift train`. mirror: average with the mirror image, twice the time. stride: look at every so
    many frames only, all come out (uplift-upsample only). output: of uplift-upsample, see `inference.lift_uplift`.
    upsample: how a pose of which only every N-th frame was estimated (`skeletor.poses.key_frames`) becomes one of all
    frames: "interpolation" of its 2D, or the upsampling "token" in place of each frame between (uplift-upsample only).
    Raises InputError if the weights cannot be used, or not with this stride.
    """

    version = "1"

    def __init__(
        self,
        weights: str,
        mirror: bool = False,
        stride: int = 1,
        output: Literal["centre", "sequence"] = "centre",
        upsample: Upsampling = "interpolation",
    ) -> None:
        self.weights, self.mirror, self.stride, self.output = weights, mirror, stride, output
        self.upsample = upsample
        info = self._loaded().info
        self.name = info.kind
        if info.skeleton != SIGNING_50.name:
            raise InputError(f"{weights}: for skeleton {info.skeleton}, lifting needs {SIGNING_50.name}")
        if upsample == "token" and info.kind != "uplift-upsample":
            raise InputError(f"{weights}: upsample token needs weights of kind uplift-upsample, not {info.kind}")
        self._check_stride(stride)

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """Lift one clip; see `skeletor.lifters.base.Lifter`."""
        loaded = self._loaded()
        stride = pose_stride(pose) if self.upsample == "token" else 1
        stride = max(stride, self.stride)
        self._check_stride(stride)
        ready = lifter_input(pose, loaded.info.minimum_confidence, loaded.info.hand_reach)
        sure = ready.confidence
        ready = replace(ready, confidence=carried_confidence(sure, pose_stride(pose)))
        ratio = loaded.info.fps / pose.fps
        if 1 / SLACK <= ratio <= SLACK or len(pose) < 2:
            joints = self._lift(ready.points, ready.confidence, loaded, stride)
        else:
            joints = self._retimed(ready, ratio, loaded, stride)
        config = {"mode": "learned", "kind": self.name, "weights": loaded.digest, "mirror": self.mirror,
                  "stride": stride, "output": self.output, "upsample": self.upsample}  # fmt: skip
        return finish(ready.flat, joints, sure, StageRecord("lift", self.version, config))

    def _check_stride(self, stride: int) -> None:
        """InputError if these weights cannot look at every `stride`-th frame only."""
        info = self._loaded().info
        if stride > 1 and info.kind != "uplift-upsample":
            raise InputError(
                f"{self.weights}: a stride of {stride} needs weights of kind uplift-upsample, not {info.kind}"
            )
        step = int(info.model.get("output_stride", 1))
        if stride % step:
            raise InputError(f"{self.weights}: gives every {step}th frame; its stride must be a multiple, not {stride}")
        longest = step * (int(info.model.get("tokens", 3)) // 2)  # so that a window always holds two key frames
        if stride > max(longest, step):
            raise InputError(f"{self.weights}: its window bears a stride of {longest} at most, not {stride}")

    def many(self, poses: Sequence[PoseSequence], workers: int = 1) -> list[PoseSequence]:
        """Lift clips, in their order."""
        return in_processes(self, poses, workers)

    def batch(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """Lift clips in this process."""
        return [self(pose) for pose in poses]

    def _loaded(self) -> LoadedLifter:
        return _load(self.weights, file_sha256(self.weights) if Path(self.weights).is_file() else "")

    def _lift(self, points: np.ndarray, confidence: np.ndarray, loaded: LoadedLifter, stride: int) -> np.ndarray:
        order = torch.as_tensor(SIGNING_50.mirror) if self.mirror else None
        joints = lift_clip(
            loaded.network, torch.from_numpy(points), torch.from_numpy(confidence), order, stride, self.output
        )
        return joints.numpy()

    def _retimed(self, ready: LifterInput, ratio: float, loaded: LoadedLifter, stride: int) -> np.ndarray:
        """Lifted at the training's frame rate, and brought back by straight lines.

        The key frames there need not be key frames here: where they are not, the filled points stand for them.
        """
        step = int(loaded.info.model.get("output_stride", 1))
        if stride > 1:
            stride = max(1, round(stride * ratio / step)) * step
        frames = len(ready.points)
        there = np.linspace(0, frames - 1, max(2, round((frames - 1) * ratio) + 1))
        near = np.rint(there).astype(int)
        joints = self._lift(at_places(ready.points, there).astype(np.float32), ready.confidence[near], loaded, stride)
        back = np.linspace(0, len(there) - 1, frames)
        return at_places(joints, back).astype(np.float32)


@lru_cache(maxsize=4)
def _load(path: str, digest: str) -> LoadedLifter:
    """digest: of the file, so that other weights under the same name are read anew."""
    return load_lifter(path)
