"""Tables 1 to 5: known motion of which something is hidden (shares of frames or joints, gaps by length) or spoilt.

Tables 1 to 4 are those of Jiang, Camgöz and Bowden, "Skeletor" (CVPR workshops 2021), whose numbers stand beside ours.
They are of other data, in units that the paper does not state: not comparable with ours in size, only in shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic.fields import FieldInfo

from experiments.report import Result, bold, labelled, markdown, number
from experiments.tables.compare import (
    SHOULDERS_CM,
    Method,
    Spread,
    labels_of,
    network,
    network_after,
    smoothers,
    task_errors,
)
from experiments.tables.config import GapTable, MaskTable, NoiseTable
from experiments.tables.data import Gap, Task, gaps, masked, motion_clips, motion_store, noisy
from experiments.tables.training import Clips, Job, train_all
from skeletor.learning.corrupt import Corruption
from skeletor.poses.pose import PoseSequence

NOTE = "published: the paper's own numbers, of other data and in units that it does not state; not comparable"

# share of masks in training -> error on dev after 50k, 100k, 200k, 300k steps; min, ave, max on test
PUBLISHED_MASKS: dict[str, dict[float, tuple[tuple[float, ...], tuple[float, ...]]]] = {
    "frames": {
        0.05: ((3.086, 2.124, 1.195, 1.103), (0.147, 1.833, 9.628)),
        0.10: ((2.613, 1.404, 0.642, 0.581), (0.090, 0.875, 8.421)),
        0.15: ((5.048, 1.844, 0.919, 0.874), (0.255, 1.266, 9.862)),
        0.20: ((5.518, 2.196, 1.034, 0.856), (0.264, 1.250, 9.459)),
        0.25: ((4.842, 2.469, 1.116, 0.971), (0.210, 1.147, 8.273)),
    },
    "joints": {
        0.05: ((17.532, 15.146, 13.655, 13.645), (2.019, 4.543, 12.484)),
        0.10: ((18.192, 14.493, 13.585, 13.521), (1.869, 3.555, 9.590)),
        0.15: ((20.759, 15.594, 14.585, 14.640), (1.979, 4.181, 15.478)),
        0.20: ((23.323, 18.590, 17.881, 17.914), (2.606, 6.390, 42.758)),
        0.25: ((23.453, 17.816, 16.452, 16.418), (2.314, 5.031, 22.171)),
    },
}

# strength of the noise -> min, ave, max on test
PUBLISHED_NOISE: dict[str, dict[float, tuple[float, ...]]] = {
    "frames": {
        0.1: (0.059, 0.117, 1.408),
        0.3: (0.154, 0.215, 1.488),
        0.5: (0.345, 0.409, 1.691),
        0.7: (0.585, 0.689, 1.983),
        0.9: (0.841, 1.100, 2.331),
    },
    "joints": {
        0.1: (0.225, 0.452, 4.573),
        0.3: (0.272, 0.508, 4.786),
        0.5: (0.364, 0.616, 5.126),
        0.7: (0.496, 0.770, 5.209),
        0.9: (0.656, 0.965, 5.483),
    },
}

CHECKPOINTS = (1 / 6, 1 / 3, 2 / 3, 1.0)  # the paper's 50, 100, 200 and 300 thousand of 300 thousand steps
MaskRows = dict[str, dict[str, object]]  # method -> how it was trained, errors on dev and test
NoiseRows = dict[str, dict[float, dict[str, Spread]]]  # method -> strength -> errors
BANDS = ("all speeds", "slow", "medium", "fast")


def own_jobs(config: NoiseTable | GapTable, folder: Path) -> list[Job]:
    """One training for each model, with its own corruption."""
    store = motion_store(config.data, folder)
    return [Job(spec, (Clips(store.folder, store.key),), config.seed) for spec in config.specs]


def _methods(config: NoiseTable | GapTable, work: Path) -> list[Method]:
    """The smoothers and the networks, which are trained if need be."""
    jobs = own_jobs(config, work)
    done = train_all(jobs, work / "models", config.workers)
    return [*smoothers(config.smoothers), *(network(j.spec, d.folder) for j, d in zip(jobs, done, strict=True))]


def _least(field: FieldInfo) -> float | bool | None:
    """The smallest value that an option of `Corruption` may have, or none: what switches it off."""
    if field.default is None:
        return None
    return False if field.annotation is bool else float(next(m.ge for m in field.metadata if hasattr(m, "ge")))


NOTHING = Corruption.model_validate({name: _least(field) for name, field in Corruption.model_fields.items()})


def checkpoints(steps: int) -> tuple[int, ...]:
    """The steps after which a training is looked at."""
    return tuple(max(1, round(steps * share)) for share in CHECKPOINTS)


def mask_jobs(config: MaskTable, folder: Path) -> dict[tuple[str, float], Job]:
    """A training for each model and share of masks: nothing but masks corrupts its clips."""
    store = motion_store(config.data, folder)
    jobs = {}
    for spec in config.specs:
        for share in config.only.get(spec.label, config.shares):
            mask = {"frame_mask" if config.what == "frames" else "joint_mask": share}
            own = spec.with_train(corruption=NOTHING.model_copy(update=mask))
            clips = (Clips(store.folder, store.key),)
            jobs[spec.label, share] = Job(own, clips, config.seed, checkpoints(own.train.max_steps))
    return jobs


def make_masks(config: MaskTable, work: Path) -> Result:
    """Train, test, and lay out."""
    jobs = mask_jobs(config, work)
    done = dict(zip(jobs, train_all(list(jobs.values()), work / "models", config.workers), strict=True))
    dev, test = mask_tasks(config)
    rows: MaskRows = {}
    for (label, share), job in jobs.items():
        folder, steps = done[label, share].folder, job.snapshots
        rows[f"{label}, trained at {share:.0%}"] = {
            "share": share,
            "model": label,
            "steps": steps,
            "dev": [task_errors(network_after(job.spec, folder, s).refiner.many(dev.inputs), dev) for s in steps],
            "test": task_errors(network(job.spec, folder).refiner.many(test.inputs), test),
        }
    return mask_result(config, {**rows, **smoothed_masks(config, dev, test)})


def mask_tasks(config: MaskTable) -> tuple[Task, Task]:
    """Dev and test."""
    dev, test = (
        masked(motion_clips(config.data, part), config.test_share, config.what, config.seed) for part in ("dev", "test")
    )
    return dev, test


def smoothed_masks(config: MaskTable, dev: Task, test: Task) -> MaskRows:
    """The rows of the smoothers."""
    return {
        method.label: {
            "dev": [task_errors(method.refiner.many(dev.inputs), dev)],
            "test": task_errors(method.refiner.many(test.inputs), test),
        }
        for method in smoothers(config.smoothers)
    }


def mask_result(config: MaskTable, rows: MaskRows) -> Result:
    """Lay out."""
    return Result(_mask_sections(config, rows), {"rows": rows, "published": PUBLISHED_MASKS[config.what]})


def _mask_sections(config: MaskTable, rows: MaskRows) -> list[str]:
    paper = PUBLISHED_MASKS[config.what]
    steps = checkpoints(config.specs[0].train.max_steps) if config.specs else ()
    head = ["", *(f"dev, {s} steps" for s in steps), "test min", "ave", "max"]
    head += [*(f"published dev, {s}" for s in ("50k", "100k", "200k", "300k")), "published min", "ave", "max"]
    values, tails = [], []
    for row in rows.values():
        dev, test = _dev(row, "hit sum", len(steps)), _test(row)["hit sum"]
        values.append([*dev, test.min, test.ave, test.max])
        share = row.get("share")
        known = paper.get(share) if isinstance(share, float) and row["model"] == config.specs[0].label else None
        tails.append([number(v, 4) for v in (*known[0], *known[1])] if known else [""] * 7)
    lines = labelled(dict(zip(rows, values, strict=True)))
    texts = [[*line, *tail] for line, tail in zip(lines, tails, strict=True)]
    where = "the frames of highest confidence" if config.what == "frames" else "joints drawn at random, one seed"
    first = markdown(
        f"As in the paper: {config.test_share:.0%} hidden ({where}); squared error per frame over what was hidden",
        head,
        texts,
        f"Squared shoulder widths, summed over the hidden coordinates of a frame. {NOTE}.",
    )
    keys = ("hit mse", "hit cm", "hit sum", "all mse", "all cm", "all sum")
    scale = {key: 1000 if key.endswith("mse") else 1 for key in keys}
    means = {label: [_test(row)[key].ave * scale[key] for key in keys] for label, row in rows.items()}
    second = markdown(
        "Test, mean over clips",
        ["", *(f"{where}, {unit}" for where in ("hidden", "all joints") for unit in ("10⁻³ sw²", "cm", "sum"))],
        labelled(means),
        "sw²: squared shoulder widths, mean over coordinates; cm: mean distance at shoulders of 36 cm; "
        "sum: summed over a frame's coordinates. All joints: what was not hidden counts too.",
    )
    return [first, second]


def _dev(row: dict[str, object], key: str, count: int) -> list[float | None]:
    """Mean errors on dev at the checkpoints; a method without training has only the last."""
    stages = row["dev"]
    assert isinstance(stages, list)
    return [None] * (count - len(stages)) + [stage[key].ave for stage in stages]


def _test(row: dict[str, object]) -> dict[str, Spread]:
    test = row["test"]
    assert isinstance(test, dict)
    return test


def make_noise(config: NoiseTable, work: Path) -> Result:
    """Train, test, and lay out."""
    return noise_result(config, noise_rows(config, _methods(config, work)))


def noise_rows(config: NoiseTable, methods: Sequence[Method]) -> NoiseRows:
    """Errors of these methods on the test clips."""
    truths = motion_clips(config.data, "test")
    rows: NoiseRows = {method.label: {} for method in methods}
    for strength in config.strengths:
        task = noisy(truths, config.test_share, config.what, strength, config.seed)
        for method in methods:
            rows[method.label][strength] = task_errors(method.refiner.many(task.inputs), task)
    return rows


def noise_result(config: NoiseTable, rows: NoiseRows) -> Result:
    """Lay out."""
    return Result(_noise_sections(config, rows), {"rows": rows, "published": PUBLISHED_NOISE[config.what]})


def _noise_sections(config: NoiseTable, rows: NoiseRows) -> list[str]:
    plain, given = (labels_of(config.smoothers, kind) for kind in ("smoother", "input"))
    networks = [label for label in rows if label not in (*plain, *given)]
    head = ["s", *(f"{label}: {w}" for label in networks for w in ("min", "ave", "max"))]
    head += [*(f"{label}: ave" for label in given), *(["best smoother"] if plain else [])]
    head += ["published: min", "ave", "max"]
    body = []
    for s in config.strengths:
        spreads = [rows[label][s]["all sum"] for label in networks]
        values = [number(v) for x in spreads for v in (x.min, x.ave, x.max)]
        values += [number(rows[label][s]["all sum"].ave) for label in given]
        if plain:
            best = min(plain, key=lambda label: rows[label][s]["all sum"].ave)
            values.append(f"{number(rows[best][s]['all sum'].ave)} ({best})")
        known = [number(v, 4) for v in PUBLISHED_NOISE[config.what].get(s, (float("nan"),) * 3)]
        body.append([f"{s:g}", *values, *known])
    of = "frames" if config.what == "frames" else "joints"
    first = markdown(
        f"As in the paper: noise on {config.test_share:.0%} of the {of}; squared error per frame, all joints",
        head,
        body,
        f"Squared shoulder widths, summed over all coordinates of a frame. {NOTE}.",
    )  # fmt: skip
    sections = [first]
    for key, scale, title in (
        ("hit cm", 1, "Mean distance in cm where the noise is"),
        ("all cm", 1, "Mean distance in cm, all joints of all frames: what was sound may suffer"),
        ("hit mse", 1000, "Mean squared error where the noise is, 10⁻³ squared shoulder widths"),
    ):
        table = labelled({label: [row[s][key].ave * scale for s in config.strengths] for label, row in rows.items()})
        table += [_noise_ratio(config, rows, label, plain, key) for label in networks if plain]
        sections.append(markdown(title, ["", *(f"s = {s:g}" for s in config.strengths)], table))
    return sections


def _noise_ratio(config: NoiseTable, rows: NoiseRows, label: str, plain: list[str], key: str) -> list[str]:
    """A network's error as a share of the best smoother's."""
    cells = [
        bold(number(rows[label][s][key].ave / max(1e-12, min(rows[p][s][key].ave for p in plain))))
        for s in config.strengths
    ]
    return [bold(f"{label} / best smoother"), *cells]


@dataclass(frozen=True)
class Cell:
    """Mean error in cm over gaps, its standard error, and their number. NaN if there are none."""

    cm: float
    error: float
    count: int


GapRows = dict[str, dict[str, dict[int, Cell]]]  # method -> band -> length -> cell


def make_gaps(config: GapTable, work: Path) -> Result:
    """Train, test, and lay out."""
    return gap_result(config, gap_rows(config, _methods(config, work)))


def gap_rows(config: GapTable, methods: Sequence[Method]) -> dict[str, GapRows]:
    """By what is hidden: errors of these methods on the test clips."""
    truths = motion_clips(config.data, "test")
    numbers: dict[str, GapRows] = {}
    for target in config.targets:
        rows: GapRows = {m.label: {band: {} for band in BANDS} for m in methods}
        for length in config.lengths:
            task, found = gaps(truths, length, target, config.seed)
            for method in methods:
                each = gap_errors(method.refiner.many(task.inputs), truths, found)
                for band, cell in _by_speed(each, found, config.bands).items():
                    rows[method.label][band][length] = cell
        numbers[target] = rows
    return numbers


def gap_result(config: GapTable, numbers: Mapping[str, GapRows]) -> Result:
    """Lay out."""
    sections = [_section(config, target, band, numbers[target]) for target in config.targets for band in BANDS]
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


def _section(config: GapTable, target: str, band: str, rows: GapRows) -> str:
    lengths = config.lengths
    table = {label: [row[band][n].cm for n in lengths] for label, row in rows.items()}
    body = labelled(table)
    plain = labels_of(config.smoothers, "smoother")
    for label in (spec.label for spec in config.specs if spec.refiner == "skeletor" and spec.label in table and plain):
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
