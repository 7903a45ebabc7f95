"""Directories of OpenPose JSON files (`--write_json`), one file a frame, of version 1.x and older.

MMPose's and AlphaPose's files of a frame each are read, too.

What a frame holds is read by `skeletor.io.openpose_frames`, not by pose-format: its reader puts the hands in the face's
places where a list is empty.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.files.atomic import atomic_path
from skeletor.files.outside import reading
from skeletor.io.openpose_frames import BODY_KEYS, HAND_KEYS, LARGEST_FRAME, Frames, everybody
from skeletor.io.people import People, SignerChoice, Take, select
from skeletor.io.rates import assumed
from skeletor.io.read_only.json_file import one_frame
from skeletor.io.recordings import Recording, list_recordings
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import BODY25_HANDS
from skeletor.support.errors import InputError, printable

WHAT = "directory of OpenPose JSON files"
DEFAULT_FPS = 25.0


def read_people(
    directory: Path | str, name: str | None = None, fps: float = DEFAULT_FPS, skeleton: str | None = None
) -> People:
    """Everybody OpenPose found, (T, P, 67, 2) in pixels, people in OpenPose's own order in each frame.

    A frame number without a file is a frame without anybody, also before the first file where the tool counts from 0.
    name: which recording, where the directory holds several. fps: JSON files do not tell. skeleton: the body's layout
    by name (`skeletor.io.layouts`), where it is not to be found by what lies where. Raises InputError for anything
    that is not such a directory, and for points whose layout cannot be told.
    """
    directory = Path(directory)
    recordings = list_recordings(directory, WHAT)
    if name is None and len(recordings) == 1:
        name = next(iter(recordings))
    if name is None or name not in recordings:
        some = ", ".join(list(recordings)[:5]) + (", ..." if len(recordings) > 5 else "")
        raise InputError(f"{directory}: holds {len(recordings)} recordings, give --clip NAME: {some}")
    with reading(directory, WHAT):
        return _people(directory, recordings[name], fps, skeleton)


def read_pose(
    directory: Path | str,
    name: str | None = None,
    fps: float | None = None,
    choose: SignerChoice | None = None,
    skeleton: str | None = None,
) -> PoseSequence:
    """The signer of a recording, (T, 67, 2) in pixels.

    choose: picks the signer among several people (default: whose hands move most). fps: frames per second, which JSON
    files do not tell; None for 25. Raises InputError as `read_people` does.
    """
    people = read_people(directory, name, fps or DEFAULT_FPS, skeleton)
    with reading(Path(directory), WHAT):
        pose = select(people, choose)
    return pose if fps else assumed(pose)


class _Recordings(Mapping[str, PoseSequence]):
    """The recordings of a directory by name; each is read when it is asked for."""

    def __init__(self, directory: Path, fps: float | None, skeleton: str | None, take: Take) -> None:
        self._directory, self._fps, self._skeleton, self._take = directory, fps, skeleton, take
        self._recordings = list_recordings(directory, WHAT)

    def __iter__(self) -> Iterator[str]:
        return iter(self._recordings)

    def __len__(self) -> int:
        return len(self._recordings)

    def __contains__(self, name: object) -> bool:
        return name in self._recordings

    def __getitem__(self, name: str) -> PoseSequence:
        recording = self._recordings[name]
        with reading(self._directory, WHAT):
            pose = self._take(_people(self._directory, recording, self._fps or DEFAULT_FPS, self._skeleton))
        return pose if self._fps else assumed(pose)


def read_all(
    path: Path, fps: float | None, skeleton: str | None = None, take: Take = select
) -> Mapping[str, PoseSequence]:
    """All recordings of a directory by name, each (T, 67, 2) in pixels, read when they are asked for.

    fps: frames per second, None for 25. take: who of several people. Raises InputError for a directory that holds no
    such files.
    """
    return _Recordings(path, fps, skeleton, take)


def _check_replaceable(directory: Path) -> None:
    """InputError if what is there would be lost: the directory is made anew, so an old one may hold frames alone."""
    if not directory.exists():
        return
    if not directory.is_dir():
        raise InputError(f"{directory}: is a file; give the name of a new directory")
    other = next((p.name for p in sorted(directory.iterdir()) if p.is_dir() or p.suffix.lower() != ".json"), None)
    if other is not None:
        raise InputError(
            f"{directory}: holds {printable(other)}, which would be lost; give the name of a new directory"
        )


def write_pose(pose: PoseSequence, directory: Path | str, name: str | None = None) -> None:
    """Write a 2D pose as OpenPose 1.3 would: a directory of one JSON file a frame, made anew, atomically. An old one
    of nothing but JSON files is replaced.

    The pose is mapped to BODY25_HANDS. The files also say their body model and the unit. A joint inferred at
    confidence 0 is missing when read back, as in OpenPose a score of 0 means just that. Raises InputError for 3D poses,
    and for a directory that holds anything else.
    """
    directory = Path(directory)
    if pose.dims != 2:
        raise InputError(f"{directory}: OpenPose JSON holds 2D poses, this one is 3D; write .safetensors or .pose")
    _check_replaceable(directory)
    pose = pose.to_skeleton(BODY25_HANDS)
    name = name or Path(pose.provenance.source).stem or "pose"
    values = np.concatenate([np.nan_to_num(pose.keypoints), pose.confidence[..., None]], 2)  # (T, 67, 3)
    values[values[..., 2] == 0] = 0
    about = {"version": 1.3, "model_pose": "BODY_25", "units": pose.provenance.units}
    with atomic_path(directory) as temporary:
        temporary.mkdir()
        for t, frame in enumerate(values.astype(float)):
            file = temporary / f"{name}_{t:012d}_keypoints.json"
            file.write_text(json.dumps(about | {"people": _person_json(frame)}), encoding="utf-8")


def _people(directory: Path, recording: Recording, fps: float, skeleton: str | None) -> People:
    """Everybody in a recording, on BODY25_HANDS. InputError names the file that cannot be read."""
    digest = hashlib.sha256()
    frames = Frames()
    estimator = ""
    for t, path in recording:
        with reading(path, "OpenPose JSON file"):
            if not path.is_file():
                raise InputError("is no regular file")
            if path.stat().st_size > LARGEST_FRAME:
                raise InputError(f"has {path.stat().st_size >> 20} MB; no frame of OpenPose has more than 4")
            content = path.read_bytes()
            digest.update(content)
            by, raw = one_frame(json.loads(content))
            if estimator and by != estimator and (by or estimator == "openpose"):
                raise InputError(f"not a readable frame of {estimator}, as the files before it are")
            estimator = estimator or by
            frames.add(t, raw)
    provenance = Provenance(directory.name, digest.hexdigest(), estimator)
    return everybody(frames, recording.frames, fps, provenance, skeleton, directory)


def _person_json(frame: np.ndarray) -> list[dict[str, Any]]:
    """OpenPose's list of people for one person's (67, 3) values; empty if nothing is seen."""
    if not frame[:, 2].any():
        return []
    keys = {BODY_KEYS[0]: slice(0, 25), HAND_KEYS[0][0]: slice(25, 46), HAND_KEYS[1][0]: slice(46, 67)}
    lists = {key: [_number(v) for v in frame[part].ravel()] for key, part in keys.items()}
    return [{"person_id": [-1], "face_keypoints_2d": [], "pose_keypoints_3d": []} | lists]


def _number(value: float) -> float:
    """Nine significant digits, enough to get a float32 back."""
    return float(f"{value:.9g}") if math.isfinite(value) else 0.0
