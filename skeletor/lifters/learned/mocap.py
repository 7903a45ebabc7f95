"""Motion capture of real arms as training clips: the CMU gestures (mocap.cs.cmu.edu, free to use), hands put on.

The file is an npz of arrays: `parent` (38,), `offset` (38, 3), and one (T, 38, 3) in metres for each sequence, y up, at
24 frames a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from skeletor.files.read_only.npz import read_arrays
from skeletor.lifters.gaps import at_places
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError

MOCAP_FPS = 24.0
# ours -> theirs: nose, shoulders, elbows, wrists; the neck is made from the shoulders
CMU_JOINTS = {0: 18, 2: 30, 3: 31, 4: 32, 5: 21, 6: 22, 7: 23}
_ARMS = ((3, 4, SIGNING_50.group("right_hand")), (6, 7, SIGNING_50.group("left_hand")))  # elbow, wrist, hand
# Bones in an order in which each starts where one before it ended (the neck is the root), and which change alike.
_BODY = ((1, 0, 0), (1, 2, 1), (1, 5, 1), (2, 3, 2), (5, 6, 2), (3, 4, 3), (6, 7, 3))
_FRAMES = (60, 160)  # of a training clip
_STRETCH = 0.15
_TILT = np.radians(8)


@dataclass(frozen=True)
class Mocap:
    """Sequences of a file, by name: (T, 50, 3) in metres, y down, z towards the camera; hands missing."""

    sequences: dict[str, PoseSequence]

    def split(self, held_out: str) -> tuple[list[PoseSequence], list[PoseSequence]]:
        """Those to train on, and those whose name has `held_out` in it. InputError if one of the two is empty."""
        chosen = sorted(self.sequences.items())
        parts = [p for name, p in chosen if held_out not in name], [p for name, p in chosen if held_out in name]
        if not all(parts):
            raise InputError(f"mocap: {held_out!r} is in the names of {len(parts[1])} of {len(chosen)} sequences")
        return parts


@lru_cache(maxsize=2)
def read_mocap(path: str) -> Mocap:
    """The sequences of a file. InputError if it cannot be read, is pickled, or holds none."""
    arrays = read_arrays(path, "npz of plain arrays (data.mocap: the CMU gestures)")
    mocap = Mocap({n: _on_signing_50(a, n) for n, a in arrays.items() if a.ndim == 3 and a.shape[1:] == (38, 3)})
    if not mocap.sequences:
        raise InputError(f"{path}: no sequence (T, 38, 3)")
    return mocap


def _on_signing_50(moving: np.ndarray, name: str) -> PoseSequence:
    points = np.full((len(moving), 50, 3), np.nan, np.float32)
    flipped = moving * np.array([1, -1, 1], np.float32)  # y down
    points[:, list(CMU_JOINTS)] = flipped[:, list(CMU_JOINTS.values())]
    points[:, 1] = (points[:, 2] + points[:, 5]) / 2
    sure = (~np.isnan(points[..., 0])).astype(np.float32)
    return PoseSequence(points, sure, MOCAP_FPS, SIGNING_50, Provenance(source=name, units="metre"))


def arm_motion(
    sequences: Sequence[PoseSequence], hands: PoseSequence, turn: float, rng: np.random.Generator
) -> PoseSequence:
    """A training clip: a piece of a sequence with other proportions, turned, with the hands of another motion.

    hands: (T, 50, 3) at its own frame rate, which the result has too. Their joints are turned with the forearm and put
    on the wrists. turn: radians, the piece is turned about the vertical by up to that much. The neck is the origin.
    """
    lengths = np.array([len(p) for p in sequences], float)
    chosen = sequences[int(rng.choice(len(sequences), p=lengths / lengths.sum()))]
    places = np.linspace(0, len(chosen) - 1, max(2, round((len(chosen) - 1) * hands.fps / chosen.fps) + 1))
    moving = at_places(chosen.keypoints[:, :8].astype(float), places)
    frames = min(int(rng.integers(*_FRAMES)), len(moving), len(hands))
    start = int(rng.integers(len(moving) - frames + 1))
    body = _other_bones(moving[start : start + frames], np.exp(rng.uniform(-_STRETCH, _STRETCH, 4)))
    begin = int(rng.integers(len(hands) - frames + 1))
    other = hands.keypoints[begin : begin + frames].astype(float)
    points = np.full((frames, 50, 3), np.nan)
    points[:, :8] = body - body[:, 1:2].mean(0)
    for elbow, wrist, hand in _ARMS:
        along = rotations(other[:, wrist] - other[:, elbow], points[:, wrist] - points[:, elbow])  # (T, 3, 3)
        shape = other[:, hand] - other[:, hand[:1]]
        points[:, hand] = np.einsum("tij,tkj->tki", along, shape) + points[:, None, wrist]
    points = points @ _turn(float(rng.uniform(-turn, turn)), float(rng.uniform(-_TILT, _TILT))).T
    return hands.replace(points.astype(np.float32), np.ones((frames, 50), np.float32))


def _other_bones(body: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """(T, 8, 3) with head, shoulders, upper arms and forearms longer by `factors` (4,), alike on both sides."""
    result = body.copy()
    for start, end, which in _BODY:
        result[:, end] = result[:, start] + (body[:, end] - body[:, start]) * factors[which]
    return result


def rotations(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(T, 3, 3) rotations by the smallest angle that turn each direction `start` (T, 3) to `end` (T, 3)."""
    a, b = (v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9) for v in (start, end))
    axis, cosine = np.cross(a, b), (a * b).sum(-1)[:, None, None]  # Rodrigues' formula
    skew = np.zeros((len(a), 3, 3))
    skew[:, [2, 0, 1], [1, 2, 0]], skew[:, [1, 2, 0], [2, 0, 1]] = axis, -axis
    return np.asarray(np.eye(3) + skew + skew @ skew / np.maximum(1 + cosine, 1e-6))


def views(sequences: Sequence[PoseSequence], turns: Sequence[float], frames: int) -> list[PoseSequence]:
    """Pieces of `frames` frames, each turned about the vertical by each of `turns` (radians)."""
    result = []
    for pose in sequences:
        for angle in turns:
            whole = turned(pose, angle)
            result += [whole.frames(k, k + frames) for k in range(0, len(pose) - frames + 1, frames)]
    return result


def turned(pose: PoseSequence, angle: float) -> PoseSequence:
    """The motion (T, J, 3) turned about the vertical by `angle` (radians)."""
    return pose.replace(pose.keypoints @ _turn(angle, 0.0).astype(np.float32).T)


def _turn(vertical: float, tilt: float) -> np.ndarray:
    """(3, 3): first forwards or backwards by `tilt`, then about the vertical."""
    c, s, ct, st = np.cos(vertical), np.sin(vertical), np.cos(tilt), np.sin(tilt)
    turn: np.ndarray = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ np.array([[1, 0, 0], [0, ct, -st], [0, st, ct]])
    return turn
