"""A layout given by name, for poses whose skeleton does not name its joints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from skeletor.io.layouts.tables import layout_named
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.poses.skeleton import SKELETONS
from skeletor.support.errors import InputError


def with_layout(pose: PoseSequence, name: str, path: Path) -> PoseSequence:
    """The pose with its points as the layout `name` has them, on the layout's skeleton; what it lacks is missing.

    A pose on a skeleton that everyone has stays as it is if it is just that of the layout. Raises InputError, naming
    the file, if the number of points does not fit, or if the pose is on another such skeleton.
    """
    layout = layout_named(name)
    if pose.skeleton == layout.skeleton:
        return pose
    if SKELETONS.get(pose.skeleton.name) == pose.skeleton or len(layout) != len(pose.skeleton):
        raise InputError(
            f"{path}: has {len(pose.skeleton)} joints of skeleton {pose.skeleton.name}, which --skeleton {layout.name} "
            f"({len(layout)} points) does not fit"
        )
    joints = layout.skeleton.joints
    dims = min(pose.dims, layout.dims)
    keypoints = np.full((len(pose), len(joints), dims), np.nan, np.float32)
    confidence = np.zeros((len(pose), len(joints)), np.float32)
    columns = layout.columns
    for k, joint in enumerate(joints):
        if joint in columns:
            keypoints[:, k] = pose.keypoints[:, columns[joint], :dims]
            confidence[:, k] = pose.confidence[:, columns[joint]]
    if "neck" in joints and "neck" not in columns:
        neck, left, right = (joints.index(j) for j in ("neck", "left_shoulder", "right_shoulder"))
        keypoints[:, neck] = (keypoints[:, left] + keypoints[:, right]) / 2
        both = np.isfinite(keypoints[:, neck, 0])
        confidence[:, neck] = np.where(both, np.minimum(confidence[:, left], confidence[:, right]), 0)
    record = StageRecord("layout", config={"layout": layout.name, "by": "choice"})
    return PoseSequence(keypoints, confidence, pose.fps, layout.skeleton, pose.provenance.then(record))


@contextmanager
def asking(path: Path) -> Iterator[None]:
    """In the block, an InputError gets the path before its text.

    It is not cut: it ends in the layouts to choose from.
    """
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
