"""Table 5: gaps of 1 to 32 frames, in three bands of speed of what is hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.refiner.config import GapTable
from experiments.refiner.data import motion_clips, motion_store
from experiments.refiner.errors import SHOULDERS_CM
from experiments.refiner.methods import Method, network, smoothers
from experiments.refiner.report import Result, bold, bold_best, markdown, number
from experiments.refiner.tasks import Gap, gaps
from experiments.refiner.training import Clips, Job, train_all
from skeletor.poses.pose import PoseSequence

BANDS = ("all speeds", "slow", "medium", "fast")


@dataclass(frozen=True)
class Cell:
    """Mean error in cm over gaps, its standard error, and their number. NaN if there are none."""

    cm: float
    error: float
    count: int


Rows = dict[str, dict[str, dict[int, Cell]]]  # method -> band -> length -> cell


def jobs_of(config: GapTable, folder: Path) -> list[Job]:
    """One training for each model, with its own corruption."""
    store = motion_store(config.data, folder)
    return [Job(spec, (Clips(store.folder, store.key),), config.seed) for spec in config.specs]


def make(config: GapTable, work: Path) -> Result:
    """Train, test, and lay out."""
    jobs = jobs_of(config, work)
    done = train_all(jobs, work / "models", config.workers)
    methods = [*smoothers(config.smoothers), *(network(j.spec, d.folder) for j, d in zip(jobs, done, strict=True))]
    truths = motion_clips(config.data, "test")
    sections: list[str] = []
    numbers: dict[str, Rows] = {}
    for target in config.targets:
        rows: Rows = {m.label: {band: {} for band in BANDS} for m in methods}
        for length in config.lengths:
            task, found = gaps(truths, length, target, config.seed)
            for method in methods:
                each = gap_errors(method.refiner.many(task.inputs), truths, found)
                for band, cell in _by_speed(each, found, config.bands).items():
                    rows[method.label][band][length] = cell
        numbers[target] = rows
        sections += [_section(config, target, band, rows, methods) for band in BANDS]
    return Result(sections, dict(numbers))


def gap_errors(predicted: Sequence[PoseSequence], truths: Sequence[PoseSequence], found: Sequence[Gap]) -> np.ndarray:
    """(gaps,) mean distance in cm of the hidden joints of each gap."""
    result = []
    for gap in found:
        part = (slice(gap.start, gap.stop), list(gap.joints))
        difference = predicted[gap.clip].keypoints[part] - truths[gap.clip].keypoints[part]
        result.append(np.linalg.norm(difference, axis=2).mean() * SHOULDERS_CM)
    return np.array(result)


def _by_speed(errors: np.ndarray, found: Sequence[Gap], edges: Sequence[float]) -> dict[str, Cell]:
    band = np.digitize([gap.speed for gap in found], edges) if found else np.zeros(0, int)
    cells = {BANDS[0]: _cell(errors)}
    return cells | {name: _cell(errors[band == k]) for k, name in enumerate(BANDS[1:])}


def _cell(errors: np.ndarray) -> Cell:
    if not len(errors):
        return Cell(float("nan"), float("nan"), 0)
    return Cell(float(errors.mean()), float(errors.std() / np.sqrt(len(errors))), len(errors))


def _section(config: GapTable, target: str, band: str, rows: Rows, methods: list[Method]) -> str:
    lengths = config.lengths
    table = {m.label: [rows[m.label][band][n].cm for n in lengths] for m in methods}
    body = [[label, *cells] for label, cells in zip(table, bold_best(list(table.values())), strict=True)]
    plain = [m.label for m in methods if m.kind == "smoother"]
    for label in (m.label for m in methods if m.refiner.name == "skeletor" and plain):
        own, best = np.array(table[label]), np.min([table[p] for p in plain], axis=0)
        if "linear" in table:
            body.append(_ratio(f"{label} / linear", own / np.array(table["linear"])))
        body.append(_ratio(f"{label} / best smoother", own / best))
    counts = next(iter(rows.values()))[band]
    body.append(["gaps", *(str(counts[n].count) for n in lengths)])
    slow, fast = config.bands
    text = {"slow": f"below {slow:g}", "medium": f"{slow:g} to {fast:g}", "fast": f"above {fast:g}"}.get(band, "")
    speed = f"{band}, {text} shoulder widths per second" if text else band
    return markdown(f"{target} hidden, {speed}: mean distance in cm", ["", *(f"{n} frames" for n in lengths)], body)


def _ratio(label: str, values: np.ndarray) -> list[str]:
    return [bold(label), *(bold(number(float(v))) for v in values)]
