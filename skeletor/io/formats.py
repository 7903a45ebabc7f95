"""Files of poses: one reader and one writer for all formats, chosen by the path's suffix.

.safetensors (native), .pose, .skels, .h5, .pt, .npy, .npz, .json of a whole recording, .csv and .tsv of MediaPipe's
landmarks (these read only), and directories of OpenPose JSON (no suffix).
A new format is a module with `read_all(path, fps)` and `write_pose(pose, path)`, and one line in `_FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from skeletor.files.kinds.mistaken import first_bytes, is_pickle, packed, table_of_points
from skeletor.files.outside import checked_fps, existing_file
from skeletor.files.suffixes import VIDEO_SUFFIXES
from skeletor.io import native, openpose_json, pose_format, skels
from skeletor.io.layouts.named import with_layout
from skeletor.io.people import Take, select
from skeletor.io.read_only import arrays, json_file, landmark_table, slrtp, zelinka_h5
from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError

Reader = Callable[[Path, float | None], Mapping[str, PoseSequence]]
Writer = Callable[[PoseSequence, Path], None]
ManyWriter = Callable[[Mapping[str, PoseSequence], Path], None]


# suffix -> reader and writer; "" is a directory
_FORMATS: dict[str, tuple[Reader, Writer | None]] = {
    ".safetensors": (native.open_shard, native.write_pose),
    ".pose": (pose_format.read_all, pose_format.write_pose),
    ".skels": (skels.read_all, skels.write_pose),
    ".h5": (zelinka_h5.read_all, None),
    ".pt": (slrtp.read_all, None),
    ".npy": (arrays.read_all, None),
    ".npz": (arrays.read_all, None),
    json_file.SUFFIX: (json_file.read_all, None),
    **dict.fromkeys(landmark_table.SUFFIXES, (landmark_table.read_all, None)),
    "": (openpose_json.read_all, openpose_json.write_pose),
}

_ZIPPED = (".npz", ".npy", ".pt")  # are zip archives, or may be by another name

# Those whose files hold several clips by name.
_SEVERAL: dict[str, ManyWriter] = {".safetensors": native.write_shard, ".skels": skels.write_poses}


def read_pose(
    path: Path | str,
    name: str | None = None,
    fps: float | None = None,
    skeleton: str | None = None,
    size: arrays.Size | None = None,
) -> PoseSequence:
    """Read one clip: the one called `name`, or the only one there is.

    fps: frames per second, 1 to 1000, for files that do not tell (OpenPose JSON, .h5; default 25); given for the
    others, it replaces what they say. skeleton, size: see `read_poses`. Raises InputError, one line, for whatever
    cannot be read.
    """
    poses = read_poses(path, fps, skeleton, size)
    if name is None and len(poses) == 1:
        name = next(iter(poses))
    if name is None or name not in poses:
        some = ", ".join(list(poses)[:5]) + (", ..." if len(poses) > 5 else "")
        which = "choose one by name" if name is None else f"none is called {name!r}"
        raise InputError(f"{path}: holds {len(poses)} clips, {which}: {some}")
    return poses[name]


def read_poses(
    path: Path | str,
    fps: float | None = None,
    skeleton: str | None = None,
    size: arrays.Size | None = None,
    take: Take = select,
) -> Mapping[str, PoseSequence]:
    """All clips of a file by name, each (T, J, D). Clips of a native file are read lazily, from mapped memory.

    fps: as in `read_pose`. skeleton: the layout of the points by name (`skeletor.io.layouts.LAYOUTS`), for .pose files
    and OpenPose JSON of which neither names nor places of the points tell it, and for clips whose skeleton has no names
    of joints. size: (width, height) in pixels of the picture, for .npy, .npz, .json, .csv and .tsv of shares. take: who
    is read of several people, by default the one whose hands move most in all; `skeletor.io.people.by_turns` takes in
    each frame the one who signs. Raises InputError, one line, for whatever cannot be read.
    """
    path = Path(path)
    shares = (*arrays.SUFFIXES, json_file.SUFFIX, *landmark_table.SUFFIXES)
    if size is not None and path.suffix.lower() not in shares:
        raise InputError(f"{path}: --size is for arrays and tables of shares ({', '.join(shares)}); leave it out")
    if fps is not None:
        checked_fps(path, fps)
    if path.is_dir():
        return openpose_json.read_all(path, fps, skeleton, take)
    if not path.exists():
        raise InputError(f"{path}: no such file or directory")
    file = existing_file(path, "file of poses")
    if path.suffix.lower() in VIDEO_SUFFIXES:
        raise InputError(f"{path}: a video, not poses; estimate them first (`slt poses`)")
    head = first_bytes(file)
    if (mistaken := packed(head, path.suffix.lower() in _ZIPPED)) is not None:
        raise InputError(f"{path}: {mistaken}")
    if is_pickle(head) and path.suffix.lower() not in (".safetensors", ".pt"):
        raise InputError(f"{path}: a pickle, which may run any program and is not read; save its arrays in an .npz")
    if path.suffix.lower() == ".pose":
        poses = pose_format.read_all(file, fps, skeleton, take)
    elif path.suffix.lower() == json_file.SUFFIX:
        poses = json_file.read_all(file, fps, skeleton, take, size)
    elif path.suffix.lower() in arrays.SUFFIXES:
        poses = arrays.read_all(file, fps, skeleton, size)
    elif path.suffix.lower() in landmark_table.SUFFIXES and landmark_table.is_landmark_table(file):
        poses = landmark_table.read_all(file, fps, size)
    else:
        poses = _format(path)[0](file, fps)
        if skeleton is not None:
            poses = {name: with_layout(poses[name], skeleton, path) for name in poses}
    if isinstance(poses, dict):  # the others are lazy, and look at each clip when it is asked for
        for pose in poses.values():
            checked_fps(path, pose.fps)
    return poses


def write_pose(pose: PoseSequence, path: Path | str) -> None:
    """Write one clip in the format of the path's suffix (none: a directory of OpenPose JSON), atomically.

    Raises InputError if the format is unknown or only read, if the path is a directory where a file is needed, or if
    the format cannot hold the pose.
    """
    path = Path(path)
    writer = _format(path)[1]
    if writer is None:
        raise InputError(f"{path}: files of type {path.suffix} are only read; write .safetensors")
    if path.suffix and path.is_dir():
        raise InputError(f"{path}: is a directory; give the name of a file")
    writer(pose, path)


def write_poses(poses: Mapping[str, PoseSequence], path: Path | str) -> None:
    """Write clips by name in the format of the path's suffix, atomically.

    .safetensors and .skels hold several clips; the others hold one. Raises InputError as `write_pose` does, and if
    there are more clips than such a file holds, or none.
    """
    path = Path(path)
    several = _SEVERAL.get(path.suffix.lower())
    if several is not None and not path.is_dir():
        several(poses, path)
    elif len(poses) == 1:
        write_pose(next(iter(poses.values())), path)
    else:
        _format(path)
        hold = " and ".join(_SEVERAL)
        raise InputError(f"{path}: {len(poses)} clips; files that hold several are {hold}, choose such a name")


def _format(path: Path) -> tuple[Reader, Writer | None]:
    suffix = path.suffix.lower()
    table = suffix in landmark_table.SUFFIXES and path.exists() and not landmark_table.is_landmark_table(path)
    if suffix not in _FORMATS or table or (suffix == "" and path.is_file()):
        if (advice := table_of_points(path)) is not None:
            raise InputError(f"{path}: {advice}")
        known = ", ".join(key for key in _FORMATS if key)
        raise InputError(f"{path}: unknown kind of file; poses are {known} or a directory of OpenPose JSON")
    return _FORMATS[suffix]
