"""The two figures of curves, drawn from the tables' JSON files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from experiments.refiner import draw
from skeletor.support.errors import InputError

# Not in the figure of gaps: far above the others, or the same as linear wherever nothing is seen.
OMIT = ("zeros", "hold last", "nothing done", "One-Euro", "Gaussian", "Savitzky-Golay")


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
        styles[label] = {"color": draw.RIGHT, "linewidth": 2.4, "linestyle": ("-", "--", ":")[k % 3], "marker": "o"}
    for k, label in enumerate(others):
        colour, marker = draw.CURVES[1 + k % 6], draw.MARKERS[k % 8]
        styles[label] = {"color": colour, "linewidth": 1.2, "marker": marker, "linestyle": ("-", "--")[k // 6 % 2]}
    return {label: {**style, "markersize": 4} for label, style in styles.items()}


def gap_curves(table: Path, out: Path) -> list[Path]:
    """Figure 8: mean error over the length of the gap; a column per band of speed, a row per kind of gap."""
    numbers = _numbers(table)
    bands = ("slow", "medium", "fast")
    labels = [label for label in next(iter(numbers.values())) if label not in OMIT]
    styles = _styles(labels)
    figure, axes = plt.subplots(len(numbers), 3, figsize=(draw.WIDTH, 2.35 * len(numbers) + 1.0), squeeze=False)
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
    return draw.save(figure, out, "figure8")


def noise_curves(tables: Sequence[Path], out: Path) -> list[Path]:
    """Figure 9: mean error over the strength of noise, where the noise is and over all joints."""
    every = {("frames", "joints")[k]: _numbers(path)["rows"] for k, path in enumerate(tables)}
    labels = list(next(iter(every.values())))
    styles = _styles([label for label in labels if label != "nothing done"])
    styles["nothing done"] = {"color": "#999999", "linewidth": 1.2, "linestyle": ":", "marker": "", "markersize": 0}
    figure, axes = plt.subplots(1, 4, figsize=(draw.WIDTH, 3.3), squeeze=False)
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
    return draw.save(figure, out, "figure9")


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
