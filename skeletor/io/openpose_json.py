"""Directories of OpenPose JSON files (`--write_json`), one file a frame, of version 1.x and older.

BODY_25 is taken as it is; COCO (18 points) and MPI (15 points) bodies are put on BODY25_HANDS with the rest
missing. Faces are dropped. A point with score 0 is missing. We read the JSON ourselves: pose-format's reader puts
the hands in the face's places where a list is empty.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.atomic import atomic_path
from skeletor.errors import InputError
from skeletor.io._files import reading
from skeletor.io.people import People, SignerChoice, select
from skeletor.pose import PoseSequence, Provenance
from skeletor.skeleton import BODY25_HANDS

WHAT = "directory of OpenPose JSON files"
DEFAULT_FPS = 25.0
_FRAME = re.compile(r"^(?P<clip>.*?)_?(?P<frame>\d+)(_keypoints)?\.json$")

# Index in BODY_25 of each point of the other body models; -1 where BODY_25 has none (MPI: head top, chest).
_COCO_18 = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
_MPI_15 = (-1, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, -1)
_BODIES = {25: np.arange(25), 18: np.array(_COCO_18), 15: np.array(_MPI_15)}
_HAND = {21: np.arange(21)}
# Names of a part's list, the present one first; where the part begins in BODY25_HANDS; its body models by size.
_PARTS = (
    (("pose_keypoints_2d", "pose_keypoints"), 0, _BODIES),
    (("hand_left_keypoints_2d", "hand_left_keypoints"), 25, _HAND),
    (("hand_right_keypoints_2d", "hand_right_keypoints"), 46, _HAND),
)


def read_people(directory: Path | str, name: str | None = None, fps: float = DEFAULT_FPS) -> People:
    """Everybody OpenPose found, (T, P, 67, 2) in pixels, people in OpenPose's own order in each frame.

    The first file found is frame 0. A frame number that is missing between files is a frame without anybody.
    name: which recording, where the directory holds several (files `<name>_<number>_keypoints.json`).
    fps: JSON files do not tell. Raises InputError for anything that is not such a directory.
    """
    directory = Path(directory)
    clips = list_clips(directory)
    if name is None and len(clips) == 1:
        name = next(iter(clips))
    if name is None or name not in clips:
        some = ", ".join(sorted(clips)[:5])
        raise InputError(f"{directory}: holds {len(clips)} recordings, none chosen or none called {name!r}: {some}")
    files = clips[name]
    first, last = min(files), max(files)
    if last - first + 1 > 20 * len(files) + 10_000:
        raise InputError(f"{directory}: {len(files)} files numbered {first} to {last}; that is no video")
    digest = hashlib.sha256()
    frames: dict[int, np.ndarray] = {}
    for number in sorted(files):
        with reading(files[number], "OpenPose JSON file"):
            content = files[number].read_bytes()
            digest.update(content)
            frames[number - first] = _frame(json.loads(content))  # (P_t, 67, 3)
    count = max(len(frame) for frame in frames.values())
    values = np.zeros((last - first + 1, count, len(BODY25_HANDS), 3), np.float32)  # (T, P, 67, x y score)
    for t, frame in frames.items():
        values[t, : len(frame)] = frame
    keypoints, score = values[..., :2], np.clip(values[..., 2], 0, 1)
    gone = score == 0
    provenance = Provenance(directory.name, digest.hexdigest(), estimator="openpose", units="pixel")
    return People(np.where(gone[..., None], np.nan, keypoints), score, fps, BODY25_HANDS, provenance)


def read_pose(
    directory: Path | str, name: str | None = None, fps: float = DEFAULT_FPS, choose: SignerChoice | None = None
) -> PoseSequence:
    """The signer of a recording; with several people, whom `choose` picks (default: largest moving hands)."""
    people = read_people(directory, name, fps)
    with reading(Path(directory), WHAT):
        return select(people, choose)


def write_pose(pose: PoseSequence, directory: Path | str, name: str | None = None) -> None:
    """Write a 2D pose as OpenPose 1.3 would: a directory of one JSON file a frame, made anew, atomically.

    The pose is mapped to BODY25_HANDS. A joint inferred at confidence 0 is missing when read back, as in OpenPose
    a score of 0 means just that. Raises InputError for 3D poses.
    """
    directory = Path(directory)
    if pose.dims != 2:
        raise InputError(f"{directory}: OpenPose JSON holds 2D poses, this one is 3D; write .safetensors or .pose")
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: is a file; give the name of a new directory")
    pose = pose.to_skeleton(BODY25_HANDS)
    name = name or Path(pose.provenance.source).stem or "pose"
    values = np.concatenate([np.nan_to_num(pose.keypoints), pose.confidence[..., None]], 2)  # (T, 67, 3)
    values[values[..., 2] == 0] = 0
    with atomic_path(directory) as temporary:
        temporary.mkdir()
        for t, frame in enumerate(values.astype(float)):
            file = temporary / f"{name}_{t:012d}_keypoints.json"
            file.write_text(json.dumps({"version": 1.3, "people": _person_json(frame)}), encoding="utf-8")


def list_clips(directory: Path) -> dict[str, dict[int, Path]]:
    """The recordings in a directory: name -> frame number -> file. InputError if there are none."""
    if not directory.exists():
        raise InputError(f"{directory}: no such directory; give the path of a {WHAT}")
    if not directory.is_dir():
        raise InputError(f"{directory}: is a file; give the {WHAT} that it is in")
    clips: dict[str, dict[int, Path]] = {}
    with reading(directory, WHAT):
        for path in sorted(directory.iterdir()):
            match = _FRAME.match(path.name)
            if not match:
                continue
            number = int(match["frame"])
            if number in clips.setdefault(match["clip"], {}):
                raise InputError(f"{directory}: two files have the frame number {number}, one is {path.name}")
            clips[match["clip"]][number] = path
    if not clips:
        raise InputError(f"{directory}: holds no file <name>_<frame number>_keypoints.json; give a {WHAT}")
    return clips


def read_all(path: Path, fps: float | None) -> Mapping[str, PoseSequence]:
    """All recordings of a directory by name."""
    return {name: read_pose(path, name, fps or DEFAULT_FPS) for name in sorted(list_clips(path))}


def _frame(raw: Any) -> np.ndarray:
    """(P, 67, 3) x, y, score of a frame's people; zeros where OpenPose says nothing."""
    people = raw["people"]
    if not isinstance(people, list):
        raise TypeError("people is not a list")
    values = np.zeros((len(people), len(BODY25_HANDS), 3), np.float32)
    for person, row in zip(people, values, strict=True):
        for keys, first, models in _PARTS:
            numbers: Any = next((person[key] for key in keys if person.get(key)), [])
            if numbers:
                _put(row[first:], numbers, models, keys[0])
    return values


def _put(target: np.ndarray, numbers: Any, models: dict[int, np.ndarray], key: str) -> None:
    """Write a part's flat list of x, y, score into its rows of the target."""
    part = np.asarray(numbers, np.float32)
    size = part.size // 3
    if part.ndim != 1 or part.size % 3 or size not in models:
        sizes = " or ".join(str(3 * n) for n in models)
        raise InputError(f"{key} has {part.size} values, expected {sizes} (x, y, score of each joint)")
    points = part.reshape(-1, 3)
    points = np.where((points[:, 2:] > 0) & np.isfinite(points).all(1, keepdims=True), points, 0)
    known = models[size] >= 0
    target[models[size][known]] = points[known]


def _person_json(frame: np.ndarray) -> list[dict[str, Any]]:
    """OpenPose's list of people for one person's (67, 3) values; empty if nothing is seen."""
    if not frame[:, 2].any():
        return []
    part = {
        "person_id": [-1],
        "face_keypoints_2d": [],
        "pose_keypoints_3d": [],
    }
    lists = {keys[0]: frame[first : first + max(models)] for keys, first, models in _PARTS}
    return [part | {key: [_number(v) for v in rows.ravel()] for key, rows in lists.items()}]


def _number(value: float) -> float:
    """Nine significant digits, enough to get a float32 back."""
    return float(f"{value:.9g}") if math.isfinite(value) else 0.0
