"""Errors by joint: how far each joint is from the truth, where there is one, and how often it was not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from skeletor.io.store import open_store
from skeletor.poses.key_frames import only_key_frames
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.seen import SURE
from skeletor.poses.skeleton import SIGNING_50
from slt.report.markup import Markup, join, number, tag
from slt.report.scale import label as shown

_PALE, _DARK = (255, 244, 214), (140, 16, 60)  # least and most
_NONE = "#ffffff"
_BODY = ((50, 14), (50, 30), (32, 31), (25, 52), (32, 70), (68, 31), (75, 52), (68, 70))  # of SIGNING_50
_WIDTH, _HEIGHT = 200, 104


def joint_errors(poses: Mapping[str, PoseSequence], truth: Mapping[str, PoseSequence]) -> np.ndarray:
    """(50,) mean distance of each joint from the truth in shoulder widths, NaN where it is never compared.

    Only clips that both have.
    """
    sums, counts = np.zeros(len(SIGNING_50)), np.zeros(len(SIGNING_50))
    for name in poses:
        if name not in truth:
            continue
        true = truth[name]
        if true.keypoints.shape != poses[name].keypoints.shape:  # 2D are not to be compared with it
            continue
        true = true if true.provenance.units == "shoulder" else normalise(true)
        distance = np.linalg.norm(poses[name].keypoints.astype(np.float64) - true.keypoints, axis=2)  # (T, 50)
        there = np.isfinite(distance)
        sums += np.where(there, distance, 0).sum(0)
        counts += there.sum(0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def unseen(detected: Mapping[str, PoseSequence]) -> np.ndarray:
    """(50,) share of the frames that were looked at in which the estimator did not see each joint, 0 to 1."""
    lost, frames = np.zeros(len(SIGNING_50)), 0
    for pose in detected.values():
        confidence = only_key_frames(pose).confidence
        lost += (confidence < SURE).sum(0)
        frames += len(confidence)
    result: np.ndarray = lost / frames if frames else np.full(len(SIGNING_50), np.nan)
    return result


def error_figures(rows: Sequence[tuple[str, Path]], truth: Path) -> list[Markup]:
    """A figure a row, all in the same colours, and all the numbers. rows: label and store of poses."""
    true = open_store(truth)
    stores = [(label, open_store(folder)) for label, folder in rows]
    errors = {label: joint_errors(poses, true) for label, poses in stores if poses}
    errors = {label: values for label, values in errors.items() if np.isfinite(values).any()}
    if not errors:
        return []
    most = max(float(np.nanmax(values)) for values in errors.values())
    made = [_figure(label, values, most, "{:.3f}") for label, values in errors.items()]
    return [*made, _numbers(errors, "{:.3f}")]


def unseen_figure(detected: Path) -> list[Markup]:
    """The figure of how often each joint was not seen, and the numbers; nothing if there are no poses."""
    values = unseen(open_store(detected))
    if not np.isfinite(values).any():
        return []
    title = "not seen by the estimator, share of the frames"
    return [_figure(title, values, 1.0, "{:.1%}"), _numbers({title: values}, "{:.1%}")]


def _figure(title: str, values: np.ndarray, most: float, form: str) -> Markup:
    """The schematic signer, seen from the front; hands enlarged. most: the value that is darkest."""
    places = schematic()
    ends = [(*places[p], *places[j]) for p, j in SIGNING_50.bones if _drawn(p, j)]
    bones = [tag("line", dict(zip(("x1", "y1", "x2", "y2"), map(number, four), strict=True))) for four in ends]
    dots = [
        tag("circle", {"cx": number(x), "cy": number(y), "r": 4.4 if j < 8 else 2.9,
                       "fill": _colour(values[j], most)},
            tag("title", {}, f"{_name(j)}: {_told(values[j], form)}"))
        for j, (x, y) in enumerate(places)
    ]  # fmt: skip
    view = {"viewBox": f"0 0 {_WIDTH} {_HEIGHT}", "role": "img", "class": "signer", "aria-label": title}
    picture = tag("svg", view, tag("g", {"stroke": "#aeb6be", "stroke-width": 1}, *bones),
                  tag("g", {"stroke": "#5c6670", "stroke-width": 0.5}, *dots))  # fmt: skip
    groups = ", ".join(f"{name.replace('_', ' ')} {_told(_mean(values[list(members)]), form)}"
                       for name, members in SIGNING_50.groups)  # fmt: skip
    return tag("figure", {"class": "panel"}, tag("figcaption", {}, tag("strong", {}, title)), picture,
               _legend(most, form), tag("p", {"class": "soft"}, groups))  # fmt: skip


def _drawn(parent: int, joint: int) -> bool:
    """Hands stand beside the body: no bone leads from a wrist to them."""
    return (parent < 8) == (joint < 8)


def schematic() -> np.ndarray:
    """(50, 2) where each joint stands in the figure: the body in the middle, hands with spread fingers at its sides.

    The signer faces us: the right hand is at the left.
    """
    hand = [(0.0, 0.0)]
    for finger, angle in enumerate(np.radians([-58.0, -24.0, -4.0, 16.0, 36.0])):
        first, next_one = (12.0, 7.0) if finger == 0 else (26.0, 9.0)
        for k in range(4):
            reach = first + next_one * k
            hand.append((float(np.sin(angle)) * reach, -float(np.cos(angle)) * reach))
    shape = np.array(hand)  # (21, 2), of a right hand seen from its back: the thumb towards the body
    right, left = shape * (-1, 1) + (38 - 4, 88), shape + (162 + 4, 88)
    return np.concatenate([np.array(_BODY, float) + (50, 0), left, right])


def _colour(value: float, most: float) -> str:
    if not np.isfinite(value):
        return _NONE
    share = min(value / most, 1.0) if most > 0 else 0.0
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(_PALE, _DARK, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _legend(most: float, form: str) -> Markup:
    cells = [
        tag("rect", {"x": f"{10 * k}%", "width": "10.5%", "height": 8, "fill": _colour(most * k / 9, most)})
        for k in range(10)
    ]
    bar = tag("svg", {"class": "ramp", "height": 8, "aria-hidden": "true"}, *cells)
    return tag("div", {"class": "legend"}, shown(0), bar, form.format(most))


def _numbers(columns: Mapping[str, np.ndarray], form: str) -> Markup:
    head = tag("tr", {}, tag("th", {}, "joint"), *(tag("th", {"scope": "col"}, label) for label in columns))
    rows = [tag("tr", {}, tag("th", {"scope": "row"}, _name(j)),
                *(tag("td", {}, _told(values[j], form)) for values in columns.values()))
            for j in range(len(SIGNING_50))]  # fmt: skip
    return tag("details", {"class": "whole"}, tag("summary", {}, "All joints as numbers"),
               tag("div", {"class": "wide", "tabindex": 0}, tag("table", {}, join(head, *rows))))  # fmt: skip


def _name(joint: int) -> str:
    return SIGNING_50.joints[joint].replace("_", " ")


def _told(value: float, form: str) -> str:
    return form.format(value) if np.isfinite(value) else "none"


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
