"""Poses of a whole recording in one JSON file: frames of OpenPose, or what MMPose and AlphaPose write; read only.

- OpenPose's frames in a list, or by number: `[{"people": [...]}, ...]`, `{"0": {"people": [...]}}`, also as "frames".
- MMPose: `[{"frame_id": 1, "instances": [{"keypoints": [[x, y], ...], "keypoint_scores": [...]}]}, ...]`, also as
  "instance_info"; and its persons alone, a list of them or one a frame. Points [x, y, score] without scores beside
  them, as MMPose had them before 1.0, bring their scores.
- OpenPifPaf: `[{"frame": 1, "predictions": [{"keypoints": [x, y, score, ...], ...}]}, ...]`.
- MediaPipe's holistic, as JavaScript and Python say it: `[{"poseLandmarks": [{"x": ..., "y": ...}, ...],
  "leftHandLandmarks": null, ...}, ...]`; these are shares of the picture, whose size has to be given.
- AlphaPose, and COCO's results: `[{"image_id": "0.jpg", "keypoints": [x, y, score, ...]}, ...]`, a person an entry.

Which body model it is, is found as in `skeletor.io.openpose_frames`, which reads each frame.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.files.outside import existing_file, reading
from skeletor.io.openpose_frames import BODY_KEYS, Frames, everybody
from skeletor.io.people import People, Take, check_crowd, select
from skeletor.io.rates import assumed
from skeletor.io.read_only.arrays import Size, checked_size, mediapipe_pose
from skeletor.io.read_only.landmarks import frame_names, holistic_points, is_mediapipe, tells_of_nobody
from skeletor.io.recordings import common_step
from skeletor.poses.pose import PoseSequence, Provenance, file_sha256
from skeletor.support.errors import InputError
from skeletor.support.progress import log

WHAT = "JSON file of a recording's poses"
SUFFIX = ".json"
DEFAULT_FPS = 25.0
_LARGEST = 256 << 20  # bytes: half an hour of whole bodies
_FRAMES_PER_ENTRY, _FRAMES_MORE = 20, 3000  # a recording may have so many frames an entry, and so many more
_MOST_SCORE = 20.0  # SimCC's scores of RTMW reach 10
_KEYS = {
    "openpose": {"people"}, "mmpose": {"instances"}, "openpifpaf": {"predictions"},
    "alphapose": {"image_id", "keypoints"},
}  # fmt: skip
_PEOPLE_KEYS = {"mmpose": "instances", "openpifpaf": "predictions"}
_UNKNOWN = (
    f"is no {WHAT} that is known; those of OpenPose, MMPose, AlphaPose, OpenPifPaf and MediaPipe's holistic are read, "
    "of others save an array (frames, points, 2) with numpy.save"
)
_RATES = ("fps", "frame_rate", "framerate", "frameRate")
_TIMES = {"timestamp", "timestamp_ms", "timestampMs", "time", "timeMs"}
_PARTS = {"keypoints": 17, "foot_kpts": 6, "face_kpts": 68, "lefthand_kpts": 21, "righthand_kpts": 21}  # COCO-WholeBody
_OF_A_VIDEO = re.compile(r"(0|[1-9][0-9]*)\.jpg")  # what AlphaPose calls its frames, from 0
_TIME = re.compile(r"[0-9]+[.,][0-9]+")
_NUMBER = re.compile(r"[0-9]{1,9}")

Frame = tuple[int, dict[str, Any]]  # its number, and what OpenPose would say of it


def read_all(
    path: Path, fps: float | None, skeleton: str | None = None, take: Take = select, size: Size | None = None
) -> Mapping[str, PoseSequence]:
    """The file's one clip, (T, J, 2) in pixels, under the file's name; a frame that is not there is missing.

    fps: frames per second; None: what the file says, else 25. skeleton: the body's layout by name. take: who of several
    people. size: (width, height) of the picture, for shares of it. Raises InputError, one line, for anything that is no
    such file, and for points whose layout or unit cannot be told.
    """
    path = existing_file(path, WHAT)
    if path.stat().st_size > _LARGEST:
        raise InputError(f"{path}: has {path.stat().st_size >> 20} MB, more than {_LARGEST >> 20}; cut it into pieces")
    with reading(path, WHAT):
        content = _parsed(path)
        entries = _entries(content)
        about, told = Provenance(path.name, file_sha256(path)), fps or _rate(content)
        if told is None and any(_TIMES & entry.keys() for entry in entries.values()):
            log.warning(f"{path.name}: its times are not read")
        rate = told or DEFAULT_FPS
        nobody = any(entries.values()) and all(tells_of_nobody(entry) for entry in entries.values())
        if nobody or is_mediapipe(entries):
            numbers = _numbered(frame_names(entries))
            points = holistic_points(entries, numbers, _count(numbers))
            pose = mediapipe_pose(points, size or _said_size(content), about, rate)
        elif size is not None:
            _estimator(entries)
            raise InputError("--size is for shares of the picture, these are pixels; leave it out")
        else:
            about = replace(about, estimator=_estimator(entries))
            pose = take(_everybody(_frames(entries, about.estimator), rate, about, skeleton, path))
        return {path.stem: pose if told else assumed(pose)}


def _parsed(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            raise InputError("several JSON values, one after the other; put them into one list, [..., ...]") from error
        raise


def _rate(content: Any) -> float | None:
    """Frames a second as the file says them beside its frames; InputError if it says something else there."""
    said = next((content[name] for name in _RATES if name in content), None) if isinstance(content, dict) else None
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, (int, float)) or not said > 0:
        raise InputError(f"says {said!r:.40} frames a second; give the right rate with --fps")
    return float(said)


def _said_size(content: Any) -> Size | None:
    """The picture's size as the file says it beside its frames."""
    sides = [content.get(name) for name in ("width", "height")] if isinstance(content, dict) else []
    whole = [side for side in sides if isinstance(side, int) and not isinstance(side, bool)]
    return checked_size((whole[0], whole[1])) if len(whole) == 2 else None


def one_frame(content: Any) -> tuple[str, Any]:
    """Who wrote a file of one frame, and what OpenPose would say of it; ("openpose", content) if it is no other's.

    MMPose's and AlphaPose's persons are known, of a frame a file; an empty list of them is of "".
    """
    if content == []:
        return "", {"people": []}
    if isinstance(content, dict) and "people" not in content and isinstance(content.get("instance_info"), list):
        content = {"instances": content["instance_info"]}  # as Sapiens writes a frame
    entry = _one_frame(content)
    if isinstance(entry, dict) and "people" not in entry and "instances" in entry:
        return "mmpose", _people_of(entry, "mmpose")
    if isinstance(entry, list) and entry and all(_KEYS["alphapose"] <= set(person) for person in entry):
        return "alphapose", {"people": [_coco_person(person) for person in entry]}
    return "openpose", content


def _everybody(found: Iterable[Frame], fps: float, about: Provenance, skeleton: str | None, path: Path) -> People:
    read = Frames()
    numbers: list[int] = []
    most = 0
    for number, raw in found:
        numbers.append(number)
        most = max(most, len(raw["people"]))
        check_crowd(len(numbers), most)
        try:
            read.add(number, raw)
        except InputError as error:
            raise InputError(f"frame {number}: {error}") from error
    return everybody(read, _count(numbers), fps, about, skeleton, path)


def _count(numbers: Sequence[int]) -> int:
    """How many frames there are up to the last. InputError for one that is there twice, or numbers of no video."""
    last = max(numbers, default=-1)
    if last < 0:
        raise InputError("holds no frames")
    twice = [number for number, times in Counter(numbers).items() if times > 1]
    if twice:
        raise InputError(f"has frame {twice[0]} twice")
    if last >= _FRAMES_PER_ENTRY * len(numbers) + _FRAMES_MORE:
        raise InputError(f"has {len(numbers)} frames numbered up to {last}; that is no video")
    return last + 1


def _entries(content: Any) -> dict[object, dict[str, Any]]:
    """The file's entries by what it calls them. InputError if it is nothing that is known."""
    if isinstance(content, dict) and "people" in content:
        raise InputError("one frame of OpenPose; give the directory that it is in")
    for key in ("frames", "instance_info", "predictions"):
        content = content.get(key, content) if isinstance(content, dict) else content
    found = dict(enumerate(content)) if isinstance(content, list) else content
    if isinstance(found, dict) and any(isinstance(entry, dict) for entry in found.values()):
        found = {name: {} if entry is None else entry for name, entry in found.items()}  # null: nobody in that frame
    if isinstance(found, dict):  # MMPose's persons of a frame, or the only one
        found = {name: _one_frame(entry) for name, entry in found.items()}
    if not isinstance(found, dict) or not found or not all(isinstance(entry, dict) for entry in found.values()):
        raise InputError(_UNKNOWN)
    return found


def _one_frame(entry: Any) -> Any:
    persons = entry if isinstance(entry, list) else [entry]
    bare = all(isinstance(person, dict) and "keypoints" in person and "image_id" not in person for person in persons)
    return {"instances": persons} if bare else entry


def _estimator(entries: Mapping[object, Mapping[str, Any]]) -> str:
    """Who wrote them; InputError if nobody who is known."""
    filled = [entry for entry in entries.values() if not tells_of_nobody(entry)]
    for name, keys in _KEYS.items():
        if filled and all(keys <= entry.keys() for entry in filled):
            return name
    if "camera" in next(iter(entries.values())):
        raise InputError("OpenPose of a transcript of the DGS Korpus; `slt data import dgs-korpus` reads it")
    raise InputError(_UNKNOWN)


def _frames(entries: Mapping[object, dict[str, Any]], estimator: str) -> Iterable[Frame]:
    """The frames by number. An entry that tells of nobody is a frame without, but where entries are persons."""
    if estimator == "alphapose":
        if any(tells_of_nobody(entry) for entry in entries.values()):
            raise InputError("null where a person of AlphaPose should be; take it out")
        return _of_alphapose(entries.values())
    numbers = _numbered(frame_names(entries))
    return [
        (number, {"people": []} if tells_of_nobody(entry) else _people_of(entry, estimator))
        for number, entry in zip(numbers, entries.values(), strict=True)
    ]


def _numbered(names: Iterable[object], from_0: bool = False) -> list[int]:
    """Frame numbers from 0 of what calls the frames: the last number of a name. Counted from 1 if none is 0.

    from_0: it is known that they are counted from 0.
    """
    found = []
    for name in names:
        if isinstance(name, float) and name.is_integer():  # as tables of other programs give whole numbers
            name = int(name)
        if isinstance(name, int) and name < 0:
            raise InputError(f"a frame has the number {name}; count them from 0")
        if _TIME.fullmatch(str(name)):
            raise InputError(f"a frame is called {str(name)!r:.40}, a time; call them 0, 1, 2, ... and give --fps")
        digits = [str(name)] if isinstance(name, int) and name >= 0 else _NUMBER.findall(str(name))
        if not digits or len(digits[-1]) > 9:
            raise InputError(f"a frame is called {str(name)!r:.40}, which has no number")
        found.append(int(digits[-1]))
    if from_0:
        return found
    if (step := common_step(found)) > 1:
        log.warning(f"its frames' numbers are {step} apart; they are taken as all frames, at the frame rate given")
        return [(number - min(found)) // step for number in found]
    first = min([*found, 1])
    return [number - first for number in found]


def _people_of(entry: Mapping[str, Any], estimator: str) -> dict[str, Any]:
    """OpenPose's frame of an entry of OpenPose, MMPose or OpenPifPaf."""
    if estimator not in _PEOPLE_KEYS:
        return dict(entry)
    persons = entry[_PEOPLE_KEYS[estimator]] or []
    if not isinstance(persons, list) or not all(isinstance(one, dict) and "keypoints" in one for one in persons):
        raise InputError(_UNKNOWN)
    return {"people": [_person(one["keypoints"], one.get("keypoint_scores")) for one in persons]}


def _of_alphapose(entries: Collection[Mapping[str, Any]]) -> Iterator[Frame]:
    people: dict[int, list[dict[str, Any]]] = {}
    names = [entry["image_id"] for entry in entries]
    from_0 = all(isinstance(name, str) and _OF_A_VIDEO.fullmatch(name) for name in names)
    for number, entry in zip(_numbered(names, from_0), entries, strict=True):
        people.setdefault(number, []).append(_coco_person(entry))
    if first := min(people, default=0):
        log.warning(f"the first person is in frame {first} (from 0); the frames before are missing")
    for number in sorted(people):
        yield number, {"people": people[number]}


def _coco_person(entry: Mapping[str, Any]) -> dict[str, Any]:
    """OpenPose's person of COCO's x, y, score, ...; of COCO-WholeBody's five lists all 133 points."""
    there = [name for name in _PARTS if entry.get(name)]
    if there in ([], ["keypoints"]):
        return {BODY_KEYS[0]: entry["keypoints"]}
    values: list[float] = []
    for name, count in _PARTS.items():
        part = entry.get(name) or [0.0] * (3 * count)
        if len(part) != 3 * count:
            raise InputError(f"{name} has {len(part)} values, expected {3 * count} (x, y, score of each point)")
        values += part
    return {BODY_KEYS[0]: values}


def _person(points: Any, scores: Any) -> dict[str, Any]:
    """OpenPose's person of points (N, 2 or 3), or (3 N,) x, y, score, and scores (N,).

    Without scores a third number of each point is its score (beside scores it is depth); without both all are sure.
    """
    values = np.asarray(points, np.float64)
    if values.ndim == 1 and scores is None and values.size % 3 == 0:
        values = values.reshape(-1, 3)
    if values.ndim == 2 and values.shape[1] == 3 and scores is None:
        scores = values[:, 2]
        if np.nanmin(scores, initial=0) < 0:
            raise InputError("points of three numbers, the last below 0, without scores; keep x and y of each")
    sure = np.ones(len(values)) if scores is None else np.asarray(scores, np.float64)
    if values.ndim != 2 or values.shape[1] not in (2, 3) or sure.shape != values.shape[:1]:
        raise InputError(f"a person of points {values.shape} and scores {sure.shape}, expected (N, 2) and (N,)")
    if len(sure) and np.isnan(sure).all() and np.isfinite(values).any():
        raise InputError("all scores of a person are NaN; leave them out if they are not known")
    if not np.nanmax(sure, initial=0) <= _MOST_SCORE:
        raise InputError(f"a score of {np.nanmax(sure):g}; expected 0 to 1")
    return {BODY_KEYS[0]: np.column_stack([values[:, :2], sure.clip(0, 1)]).ravel().tolist()}
