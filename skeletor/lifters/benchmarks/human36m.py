"""Human3.6M as the field shares it, in files of Pavllo et al. (2019) and Martinez et al. (2017).

`data_3d_h36m.npz` and `data_2d_h36m_*.npz` (Pavllo et al.), and `cameras.h5` (Martinez et al.), whose rotations and
translations turn the world's 3D into each camera's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.files.read_only.hdf5 import open_hdf5, read_values
from skeletor.lifters.benchmarks.safe_npz import read_npz
from skeletor.lifters.benchmarks.sequences import Benchmark2D3D
from skeletor.lifters.protocols import screen
from skeletor.poses.skeleton import Skeleton
from skeletor.support.errors import InputError

TRAIN, TEST = ("S1", "S5", "S6", "S7", "S8"), ("S9", "S11")
FPS = 50.0
ROOT = 0
# Of the 32 joints of the recordings, those that the field uses
KEPT = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
PICTURES = ((1000, 1002), (1000, 1000), (1000, 1000), (1000, 1002))  # width and height of the four cameras
H36M_17 = Skeleton(
    name="h36m_17",
    joints=("pelvis", "right_hip", "right_knee", "right_foot", "left_hip", "left_knee", "left_foot", "spine", "thorax",
            "neck", "head", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow",
            "right_wrist"),
    parents=(-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
    pairs=((4, 1), (5, 2), (6, 3), (11, 14), (12, 15), (13, 16)),
    groups=(("body", tuple(range(17))),),
)  # fmt: skip


def read_h36m(
    data_3d: Path | str, data_2d: Path | str, cameras: Path | str, subjects: Sequence[str]
) -> list[Benchmark2D3D]:
    """All recordings of some subjects by all cameras that the 2D file has.

    The 2D file may have a third column, scores of visibility; without it they are 1. Frames of the 2D past the end of
    the 3D are left out, as usual. Raises InputError if a file, a subject or a recording is missing, or shapes differ.
    """
    joints = _entry(read_npz(data_3d), "positions_3d", data_3d)
    points = _entry(read_npz(data_2d), "positions_2d", data_2d)
    result = []
    for subject in subjects:
        if subject not in joints or subject not in points:
            raise InputError(f"{data_3d if subject not in joints else data_2d}: subject {subject} is not in it")
        for action in sorted(set(joints[subject]) & set(points[subject])):
            for number, seen in enumerate(points[subject][action]):
                rotation, translation = read_camera(cameras, subject, number)
                where = f"{subject} {action} camera {number + 1}"
                world = _kept(np.asarray(joints[subject][action], float), where)
                truth = (world - translation) @ rotation.T
                result.append(_sequence(subject, action, number, np.asarray(seen, float), truth, where))
    if not result:
        raise InputError(f"{data_2d}: no recording is also in {data_3d}")
    return result


def _sequence(subject: str, action: str, number: int, seen: np.ndarray, truth: np.ndarray, where: str) -> Benchmark2D3D:
    if seen.ndim != 3 or seen.shape[1] != 17 or seen.shape[2] not in (2, 3) or len(seen) < len(truth):
        raise InputError(f"{where}: 2D of shape {seen.shape} for {len(truth)} frames; expected (frames, 17, 2 or 3)")
    seen = seen[: len(truth)]
    width, height = PICTURES[number % len(PICTURES)]
    return Benchmark2D3D(
        subject,
        action,
        str(number + 1),
        screen(seen[..., :2], width, height),
        seen[..., 2] if seen.shape[2] == 3 else np.ones(seen.shape[:2]),
        truth - truth[:, [ROOT]],
        np.ones(len(truth), bool),
    )


def _kept(joints: np.ndarray, where: str) -> np.ndarray:
    """(T, 17, 3) of (T, 32, 3) or (T, 17, 3)."""
    if joints.ndim != 3 or joints.shape[1] not in (17, 32) or joints.shape[2] != 3:
        raise InputError(f"{where}: 3D of shape {joints.shape}; expected (frames, 32 or 17, 3)")
    return joints[:, list(KEPT)] if joints.shape[1] == 32 else joints


def read_camera(path: Path | str, subject: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotation (3, 3), world to camera axes, and place (3,) of the camera in metres, from `cameras.h5`."""
    path, name = Path(path), f"subject{subject.removeprefix('S')}/camera{number + 1}"
    with open_hdf5(path, f"file of cameras with {name}") as file:
        rotation = read_values(file, f"{name}/R", path).astype(float).T  # MATLAB wrote it column by column
        place = read_values(file, f"{name}/T", path).astype(float).reshape(3) / 1000
    if rotation.shape != (3, 3) or not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-4):
        raise InputError(f"{path}: {name}/R is no rotation")
    return rotation, place


def _entry(content: dict[str, Any], key: str, path: Path | str) -> dict[str, Any]:
    value = content.get(key)
    if not isinstance(value, dict) or not all(isinstance(part, dict) for part in value.values()):
        raise InputError(f"{path}: has no {key!r} of the form subject -> action -> arrays")
    return value
