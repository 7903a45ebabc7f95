"""Directories of OpenPose JSON files (`--write_json`), one file a frame, of version 1.x and older.

JSON does not say which body model wrote it: that is found by what lies where (`skeletor.io.layouts`), and all are put
on BODY25_HANDS with the rest missing. Faces are dropped. A point with score 0 is missing; so are, whatever their score,
points at 0, 0 or -1, -1, and a hand or body all of whose points are at one place. We read the JSON ourselves:
pose-format's reader puts the hands in the face's places where a list is empty.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.files.atomic import atomic_path
from skeletor.files.outside import reading
from skeletor.io.layouts import Layout, choose, collapsed, doubts, is_filling, layout_named, layouts_of
from skeletor.io.layouts.named import asking
from skeletor.io.layouts.tables import LAYOUTS, choices
from skeletor.io.layouts.units import FARTHEST, check_pixels
from skeletor.io.people import People, SignerChoice, Take, check_crowd, select
from skeletor.io.recordings import Recording, list_recordings
from skeletor.poses.pose import UNITS, PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import BODY25_HANDS
from skeletor.support.errors import InputError
from skeletor.support.progress import log

WHAT = "directory of OpenPose JSON files"
DEFAULT_FPS = 25.0
LARGEST_FILE = 4 << 20  # of one frame; a crowd of 100 with faces takes a tenth
LARGEST_SCORE = 1.5  # OpenPose's own reach 1.006, others' 1.2
_HAND = 21
_POINTS_AT_LEAST = 45  # numbers of a list that must be a body's or hand's
_BODY_KEYS = ("pose_keypoints_2d", "pose_keypoints")  # the present name first
_FACE_KEYS = ("face_keypoints_2d", "face_keypoints", "person_id")
_HAND_KEYS = tuple((f"hand_{side}_keypoints_2d", f"hand_{side}_keypoints") for side in ("left", "right"))


@dataclass(frozen=True)
class _Read:
    """A recording as it stands in its files.

    frames: for each file (P_t, N + 42, 3) x, y, score of N body points and both hands; N is 0 where nobody has a body.
    layout, units: what the files say of themselves (ours do), or "".
    """

    frames: dict[int, np.ndarray]
    body: int
    sha256: str
    layout: str
    units: str


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
    fps: float = DEFAULT_FPS,
    choose: SignerChoice | None = None,
    skeleton: str | None = None,
) -> PoseSequence:
    """The signer of a recording, (T, 67, 2) in pixels.

    choose: picks the signer among several people (default: whose hands move most). fps: frames per second, which JSON
    files do not tell. Raises InputError as `read_people` does.
    """
    people = read_people(directory, name, fps, skeleton)
    with reading(Path(directory), WHAT):
        return select(people, choose)


class _Recordings(Mapping[str, PoseSequence]):
    """The recordings of a directory by name; each is read when it is asked for."""

    def __init__(self, directory: Path, fps: float, skeleton: str | None, take: Take) -> None:
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
            return self._take(_people(self._directory, recording, self._fps, self._skeleton))


def read_all(
    path: Path, fps: float | None, skeleton: str | None = None, take: Take = select
) -> Mapping[str, PoseSequence]:
    """All recordings of a directory by name, each (T, 67, 2) in pixels, read when they are asked for.

    fps: frames per second, None for 25. take: who of several people. Raises InputError for a directory that holds no
    such files.
    """
    return _Recordings(path, fps or DEFAULT_FPS, skeleton, take)


def write_pose(pose: PoseSequence, directory: Path | str, name: str | None = None) -> None:
    """Write a 2D pose as OpenPose 1.3 would: a directory of one JSON file a frame, made anew, atomically.

    The pose is mapped to BODY25_HANDS. The files also say their body model and the unit. A joint inferred at
    confidence 0 is missing when read back, as in OpenPose a score of 0 means just that. Raises InputError for 3D poses.
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
    about = {"version": 1.3, "model_pose": "BODY_25", "units": pose.provenance.units}
    with atomic_path(directory) as temporary:
        temporary.mkdir()
        for t, frame in enumerate(values.astype(float)):
            file = temporary / f"{name}_{t:012d}_keypoints.json"
            file.write_text(json.dumps(about | {"people": _person_json(frame)}), encoding="utf-8")


def _people(directory: Path, recording: Recording, fps: float, skeleton: str | None) -> People:
    """Everybody in a recording, on BODY25_HANDS."""
    read = _read(recording)
    rows = np.concatenate([*read.frames.values(), np.zeros((0, read.body + 2 * _HAND, 3), np.float32)])  # (R, N+42, 3)
    if not read.units:  # of ours, whose neck may lie at 0, 0
        rows[is_filling(rows)] = 0
    points = np.where(rows[..., 2:] > 0, rows[..., :2], np.nan)
    with asking(directory):
        layout, record = _layout(read, points, skeleton)
    columns = _columns(layout, read.body)
    at = list(columns.values())
    rows[:, at] = np.where(collapsed(points[:, at], list(columns))[..., None], 0, rows[:, at])
    points[rows[..., 2] == 0] = np.nan
    joints = {joint: points[:, k] for joint, k in columns.items()}
    if not read.units:
        check_pixels(joints)
    if doubt := doubts(joints):
        log.warning(f"{directory.name}: {doubt}")
    provenance = Provenance(directory.name, read.sha256, "openpose", units=read.units or "pixel")
    if record:
        provenance = provenance.then(record)
    count = max((len(frame) for frame in read.frames.values()), default=0)
    check_crowd(recording.frames, count)
    values = np.zeros((recording.frames, count, len(BODY25_HANDS), 3), np.float32)  # (T, P, 67, x y score)
    ours = [BODY25_HANDS.index(joint) for joint in columns]
    counts = [len(frame) for frame in read.frames.values()]
    for t, frame in zip(read.frames, np.split(rows, np.cumsum(counts)[:-1]), strict=True):
        values[t, : len(frame), ours] = frame[:, at].swapaxes(0, 1)
    if layout and "neck" not in columns:
        _add_neck(values)
    keypoints, score = values[..., :2], values[..., 2]
    keypoints[score == 0] = np.nan
    return People(keypoints, score, fps, BODY25_HANDS, provenance)


def _layout(read: _Read, points: np.ndarray, skeleton: str | None) -> tuple[Layout | None, StageRecord | None]:
    """The body's layout (None: nobody has a body), and how it is known. points: (R, N + 42, 2)."""
    if skeleton:
        layout = layout_named(skeleton)
        if read.body not in (0, len(layout)):
            raise InputError(f"has bodies of {read.body} points, {layout.name} has {len(layout)}")
        return layout, StageRecord("layout", config={"layout": layout.name, "by": "choice"})
    if not np.isfinite(points[:, : read.body]).any():
        return None, None
    if read.layout:
        return layout_named(read.layout), None
    layout, found = choose(
        layouts_of(read.body), points[:, : read.body], {j: points[:, k] for j, k in _hands(read.body).items()}
    )
    if layout.name != "body_25":
        log.info(f"{read.body} body points are read as {layout.name}, by what lies where")
    return layout, StageRecord("layout", config={"layout": layout.name, "by": "place", "score": round(found.score, 3)})


def _hands(body: int) -> dict[str, int]:
    """Joint -> column of the two lists of hands, behind the body's."""
    return {joint: body + k for k, joint in enumerate(BODY25_HANDS.joints[25:])}


def _columns(layout: Layout | None, body: int) -> dict[str, int]:
    """Our joint -> column. Hands are in lists of their own, or (BODY_135) in the body's."""
    if layout is None:
        return _hands(body)
    inside = {joint: k for joint, k in layout.columns.items() if joint in BODY25_HANDS.joints}
    return (inside if any("hand" in joint for joint in inside) else inside | _hands(body)) if body else _hands(body)


def _add_neck(values: np.ndarray) -> None:
    """The neck between the shoulders, where both are seen. values: (T, P, 67, 3), changed in place."""
    neck, left, right = (BODY25_HANDS.index(joint) for joint in ("neck", "left_shoulder", "right_shoulder"))
    both = (values[:, :, left, 2] > 0) & (values[:, :, right, 2] > 0)
    values[both, neck, :2] = (values[both, left, :2] + values[both, right, :2]) / 2
    values[both, neck, 2] = np.minimum(values[both, left, 2], values[both, right, 2])


def _read(recording: Recording) -> _Read:
    """All files of a recording. InputError names the file that cannot be read."""
    digest = hashlib.sha256()
    people: dict[int, list[list[np.ndarray]]] = {}
    said: set[tuple[str, str]] = set()
    size = 0
    for t, path in recording:
        with reading(path, "OpenPose JSON file"):
            if not path.is_file():
                raise InputError("is no regular file")
            if path.stat().st_size > LARGEST_FILE:
                raise InputError(f"has {path.stat().st_size >> 20} MB; no frame of OpenPose has more than 4")
            content = path.read_bytes()
            digest.update(content)
            raw = json.loads(content)
            people[t] = _persons(raw)
            said.add(_said(raw))
            if len(said) > 1:
                raise InputError("says another body model or unit than the files before")
            for sizes in {len(body) for body, *_ in people[t]} - {0, size}:
                if size:
                    raise InputError(f"has a body of {sizes} points, the files before have {size}")
                if not layouts_of(sizes):
                    raise InputError(f"{path}: a body of {sizes} points, which is no known layout; {choices()}")
                size = sizes
    return _Read({t: _array(persons, size) for t, persons in people.items()}, size, digest.hexdigest(), *said.pop())


def _said(raw: Any) -> tuple[str, str]:
    """What a file of ours says of itself: body model and unit."""
    layout, units = raw.get("model_pose", ""), raw.get("units", "")
    known = layout == "" or (isinstance(layout, str) and layout.lower() in LAYOUTS)
    if not known or units not in ("", *UNITS):
        raise InputError(f"says model_pose {layout!r:.40} and units {units!r:.40}, which are not known")
    return layout, units


def _persons(raw: Any) -> list[list[np.ndarray]]:
    """Body (N, 3), left and right hand (21 or 0, 3) of everybody in a frame of whom anything is said."""
    people = raw["people"]
    if not isinstance(people, list):
        raise TypeError("people is not a list")
    check_crowd(1, len(people))
    found = []
    for person in people:
        if not isinstance(person, dict):
            raise TypeError("a person is not an object")
        _check_keys(person)
        parts = [_points(person, keys) for keys in (_BODY_KEYS, *_HAND_KEYS)]
        for part, keys in zip(parts[1:], _HAND_KEYS, strict=True):
            if len(part) not in (0, _HAND):
                raise InputError(f"{keys[0]} has {3 * len(part)} values, expected 63 (x, y, score of each joint)")
        if any(part.any() for part in parts):
            found.append(parts)
    return found


def _check_keys(person: Mapping[str, Any]) -> None:
    """InputError for a list of points under a key that is not known: a part would be lost without a word."""
    for key, values in person.items():
        known = (*_BODY_KEYS, *_HAND_KEYS[0], *_HAND_KEYS[1], *_FACE_KEYS)
        if (
            key not in known
            and not key.endswith("_3d")
            and isinstance(values, list)
            and len(values) >= _POINTS_AT_LEAST
        ):
            raise InputError(f"a person has {len(values)} values called {key!r:.40}, which is no part that is known")


def _points(person: Mapping[str, Any], keys: tuple[str, ...]) -> np.ndarray:
    """(N, 3) x, y, score of a part, zeros where missing; (0, 3) if it is not there."""
    numbers: Any = next((person[key] for key in keys if person.get(key) not in (None, [])), [])
    if not isinstance(numbers, list) or not set(map(type, numbers)) <= {int, float}:
        raise InputError(f"{keys[0]} is not a list of numbers")
    flat = np.array(numbers, np.float64)
    if flat.size % 3:
        raise InputError(f"{keys[0]} has {flat.size} values, expected 3 for each joint (x, y, score)")
    points = flat.reshape(-1, 3)
    points = np.where((points[:, 2:] > 0) & ~np.isnan(points).any(1, keepdims=True), points, 0)
    if points[:, 2].max(initial=0) > LARGEST_SCORE:
        raise InputError(f"{keys[0]} has a score of {points[:, 2].max():g}; expected 0 to 1")
    if not np.abs(points).max(initial=0) < FARTHEST:
        raise InputError(f"{keys[0]} has a coordinate of {np.abs(points).max():g}; expected pixels")
    points[:, 2] = np.minimum(points[:, 2], 1)
    return points.astype(np.float32)


def _array(persons: list[list[np.ndarray]], body: int) -> np.ndarray:
    """(P, N + 42, 3) of a frame's people."""
    values = np.zeros((len(persons), body + 2 * _HAND, 3), np.float32)
    for row, parts in zip(values, persons, strict=True):
        for first, part in zip((0, body, body + _HAND), parts, strict=True):
            row[first : first + len(part)] = part
    return values


def _person_json(frame: np.ndarray) -> list[dict[str, Any]]:
    """OpenPose's list of people for one person's (67, 3) values; empty if nothing is seen."""
    if not frame[:, 2].any():
        return []
    keys = {_BODY_KEYS[0]: slice(0, 25), _HAND_KEYS[0][0]: slice(25, 46), _HAND_KEYS[1][0]: slice(46, 67)}
    lists = {key: [_number(v) for v in frame[part].ravel()] for key, part in keys.items()}
    return [{"person_id": [-1], "face_keypoints_2d": [], "pose_keypoints_3d": []} | lists]


def _number(value: float) -> float:
    """Nine significant digits, enough to get a float32 back."""
    return float(f"{value:.9g}") if math.isfinite(value) else 0.0
