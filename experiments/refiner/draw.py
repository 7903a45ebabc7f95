"""Drawing of skeletons and curves, in colours that are told apart without red and green (Okabe and Ito)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from skeletor.files.atomic import atomic_path
from skeletor.poses.skeleton import SIGNING_50, Skeleton

BODY, LEFT, RIGHT, PALE = "#444444", "#0072B2", "#D55E00", "#C8C8C8"
CURVES = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("s", "^", "D", "v", "P", "X", "<", ">")
HIDDEN_GROUND = "#FFF3CC"
WIDTH = 8.5  # inches; shown about 830 pixels wide in the README
DPI = 160
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
