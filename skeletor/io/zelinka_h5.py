"""HDF5 files of Zelinka's estimator: data sets (T, 150) of x, y, confidence of 50 joints, in pixels; read only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from skeletor.errors import InputError
from skeletor.io._files import existing_file, reading
from skeletor.pose import PoseSequence, Provenance, file_sha256
from skeletor.skeleton import SIGNING_50

WHAT = "HDF5 file of 50-joint poses"
DEFAULT_FPS = 25.0


def read_all(path: Path, fps: float | None) -> Mapping[str, PoseSequence]:
    """All data sets of the file by name. InputError if one is not (T, 150)."""
    import h5py

    path = existing_file(path, WHAT)
    poses = {}
    with reading(path, WHAT), h5py.File(path, "r") as file:
        digest = file_sha256(path)
        for name, data in file.items():
            if not isinstance(data, h5py.Dataset) or data.ndim != 2 or data.shape[1] != 3 * len(SIGNING_50):
                raise InputError(f"{name!r} is not a data set of shape (frames, {3 * len(SIGNING_50)})")
            if data.chunks is None and data.id.get_storage_size() < data.size * data.dtype.itemsize:
                raise InputError(f"{name!r} says more frames than it holds")
            values = np.asarray(data, np.float32).reshape(len(data), -1, 3)  # (T, 50, x y confidence)
            confidence = np.clip(np.nan_to_num(values[..., 2]), 0, 1)
            gone = (confidence == 0) | np.isnan(values).any(2)
            points = np.where(gone[..., None], np.nan, values[..., :2])
            provenance = Provenance(path.name, digest, estimator="openpose", units="pixel")
            poses[name] = PoseSequence(
                points, np.where(gone, 0, confidence), fps or DEFAULT_FPS, SIGNING_50, provenance
            )
    return poses
