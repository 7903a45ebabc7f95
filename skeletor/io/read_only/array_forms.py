"""Forms in which people save key points in arrays, made (frames, points, 2 to 4): rows of numbers, coordinates in
front, a body and hands in arrays of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skeletor.io.layouts import Layout, choose, layout_named, layouts_of
from skeletor.io.layouts.evidence import APART
from skeletor.support.errors import InputError

_HAND, _BODIES = 21, (33, 25)  # points: MediaPipe's body, OpenPose's
_SIDES = {"left": ("left", "lh", "l_"), "right": ("right", "rh", "r_")}
# MediaPipe's holistic in a row, body (x, y, z, visibility), face, hands (x, y, z): numbers of a frame and of its face.
HOLISTIC_ROWS = {258: 0, 1662: 3 * 468, 1692: 3 * 478}
_DIMS = (2, 3, 4)
_SURE = 0.8  # score of a row's points


def is_points(values: np.ndarray) -> bool:
    """Whether an array can be key points as it is."""
    return values.ndim in (3, 4) and values.dtype.kind in "fiu" and values.shape[-1] in _DIMS and values.size > 0


def with_parts_joined(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same arrays, but a body and its two hands, each (T, points, D), the hands' names with sides, as one "points"
    ("joined" where another array has that name).

    Raises InputError if these differ in their number of frames.
    """
    clips = {name: values for name, values in arrays.items() if is_points(values) and values.ndim == 3}
    bodies = [name for name, values in clips.items() if values.shape[1] in _BODIES]
    hands = [_hand(clips, side) for side in _SIDES]
    if len(bodies) != 1 or None in hands:
        return dict(arrays)
    parts = [bodies[0], *(name for name in hands if name is not None)]
    found = [clips[name] for name in parts]
    if len({len(values) for values in found}) > 1:
        told = ", ".join(f"{name} {len(clips[name])}" for name in parts)
        raise InputError(f"body and hands have different numbers of frames: {told}")
    others = {name: values for name, values in arrays.items() if name not in parts}
    return others | {"joined" if "points" in others else "points": _joined(found)}


def _hand(clips: Mapping[str, np.ndarray], side: str) -> str | None:
    """The name of the one array that is the hand of that side."""
    found = [
        name for name, values in clips.items()
        if values.shape[1] == _HAND and any(word in name.lower() for word in _SIDES[side])
    ]  # fmt: skip
    return found[0] if len(found) == 1 else None


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """(T, J, D) of parts (T, J_i, D_i). MediaPipe's body may have visibility, which its hands have not: 0 there."""
    if len({values.shape[2] for values in parts}) == 1:
        return np.concatenate(list(parts), 1)
    if parts[0].shape[1] != _BODIES[0] or any(values.shape[2] == 4 for values in parts[1:]):
        parts = [values[..., :2] for values in parts]  # a score of one part alone says nothing of the others
        return np.concatenate(list(parts), 1)
    width = max(values.shape[2] for values in parts)
    wide = [np.pad(values, ((0, 0), (0, 0), (0, width - values.shape[2]))) for values in parts]
    return np.concatenate(wide, 1)


def with_channels_last(values: np.ndarray) -> np.ndarray:
    """(T, J, D) of (T, D, J), (D, T, J) or (D, T, J, 1), and (N, T, J, D) of (N, D, T, J, 1), as graph networks have
    them; any other array as it is. Of (D, T, J, 2), two people, the second has to be empty: InputError if not."""
    if values.ndim in (4, 5) and values.shape[-1] == 1:  # people
        single = values[..., 0]
        if values.ndim == 5 and single.shape[1] in _DIMS and layouts_of(single.shape[3]):
            return single.transpose(0, 2, 3, 1)
        return with_channels_last(single) if values.ndim == 4 else values
    if values.ndim == 4 and values.shape[0] in _DIMS and values.shape[3] == 2 and _is_of_people(values):
        if np.nan_to_num(values[..., 1].astype(np.float64)).any():
            raise InputError(f"{values.shape} is two people; save one, (frames, points, 2 or 3)")
        return values[..., 0].transpose(1, 2, 0)
    if values.ndim != 3 or is_points(values) or not layouts_of(values.shape[2]):
        return values
    if values.shape[1] in _DIMS:
        return values.transpose(0, 2, 1)
    return values.transpose(1, 2, 0) if values.shape[0] in _DIMS else values


def _is_of_people(values: np.ndarray) -> bool:
    """Whether (D, T, J, 2) lie better as the coordinates of two people than as D clips (T, J, 2)."""
    layouts = layouts_of(values.shape[2])
    if not layouts or values.dtype.kind not in "fiu":
        return False
    people = _score(layouts, values[..., 0].transpose(1, 2, 0))
    return people >= _SURE and people > _score(layouts, values.reshape(-1, *values.shape[2:]))


def from_rows(rows: np.ndarray, skeleton: str | None) -> np.ndarray | None:
    """(T, J, D) of rows (T, W) of numbers, (N, T, J, D) of (N, T, W); None if W is of no layout.

    A row is point after point, or all x, all y, ...; that, and of which layout of that length it is (150 are 75 points
    or 50 with scores), what lies where tells. skeleton: the layout by name. Raises InputError if it does not tell.
    """
    if rows.ndim not in (2, 3) or rows.dtype.kind not in "fiu" or rows.size == 0:
        return None
    width, flat = rows.shape[-1], rows.reshape(-1, rows.shape[-1])
    if width in HOLISTIC_ROWS and skeleton is None:
        return _holistic(flat, HOLISTIC_ROWS[width]).reshape(*rows.shape[:-1], 75, 4)
    layouts = [] if skeleton is None else [layout_named(skeleton)]
    forms = []
    for dims in _DIMS:
        points, rest = divmod(width, dims)
        if not rest and (layouts_of(points) if skeleton is None else len(layouts[0]) == points):
            forms += [flat.reshape(-1, points, dims), flat.reshape(-1, dims, points).transpose(0, 2, 1)]
    if not forms:
        return None
    form = _likeliest(forms, layouts)
    return form.reshape(*rows.shape[:-1], *form.shape[1:])


def _holistic(rows: np.ndarray, face: int) -> np.ndarray:
    """(T, 75, 4) of MediaPipe's holistic in a row; hands, which have no visibility, have 0 there."""
    body, _, hands = np.split(rows, [33 * 4, 33 * 4 + face], 1)
    return _joined([body.reshape(len(rows), 33, 4), hands.reshape(len(rows), 42, 3)])


def _likeliest(forms: Sequence[np.ndarray], layouts: Sequence[Layout]) -> np.ndarray:
    """The one of arrays (T, J, D) of which points lie as those of a layout. layouts: which; none: those of J points."""
    scores = np.array([_score(layouts or layouts_of(form.shape[1]), form) for form in forms])
    best = int(np.argmax(scores))
    if scores[best] < _SURE or (np.delete(scores, best) > scores[best] - APART).any():
        what = " or ".join(dict.fromkeys(f"{form.shape[1]} points of {form.shape[2]}" for form in forms))
        raise InputError(
            f"no array of key points: rows of {forms[0][0].size} numbers, which do not lie as {what}; save (frames, "
            "points, 2 or 3)"
        )
    return forms[best]


def _score(layouts: Sequence[Layout], form: np.ndarray) -> float:
    """How far points speak for the likeliest of the layouts; 0 if for none."""
    with np.errstate(over="ignore"):
        points = np.array(form[..., :2], np.float32)
    points[(points == 0).all(-1) | ~np.isfinite(points).all(-1)] = np.nan
    try:
        return choose(layouts, points)[1].score
    except InputError:
        return 0.0
