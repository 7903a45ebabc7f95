"""The floors of the table of lifters: no lifting at all, and linear regression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skeletor.lifters.base import finish
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.learned.clips import ClipSet
from skeletor.lifters.learned.config import LifterDataConfig
from skeletor.lifters.learned.network_input import lifter_input
from skeletor.lifters.registry import build_lifter
from skeletor.poses.pose import PoseSequence


class Ridge:
    """The floor that a learned lifter must beat: linear regression of all joints from the 2D joints of 9 frames."""

    frames, strength = 9, 1.0

    def __init__(self, weights: np.ndarray, config: LifterDataConfig) -> None:
        self.weights, self.config = weights, config

    @classmethod
    def fitted(cls, clips: ClipSet, config: LifterDataConfig) -> Ridge:
        """The regression on all frames of the clips."""
        ridge = cls(np.zeros(0), config)
        width = cls.frames * 100 + 1
        gram, moment = np.zeros((width, width)), np.zeros((width, 150))
        for number in range(len(clips)):
            part = clips.clip(number)
            inputs = ridge._inputs(clips.points[part])
            wanted = clips.truth[part].astype(float)
            wanted[..., :2] -= clips.points[part]
            gram += inputs.T @ inputs
            moment += inputs.T @ wanted.reshape(len(wanted), 150)
        ridge.weights = np.linalg.solve(gram + cls.strength * np.eye(width), moment)
        return ridge

    def _inputs(self, points: np.ndarray) -> np.ndarray:
        """(T, 901) 2D joints of the frames around, and a 1."""
        around = np.arange(self.frames) - self.frames // 2
        rows = np.clip(np.arange(len(points))[:, None] + around, 0, len(points) - 1)  # (T, 9)
        flat = points[rows].reshape(len(points), -1).astype(float)
        return np.concatenate([flat, np.ones((len(points), 1))], 1)

    def __call__(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        result = []
        for pose in poses:
            ready = lifter_input(pose, self.config.minimum_confidence, self.config.hand_reach)
            joints = (self._inputs(ready.points) @ self.weights).reshape(-1, 50, 3)
            joints[..., :2] += ready.points
            result.append(finish(ready.flat, joints, ready.confidence, ready.flat.provenance.stages[-1]))
        return result


def flat(poses: Sequence[PoseSequence]) -> list[PoseSequence]:
    """No lifting: the fast lifter's x and y with z = 0."""
    lifted = build_lifter(FastOptions(absent="filled")).many(poses)
    return [p.replace(p.keypoints * np.array([1, 1, 0], np.float32)) for p in lifted]
