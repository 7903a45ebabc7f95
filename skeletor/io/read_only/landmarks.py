"""MediaPipe's landmarks of holistic as JavaScript and Python write them into JSON, as an array of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skeletor.support.errors import InputError

_BODY, _LEFT, _RIGHT = slice(0, 33), slice(33, 54), slice(54, 75)
_PARTS = {
    "poselandmarks": _BODY, "pose": _BODY, "lefthandlandmarks": _LEFT, "lefthand": _LEFT,
    "righthandlandmarks": _RIGHT, "righthand": _RIGHT,
}  # fmt: skip
_FRAME_NAMES = ("frameid", "frame", "framenumber", "frameindex", "frameidx", "frameno", "framenum")
_TIME_NAMES = ("timestamp", "timestampms", "time", "timems")
_HAND = 21
_FIELDS = ("x", "y", "z", "visibility")

Entries = Mapping[object, Mapping[str, Any]]


def tells_of_nobody(entry: Mapping[str, Any]) -> bool:
    """Whether an entry says at most which frame it is, and when: nobody is in that frame."""
    return {_plain(key) for key in entry} <= {*_FRAME_NAMES, *_TIME_NAMES}


def is_mediapipe(entries: Entries) -> bool:
    """Whether each entry that tells of somebody speaks of MediaPipe's parts, and one at least of the body."""
    found = [{_plain(key) for key in entry} for entry in entries.values() if not tells_of_nobody(entry)]
    return all(keys & _PARTS.keys() for keys in found) and any(
        _PARTS.get(key) == _BODY for keys in found for key in keys
    )


def frame_names(entries: Entries) -> list[object]:
    """What the entries call their frames, else what the file calls the entries.

    Raises InputError if some are empty (or say a time alone), and the others' numbers are not those of their places.
    """
    told = [{_plain(key): value for key, value in entry.items()} for entry in entries.values()]
    filled = {place: entry for place, entry in enumerate(told) if entry.keys() - {*_TIME_NAMES}}
    key = next((name for name in _FRAME_NAMES if all(name in entry for entry in filled.values())), None)
    if key is None:
        return list(entries)
    if len(filled) < len(told):
        ahead = {_ahead(entry[key], place) for place, entry in filled.items()}
        if len(ahead) > 1 or None in ahead:
            raise InputError(f"frames without content among those that say their {key}; number all, or leave them out")
        return list(entries)
    return [entry[key] for entry in told]


def _ahead(number: Any, place: int) -> float | None:
    """By how much a frame's number is ahead of its place; None of what is no number."""
    return number - place if isinstance(number, (int, float)) else None


def holistic_points(entries: Entries, numbers: Sequence[int], count: int) -> np.ndarray:
    """(count, 75, 4) x, y, z, visibility of body, left and right hand; NaN, and 0 of visibility, where missing.

    numbers: of the entries' frames. Raises InputError for a part of another number of points, and, where no frame has
    hands of a side, for hands under keys that do not tell theirs (MediaPipe's handedness is that of a mirrored picture,
    or not, as the tool was told).
    """
    points = np.full((count, 75, 4), np.nan)  # (T, J, 4)
    points[..., 3] = 0
    told = any(map(_has_hand_of_a_side, entries.values()))
    for number, entry in zip(numbers, entries.values(), strict=True):
        if not told and (unread := _hands_of_no_side(entry)) is not None:
            raise InputError(
                f"frame {number}: has hands under {unread!r:.40}, which does not tell whose side; call them "
                "left_hand_landmarks and right_hand_landmarks, the signer's own left and right"
            )
        for key, value in entry.items():
            part = _PARTS.get(_plain(key))
            if part is None or not (landmarks := _one_person(value, f"frame {number}: {key}")):
                continue
            if len(landmarks) != part.stop - part.start:
                raise InputError(f"frame {number}: {key} has {len(landmarks)} points, not {part.stop - part.start}")
            points[number, part] = [_point(landmark) for landmark in landmarks]
    return points


def _has_hand_of_a_side(entry: Mapping[str, Any]) -> bool:
    return any(value and _PARTS.get(_plain(key)) in (_LEFT, _RIGHT) for key, value in entry.items())


def _hands_of_no_side(entry: Mapping[str, Any]) -> str | None:
    """The key of an entry under which there are hands that would not be read; those of other space are no loss."""
    plain = {_plain(key): key for key in entry}
    unread = (key for name, key in plain.items() if name not in _PARTS and "world" not in name and "face" not in name)
    return next((key for key in unread if _holds_a_hand(entry[key])), None)


def _holds_a_hand(value: Any, depth: int = 4) -> bool:
    """Whether somewhere in a value 21 landmarks are in a list."""
    within = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if isinstance(value, list) and len(value) == _HAND and all(map(_is_landmark, value)):
        return True
    return depth > 0 and any(_holds_a_hand(one, depth - 1) for one in within if isinstance(one, (list, dict)))


def _is_landmark(value: Any) -> bool:
    return {"x", "y"} <= value.keys() if isinstance(value, dict) else isinstance(value, list) and _is_number(value)


def _one_person(value: Any, where: str) -> Any:
    """The landmarks of a part, wrapped ({"landmark": [...]}) or in a list of people, as MediaPipe's tasks have them."""
    landmarks = value.get("landmark") if isinstance(value, dict) else value
    if isinstance(landmarks, list) and landmarks and isinstance(landmarks[0], list) and not _is_number(landmarks[0]):
        if len(landmarks) > 1:
            raise InputError(f"{where} has {len(landmarks)} people; keep one, who signs")
        return landmarks[0]
    return landmarks


def _is_number(point: list[Any]) -> bool:
    """Whether a list is a point, x, y, ...: of a part of one person."""
    return bool(point) and not isinstance(point[0], (list, dict))


def _point(landmark: Any) -> list[float]:
    """x, y, z, visibility of {"x": ..., "y": ...} or [x, y, ...]; what is not said is 0."""
    said = [landmark.get(field, 0.0) for field in _FIELDS] if isinstance(landmark, dict) else list(landmark)[:4]
    if len(said) < 2 or (isinstance(landmark, dict) and not {"x", "y"} <= landmark.keys()):
        raise InputError("a landmark without x and y")
    if said[0] is None or said[1] is None:
        return [np.nan, np.nan, 0.0, 0.0]
    return [float(value or 0.0) for value in (*said, 0.0, 0.0)][:4]


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
