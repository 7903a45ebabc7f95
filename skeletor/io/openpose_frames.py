"""OpenPose's JSON of frames, whatever holds them: what one frame says, and everybody of a recording.

JSON does not say which body model wrote it: that is found by what lies where (`skeletor.io.layouts`), and all are put
on BODY25_HANDS with the rest missing. Faces are dropped. A point with score 0 is missing; so are, whatever their score,
points at 0, 0 or -1, -1, and a hand or body all of whose points are at one place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.io.layouts import Layout, choose, collapsed, doubts, is_filling, layout_named, layouts_of
from skeletor.io.layouts.named import asking
from skeletor.io.layouts.tables import LAYOUTS, choices
from skeletor.io.layouts.units import FARTHEST, check_pixels
from skeletor.io.people import People, check_crowd
from skeletor.poses.pose import UNITS, Provenance, StageRecord
from skeletor.poses.skeleton import BODY25_HANDS
from skeletor.support.errors import InputError
from skeletor.support.progress import log

BODY_KEYS = ("pose_keypoints_2d", "pose_keypoints")  # the present name first
HAND_KEYS = tuple((f"hand_{side}_keypoints_2d", f"hand_{side}_keypoints") for side in ("left", "right"))
LARGEST_FRAME = 4 << 20  # bytes of JSON; a crowd of 100 with faces takes a tenth
LARGEST_SCORE = 1.5  # OpenPose's own reach 1.006, others' 1.2
_FACE_KEYS = ("face_keypoints_2d", "face_keypoints", "person_id")
_HAND = 21
_POINTS_AT_LEAST = 45  # numbers of a list that must be a body's or hand's


class Frames:
    """The frames of a recording as they stand in its JSON, added one by one, and checked.

    by_number: for each frame (P_t, N + 42, 3) x, y, score of N body points and both hands; N is 0 where nobody has a
    body. layout, units: what the JSON says of itself (ours does), or "".
    """

    def __init__(self) -> None:
        self.body = 0
        self.layout, self.units = "", ""
        self.unscored = False  # whether a frame has points all of whose scores are 0
        self._persons: dict[int, list[list[np.ndarray]]] = {}

    def add(self, number: int, raw: Any) -> None:
        """A frame's JSON. InputError, KeyError, TypeError or AttributeError if it is no such, or does not fit those
        before."""
        persons = _persons(raw)
        self.unscored |= not persons and any(map(_is_placed, raw["people"]))
        said = _said(raw)
        if self._persons and said != (self.layout, self.units):
            raise InputError("says another body model or unit than the frames before")
        self.layout, self.units = said
        for size in {len(body) for body, *_ in persons} - {0, self.body}:
            if self.body:
                raise InputError(f"has a body of {size} points, the frames before have {self.body}")
            if not layouts_of(size):
                raise InputError(f"a body of {size} points, which is no known layout; {choices()}")
            self.body = size
        self._persons[number] = persons

    def by_number(self) -> dict[int, np.ndarray]:
        """Frame number -> (P_t, N + 42, 3)."""
        return {number: _array(persons, self.body) for number, persons in self._persons.items()}


def everybody(
    read: Frames, count: int, fps: float, provenance: Provenance, skeleton: str | None, where: Path
) -> People:
    """Everybody in a recording of `count` frames, (count, P, 67, 2) on BODY25_HANDS; frames that were not added are
    missing.

    provenance: of the recording, but for units and layout. skeleton: the body's layout by name, where it is not to be
    found by what lies where. where: the path that messages name. Raises InputError for points whose layout cannot be
    told, and for too large a crowd.
    """
    frames = read.by_number()
    rows = np.concatenate([*frames.values(), np.zeros((0, read.body + 2 * _HAND, 3), np.float32)])  # (R, N+42, 3)
    if not read.units:  # of ours, whose neck may lie at 0, 0
        rows[is_filling(rows)] = 0
    if read.unscored and not rows.any():  # nobody would be seen, in silence
        raise InputError("the score of every point is 0: scores, or depth? Where it is depth, write x and y alone")
    points = np.where(rows[..., 2:] > 0, rows[..., :2], np.nan)
    with asking(where):
        layout, record = _layout(read, points, skeleton, where.name)
    columns = _columns(layout, read.body)
    at = list(columns.values())
    rows[:, at] = np.where(collapsed(points[:, at], list(columns))[..., None], 0, rows[:, at])
    points[rows[..., 2] == 0] = np.nan
    joints = {joint: points[:, k] for joint, k in columns.items()}
    if not read.units:
        check_pixels(joints)
    if doubt := doubts(joints):
        log.warning(f"{where.name}: {doubt}")
    provenance = dataclasses.replace(provenance, units=read.units or "pixel")
    if record:
        provenance = provenance.then(record)
    most = max((len(frame) for frame in frames.values()), default=0)
    check_crowd(count, most)
    values = np.zeros((count, most, len(BODY25_HANDS), 3), np.float32)  # (T, P, 67, x y score)
    ours = [BODY25_HANDS.index(joint) for joint in columns]
    first = 0
    for t, frame in frames.items():
        values[t, : len(frame), ours] = rows[first : first + len(frame), at].swapaxes(0, 1)
        first += len(frame)
    never = not read.units and not values[:, :, BODY25_HANDS.index("neck"), 2].any()  # as converters leave it out
    if layout and ("neck" not in columns or never):
        _add_neck(values)
    keypoints, score = values[..., :2], values[..., 2]
    keypoints[score == 0] = np.nan
    return People(keypoints, score, fps, BODY25_HANDS, provenance)


def _layout(
    read: Frames, points: np.ndarray, skeleton: str | None, where: str
) -> tuple[Layout | None, StageRecord | None]:
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
    if found.note:
        log.warning(f"{where}: {found.note}")
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
        parts = [_points(person, keys) for keys in (BODY_KEYS, *HAND_KEYS)]
        for part, keys in zip(parts[1:], HAND_KEYS, strict=True):
            if len(part) not in (0, _HAND):
                raise InputError(f"{keys[0]} has {3 * len(part)} values, expected 63 (x, y, score of each joint)")
        if any(part.any() for part in parts):
            found.append(parts)
    return found


def _is_placed(person: Mapping[str, Any]) -> bool:
    """Whether a body's points, whatever their scores, have places."""
    numbers: Any = next((person[key] for key in BODY_KEYS if person.get(key)), [])
    return not is_filling(np.array(numbers, np.float64).reshape(-1, 3)).all()


def _check_keys(person: Mapping[str, Any]) -> None:
    """InputError for a list of points under a key that is not known: a part would be lost without a word."""
    for key, values in person.items():
        known = (*BODY_KEYS, *HAND_KEYS[0], *HAND_KEYS[1], *_FACE_KEYS)
        if (
            key not in known
            and not key.endswith("_3d")
            and isinstance(values, list)
            and len(values) >= _POINTS_AT_LEAST
        ):
            raise InputError(f"a person has {len(values)} values called {key!r:.40}, which is no part that is known")
    parts = (BODY_KEYS, *HAND_KEYS)
    deep = [name for _, name in parts if isinstance(person.get(f"{name}_3d"), list) and any(person[f"{name}_3d"])]
    if deep and not any(person.get(key) for keys in parts for key in keys):  # a view may miss what others see
        raise InputError(f"a person has {deep[0]}_3d alone, and no points in 2D, which are what is read")


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
