"""MediaPipe's landmarks of holistic as JavaScript and Python write them into JSON, as an array of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skeletor.support.errors import InputError

_PARTS = {"poselandmarks": slice(0, 33), "lefthandlandmarks": slice(33, 54), "righthandlandmarks": slice(54, 75)}
_FRAME_NAMES = ("frame_id", "frame", "frame_number", "frameNumber", "frameId")
_FIELDS = ("x", "y", "z", "visibility")

Entries = Mapping[object, Mapping[str, Any]]


def is_mediapipe(entries: Entries) -> bool:
    """Whether each entry speaks of MediaPipe's parts, and one at least of the body."""
    found = [{_plain(key) for key in entry} for entry in entries.values()]
    return all(keys & _PARTS.keys() for keys in found) and any("poselandmarks" in keys for keys in found)


def frame_names(entries: Entries) -> list[object]:
    """What the entries call their frames, else what the file calls the entries."""
    key = next((name for name in _FRAME_NAMES if all(name in entry for entry in entries.values())), None)
    return list(entries) if key is None else [entry[key] for entry in entries.values()]


def holistic_points(entries: Entries, numbers: Sequence[int], count: int) -> np.ndarray:
    """(count, 75, 4) x, y, z, visibility of body, left and right hand; NaN, and 0 of visibility, where missing.

    numbers: of the entries' frames. Raises InputError for a part of another number of points.
    """
    points = np.full((count, 75, 4), np.nan)  # (T, J, 4)
    points[..., 3] = 0
    for number, entry in zip(numbers, entries.values(), strict=True):
        for key, value in entry.items():
            part = _PARTS.get(_plain(key))
            landmarks = value.get("landmark") if isinstance(value, dict) else value
            if part is None or not landmarks:
                continue
            if len(landmarks) != part.stop - part.start:
                raise InputError(f"frame {number}: {key} has {len(landmarks)} points, not {part.stop - part.start}")
            points[number, part] = [_point(landmark) for landmark in landmarks]
    return points


def _point(landmark: Any) -> list[float]:
    """x, y, z, visibility of {"x": ..., "y": ...} or [x, y, ...]; what is not said is 0."""
    said = [landmark.get(field, 0.0) for field in _FIELDS] if isinstance(landmark, dict) else list(landmark)[:4]
    if len(said) < 2 or (isinstance(landmark, dict) and not {"x", "y"} <= landmark.keys()):
        raise InputError("a landmark without x and y")
    return [float(value) for value in (*said, 0.0, 0.0)][:4]


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
