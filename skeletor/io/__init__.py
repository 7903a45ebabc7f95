"""Files of poses: one reader and one writer for all formats, chosen by the path's suffix.

.safetensors (native), .pose, .skels, .h5 and .pt (read only), and directories of OpenPose JSON (no suffix).
A new format is a module with `read_all(path, fps)` and `write_pose(pose, path)`, and one line in `_FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from skeletor.errors import InputError
from skeletor.io import native, openpose_json, pose_format, skels, slrtp, zelinka_h5
from skeletor.pose import PoseSequence

Reader = Callable[[Path, float | None], Mapping[str, PoseSequence]]
Writer = Callable[[PoseSequence, Path], None]


def _read_native(path: Path, fps: float | None) -> Mapping[str, PoseSequence]:
    shard = native.open_shard(path)
    return shard if fps is None else {name: pose.replace(fps=fps) for name, pose in shard.items()}


# suffix -> reader and writer; "" is a directory
_FORMATS: dict[str, tuple[Reader, Writer | None]] = {
    ".safetensors": (_read_native, native.write_pose),
    ".pose": (pose_format.read_all, pose_format.write_pose),
    ".skels": (skels.read_all, skels.write_pose),
    ".h5": (zelinka_h5.read_all, None),
    ".pt": (slrtp.read_all, None),
    "": (openpose_json.read_all, openpose_json.write_pose),
}


def read_pose(path: Path | str, name: str | None = None, fps: float | None = None) -> PoseSequence:
    """Read one clip: the one called `name`, or the only one there is.

    fps: frames per second for files that do not tell (OpenPose JSON, .h5; default 25); given for the others, it
    replaces what they say. Raises InputError, one line, for whatever cannot be read.
    """
    poses = read_poses(path, fps)
    if name is None and len(poses) == 1:
        name = next(iter(poses))
    if name is None or name not in poses:
        some = ", ".join(list(poses)[:5]) + (", ..." if len(poses) > 5 else "")
        which = "choose one by name" if name is None else f"none is called {name!r}"
        raise InputError(f"{path}: holds {len(poses)} clips, {which}: {some}")
    return poses[name]


def read_poses(path: Path | str, fps: float | None = None, skeleton: str | None = None) -> Mapping[str, PoseSequence]:
    """All clips of a file by name; lazily, from mapped memory, if it is a native one. Errors as in `read_pose`."""
    path = Path(path)
    if skeleton is not None:
        raise InputError(f"{path}: --skeleton {skeleton}: no layout of that name is known")
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise InputError(f"{path}: fps is {fps}; it must be above 0")
    if path.is_dir():
        return openpose_json.read_all(path, fps)
    if not path.exists():
        raise InputError(f"{path}: no such file or directory")
    if path.suffix.lower() == ".json":
        raise InputError(f"{path}: one frame of OpenPose; give the directory that it is in")
    return _format(path)[0](path, fps)


def write_pose(pose: PoseSequence, path: Path | str) -> None:
    """Write one clip in the format of the path's suffix (none: a directory of OpenPose JSON), atomically."""
    path = Path(path)
    writer = _format(path)[1]
    if writer is None:
        raise InputError(f"{path}: files of type {path.suffix} are only read; write .safetensors")
    if path.suffix and path.is_dir():
        raise InputError(f"{path}: is a directory; give the name of a file")
    try:
        writer(pose, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _format(path: Path) -> tuple[Reader, Writer | None]:
    suffix = path.suffix.lower()
    if suffix not in _FORMATS or (suffix == "" and path.is_file()):
        known = ", ".join(key for key in _FORMATS if key)
        raise InputError(f"{path}: unknown kind of file; poses are {known} or a directory of OpenPose JSON")
    return _FORMATS[suffix]
