"""HDF5 files of Zelinka's estimator: data sets (T, 150) of x, y, confidence of 50 joints, in pixels; read only.

(T, 50, 3) is the same. Other tools' files of this kind (DeepLabCut, SLEAP, pandas) are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from skeletor.files.read_only.hdf5 import open_hdf5, read_values
from skeletor.io.rates import assumed
from skeletor.poses.pose import PoseSequence, Provenance, file_sha256
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError

WHAT = "HDF5 file of 50-joint poses"
DEFAULT_FPS = 25.0
_OTHERS = {"df_with_missing": "DeepLabCut", "node_names": "SLEAP"}  # by what they alone have
MOST_CONFIDENT = 1.5  # OpenPose's confidences exceed 1 by a little; pixels in their place exceed it by far


def read_all(path: Path, fps: float | None) -> Mapping[str, PoseSequence]:
    """All data sets of the file by name, each (T, 50, 2) in pixels; fps: frames per second, None for 25.

    Raises InputError if there is no data set, one is not (T, 150) or (T, 50, 3), or its confidences are not from 0 to
    1.5.
    """
    with open_hdf5(path, WHAT) as file:
        digest = file_sha256(path)
        if not len(file):
            raise InputError(f"{path}: holds no data sets")
        for name, tool in _OTHERS.items():
            if name in file:
                raise InputError(
                    f"{path}: is a table of {tool}, which is not read; its points as an array of (frames, points, 2) "
                    "in an .npz are (numpy.savez), with --skeleton NAME where their number does not tell the layout"
                )
        return {name: _pose(read_values(file, name, path), name, path, digest, fps) for name in file}


def _pose(values: np.ndarray, name: str, path: Path, digest: str, fps: float | None) -> PoseSequence:
    width = 3 * len(SIGNING_50)
    if values.ndim == 3 and values.shape[1:] == (len(SIGNING_50), 3):
        values = values.reshape(len(values), width)
    if values.ndim != 2 or values.shape[1] != width:
        raise InputError(
            f"{path}: {name!r} has shape {values.shape}, expected (frames, {width}); save others in an .npz"
        )
    joints = values.astype(np.float32).reshape(len(values), len(SIGNING_50), 3)  # x, y, confidence
    confidence = np.nan_to_num(joints[..., 2])
    if (confidence < 0).any() or (confidence > MOST_CONFIDENT).any():
        raise InputError(f"{path}: {name!r}: every third value should be a confidence from 0 to 1: shifted, or damaged")
    gone = (confidence == 0) | np.isnan(joints).any(2)
    points = np.where(gone[..., None], np.nan, joints[..., :2])
    provenance = Provenance(path.name, digest, estimator="openpose", units="pixel")
    sure = np.where(gone, 0, confidence.clip(0, 1))
    pose = PoseSequence(points, sure, fps or DEFAULT_FPS, SIGNING_50, provenance)
    return pose if fps else assumed(pose)
