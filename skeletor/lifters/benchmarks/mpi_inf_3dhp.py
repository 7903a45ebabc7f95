"""MPI-INF-3DHP as the field shares it: `data_train_3dhp.npz` and `data_test_3dhp.npz` (Shan et al. 2022)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from skeletor.lifters.benchmarks.safe_npz import read_npz
from skeletor.lifters.benchmarks.sequences import Benchmark2D3D
from skeletor.lifters.protocols import screen
from skeletor.poses.skeleton import Skeleton
from skeletor.support.errors import InputError

FPS = 50.0
ROOT = 14
OUTDOORS = ("TS5", "TS6")  # 1920 x 1080; all others 2048 x 2048
DHP_17 = Skeleton(
    name="mpi_inf_3dhp_17",
    joints=("head_top", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
            "left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "pelvis",
            "spine", "head"),
    parents=(16, 15, 1, 2, 3, 1, 5, 6, 14, 8, 9, 14, 11, 12, -1, 14, 1),
    pairs=((5, 2), (6, 3), (7, 4), (11, 8), (12, 9), (13, 10)),
    groups=(("body", tuple(range(17))),),
)  # fmt: skip


def read_3dhp_train(path: Path | str) -> list[Benchmark2D3D]:
    """All training sequences by all cameras: "S1 Seq1" -> [camera -> data_2d, data_3d]. InputError if it is not so."""
    result = []
    for name, cameras in _data(path).items():
        views = cameras[0] if isinstance(cameras, (list, tuple, np.ndarray)) and len(cameras) else cameras
        if not isinstance(views, dict):
            raise InputError(f"{path}: {name}: expected a list that begins with camera -> arrays")
        subject, _, action = str(name).partition(" ")
        for camera, arrays in views.items():
            result.append(_sequence(path, subject, action, str(camera), arrays))
    return result


def read_3dhp_test(path: Path | str) -> list[Benchmark2D3D]:
    """The six test sequences: "TS1" -> data_2d, data_3d, valid. InputError if it is not so."""
    return [_sequence(path, str(name), "test", "1", arrays) for name, arrays in _data(path).items()]


def _sequence(path: Path | str, subject: str, action: str, camera: str, arrays: Any) -> Benchmark2D3D:
    where = f"{path}: {subject} {action} camera {camera}"
    if not isinstance(arrays, dict) or not {"data_2d", "data_3d"} <= set(arrays):
        raise InputError(f"{where}: has no data_2d and data_3d")
    seen, truth = np.asarray(arrays["data_2d"], float), np.asarray(arrays["data_3d"], float) / 1000
    if seen.ndim != 3 or seen.shape[1] != 17 or seen.shape[2] not in (2, 3) or truth.shape != (*seen.shape[:2], 3):
        raise InputError(
            f"{where}: shapes {seen.shape} and {truth.shape}; expected (frames, 17, 2) and (frames, 17, 3)"
        )
    valid = np.asarray(arrays.get("valid", np.ones(len(seen)))).reshape(-1) > 0
    if len(valid) != len(seen):
        raise InputError(f"{where}: {len(valid)} flags in valid for {len(seen)} frames")
    width, height = (1920, 1080) if subject in OUTDOORS else (2048, 2048)
    return Benchmark2D3D(
        subject,
        action,
        camera,
        screen(seen[..., :2], width, height),
        seen[..., 2] if seen.shape[2] == 3 else np.ones(seen.shape[:2]),
        truth - truth[:, [ROOT]],
        valid,
    )


def _data(path: Path | str) -> dict[str, Any]:
    data = read_npz(path).get("data")
    if not isinstance(data, dict) or not data:
        raise InputError(f"{path}: has no 'data' of the form sequence -> arrays")
    return data
