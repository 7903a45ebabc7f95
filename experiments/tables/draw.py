"""Drawing of skeletons, and the two figures of curves, in colours that are told apart without red and green.

Colours: Okabe and Ito. The curves are drawn from the tables' JSON files.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from skeletor.files.atomic import atomic_path
from skeletor.poses.skeleton import SIGNING_50, Skeleton
from skeletor.support.errors import InputError

BODY, LEFT, RIGHT, PALE = "#444444", "#0072B2", "#D55E00", "#C8C8C8"
CURVES = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("s", "^", "D", "v", "P", "X", "<", ">")
HIDDEN_GROUND = "#FFF3CC"
WIDTH = 8.5  # inches; shown about 830 pixels wide in the README
DPI = 160
# Not in the figure of gaps: far above the others, or the same as linear wherever nothing is seen.
OMIT = ("zeros", "hold last", "nothing done", "One-Euro", "Gaussian", "Savitzky-Golay")
View = tuple[float, float, float, float]  # smallest and largest x and y, in the units of the points

plt.rcParams.update(
    {"font.size": 9, "font.family": "DejaVu Sans", "svg.hashsalt": "skeletor", "axes.spines.top": False,
     "axes.spines.right": False}
)  # fmt: skip


def colour_of(joint: int, skeleton: Skeleton = SIGNING_50) -> str:
    """Of the bone that ends in a joint."""
    groups = dict(skeleton.groups)
    return LEFT if joint in groups["left_hand"] else RIGHT if joint in groups["right_hand"] else BODY


def skeleton(axes: Axes, points: np.ndarray, pale: bool = False, width: float = 1.1) -> None:
    """Draw the bones of (50, 3) or (50, 2) points that are there; pale: as a background to compare with."""
    lines, colours = [], []
    for parent, child in SIGNING_50.bones:
        pair = points[[parent, child], :2]
        if np.isfinite(pair).all():
            lines.append(pair)
            colours.append(PALE if pale else colour_of(child))
    wide = width + 0.6 if pale else width
    axes.add_collection(LineCollection(lines, colors=colours, linewidths=wide, zorder=1 if pale else 2))


def dots(axes: Axes, points: np.ndarray, joints: Sequence[int]) -> None:
    """Mark single joints."""
    axes.scatter(points[joints, 0], points[joints, 1], s=2.5, c=[colour_of(j) for j in joints], zorder=3, linewidths=0)


def view_of(*parts: np.ndarray, foot: float = 0.3, margin: float = 0.08) -> View:
    """What must be seen of points (..., 50, 2 or 3): the same for all panels of a figure, with room for a note."""
    points = np.concatenate([part[..., :2].reshape(-1, 2) for part in parts])
    low, high = np.nanmin(points, axis=0) - margin, np.nanmax(points, axis=0) + margin
    return float(low[0]), float(high[0]), float(low[1]), float(high[1]) + foot


def panel(axes: Axes, view: View, ground: str | None = None) -> None:
    """An empty panel for a skeleton: no ticks, y down."""
    axes.set_xlim(view[0], view[1])
    axes.set_ylim(view[3], view[2])
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if ground:
        axes.set_facecolor(ground)


def grid(rows: int, columns: int, height: float, top: float = 0.55, left: float = 0.12) -> tuple[Figure, np.ndarray]:
    """A figure of README width with rows x columns panels, `height` inches each; room for a title and row names."""
    total = rows * height + top + 0.35
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH, total), squeeze=False)
    figure.subplots_adjust(left=left, right=0.995, top=1 - top / total, bottom=0.35 / total, wspace=0.03, hspace=0.04)
    return figure, axes


def row_name(axes: Axes, text: str) -> None:
    """A name left of a row of panels."""
    axes.text(-0.06, 0.5, text, transform=axes.transAxes, ha="right", va="center", fontsize=9)


def below(axes: Axes, text: str) -> None:
    """A short note at a panel's foot."""
    axes.text(0.5, 0.01, text, transform=axes.transAxes, ha="center", va="bottom", fontsize=8, color="#333333")


def legend(figure: Figure, text: str) -> None:
    """The line at a figure's foot."""
    figure.text(0.01, 0.008, text, fontsize=8, va="bottom", color="#333333")


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """As PNG and SVG, atomically; closes the figure."""
    paths = []
    for suffix in (".png", ".svg"):
        final = folder / f"{name}{suffix}"
        with atomic_path(final) as temporary:
            figure.savefig(temporary, dpi=DPI, metadata={"Date": None} if suffix == ".svg" else None)
        paths.append(final)
    plt.close(figure)
    return paths


def _numbers(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"{path}: no such table; make the tables first (make tables)")
    numbers = json.loads(path.read_text(encoding="utf-8"))["numbers"]
    assert isinstance(numbers, dict)
    return numbers


def _styles(labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    """A colour and marker for each method: Skeletor strong, the others thin."""
    own = [label for label in labels if label.startswith("Skeletor")]
    others = [label for label in labels if label not in own]
    styles: dict[str, dict[str, Any]] = {}
    for k, label in enumerate(own):
        styles[label] = {"color": RIGHT, "linewidth": 2.4, "linestyle": ("-", "--", ":")[k % 3], "marker": "o"}
    for k, label in enumerate(others):
        colour, marker = CURVES[1 + k % 6], MARKERS[k % 8]
        styles[label] = {"color": colour, "linewidth": 1.2, "marker": marker, "linestyle": ("-", "--")[k // 6 % 2]}
    return {label: {**style, "markersize": 4} for label, style in styles.items()}


def gap_curves(table: Path, out: Path) -> list[Path]:
    """Figure 8: mean error over the length of the gap; a column per band of speed, a row per kind of gap."""
    numbers = _numbers(table)
    bands = ("slow", "medium", "fast")
    labels = [label for label in next(iter(numbers.values())) if not label.startswith(OMIT)]
    styles = _styles(labels)
    figure, axes = plt.subplots(len(numbers), 3, figsize=(WIDTH, 2.35 * len(numbers) + 1.0), squeeze=False)
    for row, (target, methods) in zip(axes, numbers.items(), strict=True):
        for axis, band in zip(row, bands, strict=True):
            for label in labels:
                cells = {int(n): cell["cm"] for n, cell in methods[label][band].items()}
                axis.plot(list(cells), list(cells.values()), label=label, **styles[label])
            _logarithmic(axis, list(cells))
            axis.set_title(f"{target} hidden, {band}", fontsize=9)
        row[0].set_ylabel("mean error, cm")
    for axis in axes[-1]:
        axis.set_xlabel("length of the gap, frames")
    figure.suptitle("Figure 8. Gaps by length and speed of what is hidden", x=0.01, ha="left", fontsize=10)
    _legend_below(figure, axes[0][0], rows=2)
    return save(figure, out, "figure8")


def noise_curves(tables: Sequence[Path], out: Path) -> list[Path]:
    """Figure 9: mean error over the strength of noise, where the noise is and over all joints."""
    every = {("frames", "joints")[k]: _numbers(path)["rows"] for k, path in enumerate(tables)}
    labels = list(next(iter(every.values())))
    styles = _styles([label for label in labels if label != "nothing done"])
    styles["nothing done"] = {"color": "#999999", "linewidth": 1.2, "linestyle": ":", "marker": "", "markersize": 0}
    figure, axes = plt.subplots(1, 4, figsize=(WIDTH, 3.3), squeeze=False)
    panels = [(what, key) for what in every for key in ("hit cm", "all cm")]
    for axis, (what, key) in zip(axes[0], panels, strict=True):
        for label in labels:
            points = {float(s): errors[key]["ave"] for s, errors in every[what][label].items()}
            axis.plot(list(points), list(points.values()), label=label, **styles[label])
        highest = max(e[key]["ave"] for errors in every[what].values() for e in errors.values())
        given = max(e[key]["ave"] for e in every[what]["nothing done"].values())
        axis.set_ylim(0, min(1.05 * highest, 2.2 * given))
        strengths = [float(s) for s in every[what]["nothing done"]]
        axis.set_xticks(strengths, [f"{s:g}".lstrip("0") for s in strengths])
        axis.set_xlabel("strength s")
        axis.set_title(f"{what}: " + ("where noise is" if key == "hit cm" else "all joints"), fontsize=9)
    axes[0][0].set_ylabel("mean error, cm")
    figure.suptitle("Figure 9. Noise on 15 % of the frames or joints", x=0.01, ha="left", fontsize=10)
    _legend_below(figure, axes[0][0], rows=2)
    return save(figure, out, "figure9")


def _logarithmic(axis: Axes, lengths: Sequence[int]) -> None:
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    axis.set_xticks(lengths, [str(n) for n in lengths])
    axis.set_yticks([0.1, 0.3, 1, 3, 10, 30], ["0.1", "0.3", "1", "3", "10", "30"])
    axis.minorticks_off()
    axis.grid(True, color="#EEEEEE", linewidth=0.6)


def _legend_below(figure: Any, axis: Axes, rows: int) -> None:
    handles, labels = axis.get_legend_handles_labels()
    height = 0.22 * rows / figure.get_figheight()
    figure.tight_layout(rect=(0, height, 1, 0.99))
    figure.legend(
        handles, labels, loc="lower center", ncol=-(-len(labels) // rows), fontsize=8, frameon=False,
        handlelength=2.0, columnspacing=1.2, borderaxespad=0.1,
    )  # fmt: skip
