"""Poses as other tools of the field want them: `.pose` files in the layout of MediaPipe's holistic, written only.

Viewers and anonymisers look for its components by name. Files in our own layouts are written by `formats.write_poses`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from skeletor.files.atomic import atomic_path
from skeletor.io.formats import write_poses
from skeletor.io.layouts import writing_names
from skeletor.poses.normalise import STAGE as NORMALISE
from skeletor.poses.normalise import denormalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import MEDIAPIPE_75
from skeletor.support.errors import InputError
from skeletor.support.progress import log

OWN, MEDIAPIPE = "own", "mediapipe"
LAYOUTS = (OWN, MEDIAPIPE)
LAYOUT_HELP = "of .pose files: mediapipe for the components and points of MediaPipe's holistic, which other tools take"
_LARGEST_SIDE = 65535  # of a picture, in the header
_RED = (255, 0, 0)
# What joints with a place and confidence 0 are to who reads such files.
_TAKEN_FOR = {".pose": "missing (confidence 0)", ".skels": "seen (it has no confidences)"}


def write_in_layout(poses: Mapping[str, PoseSequence], path: Path | str, layout: str | None = None) -> None:
    """Write clips by name in the format of the path's suffix; .pose files in one of `LAYOUTS`, None: our own.

    What becomes of joints that were put in and not seen, where the format cannot say that, is told.
    Raises InputError as `write_poses` does, and if the layout does not go with the file or the poses.
    """
    path = Path(path)
    check_layout(layout, path.suffix)
    if layout != MEDIAPIPE or len(poses) != 1 or path.is_dir():
        write_poses(poses, path)
    else:
        write_mediapipe(next(iter(poses.values())), path)
    if path.suffix.lower() in _TAKEN_FOR:
        _tell_inferred(poses, path)


def _tell_inferred(poses: Mapping[str, PoseSequence], path: Path) -> None:
    """A line on the joints that have a place and confidence 0."""
    inferred = sum(int((~pose.missing & (pose.confidence == 0)).sum()) for pose in poses.values())
    if inferred:
        share = inferred / sum(pose.confidence.size for pose in poses.values())
        log.warning(
            f"{path}: {share:.1%} of the joints were not seen but put in; readers of such files take them as "
            f"{_TAKEN_FOR[path.suffix.lower()]}, .safetensors keeps what they are"
        )


def check_layout(layout: str | None, suffix: str) -> None:
    """InputError if a layout is asked for that files of that kind do not have: before anything is computed."""
    if layout is not None and suffix.lower() != ".pose":
        raise InputError(f"--layout is for .pose files, not for {suffix or 'folders of JSON'}; write .pose")


def as_mediapipe(pose: PoseSequence) -> PoseSequence:
    """The pose as MediaPipe's holistic would give it: (T, 75, 3), in pixels where the way back to them is known.

    Points that the skeleton lacks are missing. Depth is MediaPipe's, which grows away from the camera; 0 of flat poses.
    Raises InputError if no joint is one of MediaPipe's.
    """
    if pose.provenance.units == "shoulder" and pose.provenance.stage(NORMALISE) is not None:
        pose = denormalise(pose)
    pose = pose.to_skeleton(MEDIAPIPE_75)
    depth = -pose.keypoints[..., 2:] if pose.dims == 3 else np.where(pose.missing, np.nan, 0)[..., None]
    return pose.replace(np.concatenate([pose.keypoints[..., :2], depth], axis=2))


def write_mediapipe(pose: PoseSequence, path: Path) -> None:
    """Write a `.pose` file (version 0.2) with POSE_LANDMARKS, LEFT_HAND_LANDMARKS and RIGHT_HAND_LANDMARKS, atomically.

    What is missing, and what our joints lack, is 0 with confidence 0; faces are left out. The header has the picture's
    size if the unit is pixels, else 0 x 0. Raises InputError as `as_mediapipe`, or if the file cannot be written.
    """
    from pose_format import Pose, PoseHeader
    from pose_format.numpy import NumPyPoseBody
    from pose_format.pose_header import PoseHeaderComponent, PoseHeaderDimensions

    pose = as_mediapipe(pose)
    names = writing_names(MEDIAPIPE_75, 2)
    order = [names[joint] for joint in MEDIAPIPE_75.joints]
    components = []
    for name in dict.fromkeys(component for component, _ in order):
        members = [k for k, (component, _) in enumerate(order) if component == name]
        bones = [(members.index(a), members.index(b)) for a, b in MEDIAPIPE_75.bones if a in members and b in members]
        points = [order[k][1] for k in members]
        components.append(PoseHeaderComponent(name, points, bones, [_RED] * len(bones), "XYZC"))
    values = np.ma.masked_invalid(pose.keypoints[:, None])
    buffer = io.BytesIO()
    header = PoseHeader(0.2, PoseHeaderDimensions(*_picture(pose), 0), components)
    Pose(header, NumPyPoseBody(pose.fps, values.filled(0), pose.confidence[:, None])).write(buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def _picture(pose: PoseSequence) -> tuple[int, int]:
    """Width and height for the header: the picture's, or of one that holds all joints."""
    if pose.provenance.units != "pixel":
        return 0, 0
    far = np.nan_to_num(np.nanmax(pose.keypoints[..., :2], axis=(0, 1), initial=1), nan=1)
    width, height = pose.provenance.image_size or np.ceil(far).astype(int).tolist()
    return min(max(width, 1), _LARGEST_SIDE), min(max(height, 1), _LARGEST_SIDE)
