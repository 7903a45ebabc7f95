"""Poses of a whole recording in one JSON file: frames of OpenPose, or what MMPose and AlphaPose write; read only.

- OpenPose's frames in a list, or by number: `[{"people": [...]}, ...]`, `{"0": {"people": [...]}}`, also as "frames".
- MMPose: `[{"frame_id": 1, "instances": [{"keypoints": [[x, y], ...], "keypoint_scores": [...]}]}, ...]`, also as
  "instance_info".
- AlphaPose, and COCO's results: `[{"image_id": "0.jpg", "keypoints": [x, y, score, ...]}, ...]`, a person an entry.

Which body model it is, is found as in `skeletor.io.openpose_frames`, which reads each frame.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.files.outside import existing_file, reading
from skeletor.io.openpose_frames import BODY_KEYS, Frames, everybody
from skeletor.io.people import Take, check_crowd, select
from skeletor.poses.pose import PoseSequence, Provenance, file_sha256
from skeletor.support.errors import InputError

WHAT = "JSON file of a recording's poses"
SUFFIX = ".json"
DEFAULT_FPS = 25.0
_LARGEST = 256 << 20  # bytes: half an hour of whole bodies
_FRAMES_PER_ENTRY, _FRAMES_MORE = 20, 3000  # a recording may have so many frames an entry, and so many more
_MOST_SCORE = 20.0  # SimCC's scores of RTMW reach 10
_NUMBER = re.compile(r"[0-9]{1,9}")

Frame = tuple[int, dict[str, Any]]  # its number, and what OpenPose would say of it


def read_all(
    path: Path, fps: float | None, skeleton: str | None = None, take: Take = select
) -> Mapping[str, PoseSequence]:
    """The file's one clip, (T, 67, 2) in pixels, under the file's name; a frame that is not there is missing.

    fps: frames per second, None for 25. skeleton: the body's layout by name. take: who of several people. Raises
    InputError, one line, for anything that is no such file, and for points whose layout cannot be told.
    """
    path = existing_file(path, WHAT)
    if path.stat().st_size > _LARGEST:
        raise InputError(f"{path}: has {path.stat().st_size >> 20} MB, more than {_LARGEST >> 20}; cut it into pieces")
    with reading(path, WHAT):
        estimator, found = _frames(json.loads(path.read_bytes()))
        read = Frames()
        numbers: set[int] = set()
        most = 0
        for number, raw in found:
            if number in numbers:
                raise InputError(f"has frame {number} twice")
            numbers.add(number)
            most = max(most, len(raw["people"]))
            check_crowd(len(numbers), most)
            try:
                read.add(number, raw)
            except InputError as error:
                raise InputError(f"frame {number}: {error}") from error
        count = _count(numbers)
        about = Provenance(path.name, file_sha256(path), estimator)
        return {path.stem: take(everybody(read, count, fps or DEFAULT_FPS, about, skeleton, path))}


def _count(numbers: set[int]) -> int:
    last = max(numbers, default=-1)
    if last < 0:
        raise InputError("holds no frames")
    if last >= _FRAMES_PER_ENTRY * len(numbers) + _FRAMES_MORE:
        raise InputError(f"has {len(numbers)} frames numbered up to {last}; that is no video")
    return last + 1


def _frames(content: Any) -> tuple[str, Iterable[Frame]]:
    """Who estimated, and the frames by number. InputError if it is nothing that is known."""
    if isinstance(content, dict) and "people" in content:
        raise InputError("one frame of OpenPose; give the directory that it is in")
    for key in ("frames", "instance_info"):
        content = content.get(key, content) if isinstance(content, dict) else content
    entries = list(content.values()) if isinstance(content, dict) else content
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"is no {WHAT} that is known; those of OpenPose, MMPose and AlphaPose are read")
    if all("people" in entry for entry in entries):
        names = list(content) if isinstance(content, dict) else range(len(entries))
        return "openpose", zip(_numbered(names), entries, strict=True)
    if all("instances" in entry for entry in entries):
        return "mmpose", _of_mmpose(entries)
    if all({"image_id", "keypoints"} <= entry.keys() for entry in entries):
        return "alphapose", _of_alphapose(entries)
    if "camera" in entries[0]:
        raise InputError("OpenPose of a transcript of the DGS Korpus; `slt data import dgs-korpus` reads it")
    raise InputError(f"is no {WHAT} that is known; those of OpenPose, MMPose and AlphaPose are read")


def _numbered(names: Iterable[object]) -> list[int]:
    """Frame numbers from 0 of what calls the frames: the last number of a name. Counted from 1 if the first is 1."""
    found = []
    for name in names:
        digits = [str(name)] if isinstance(name, int) and name >= 0 else _NUMBER.findall(str(name))
        if not digits or len(digits[-1]) > 9:
            raise InputError(f"a frame is called {str(name)!r:.40}, which has no number")
        found.append(int(digits[-1]))
    first = min(found, default=0)
    return [number - min(first, 1) for number in found]


def _of_mmpose(entries: Sequence[Mapping[str, Any]]) -> Iterator[Frame]:
    names = [entry.get("frame_id", place) for place, entry in enumerate(entries)]
    for number, entry in zip(_numbered(names), entries, strict=True):
        yield number, {"people": [_person(one["keypoints"], one.get("keypoint_scores")) for one in entry["instances"]]}


def _of_alphapose(entries: Sequence[Mapping[str, Any]]) -> Iterator[Frame]:
    people: dict[int, list[dict[str, Any]]] = {}
    for number, entry in zip(_numbered(entry["image_id"] for entry in entries), entries, strict=True):
        people.setdefault(number, []).append({BODY_KEYS[0]: entry["keypoints"]})
    for number in sorted(people):
        yield number, {"people": people[number]}


def _person(points: Any, scores: Any) -> dict[str, Any]:
    """OpenPose's person of points (N, 2) and scores (N,); None: all are sure."""
    values = np.asarray(points, np.float64)
    sure = np.ones(len(values)) if scores is None else np.asarray(scores, np.float64)
    if values.ndim != 2 or values.shape[1] not in (2, 3) or sure.shape != values.shape[:1]:
        raise InputError(f"a person of points {values.shape} and scores {sure.shape}, expected (N, 2) and (N,)")
    if not np.nanmax(sure, initial=0) <= _MOST_SCORE:
        raise InputError(f"a score of {np.nanmax(sure):g}; expected 0 to 1")
    return {BODY_KEYS[0]: np.column_stack([values[:, :2], sure.clip(0, 1)]).ravel().tolist()}
