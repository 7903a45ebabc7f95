"""Tables 3 and 4: noise of several strengths on the frames or joints of highest confidence."""

from __future__ import annotations

from pathlib import Path

from experiments.refiner import published
from experiments.refiner.config import NoiseTable
from experiments.refiner.data import motion_clips, motion_store
from experiments.refiner.errors import Spread, task_errors
from experiments.refiner.methods import Method, network, smoothers
from experiments.refiner.report import Result, bold, bold_best, markdown, number
from experiments.refiner.tasks import noisy
from experiments.refiner.training import Clips, Job, train_all

Rows = dict[str, dict[float, dict[str, Spread]]]  # method -> strength -> errors


def jobs_of(config: NoiseTable, folder: Path) -> list[Job]:
    """One training for each model, with its own corruption."""
    store = motion_store(config.data, folder)
    return [Job(spec, (Clips(store.folder, store.key),), config.seed) for spec in config.specs]


def make(config: NoiseTable, work: Path) -> Result:
    """Train, test, and lay out."""
    jobs = jobs_of(config, work)
    done = train_all(jobs, work / "models", config.workers)
    methods = [*smoothers(config.smoothers), *(network(j.spec, d.folder) for j, d in zip(jobs, done, strict=True))]
    truths = motion_clips(config.data, "test")
    rows: Rows = {method.label: {} for method in methods}
    for strength in config.strengths:
        task = noisy(truths, config.test_share, config.what, strength, config.seed)
        for method in methods:
            rows[method.label][strength] = task_errors(method.refiner.many(task.inputs), task)
    numbers = {"rows": rows, "published": published.NOISE[config.what]}
    return Result(_sections(config, rows, methods), numbers)


def _sections(config: NoiseTable, rows: Rows, methods: list[Method]) -> list[str]:
    networks = [m.label for m in methods if m.kind == "network"]
    plain = [m.label for m in methods if m.kind == "smoother"]
    given = [m.label for m in methods if m.kind == "input"]
    head = ["s", *(f"{label}: {w}" for label in networks for w in ("min", "ave", "max"))]
    head += [*(f"{label}: ave" for label in given), "best smoother", "published: min", "ave", "max"]
    body = []
    for s in config.strengths:
        spreads = [rows[label][s]["all sum"] for label in networks]
        best = min(plain, key=lambda label: rows[label][s]["all sum"].ave)
        values = [number(v) for x in spreads for v in (x.min, x.ave, x.max)]
        values += [number(rows[label][s]["all sum"].ave) for label in given]
        known = [number(v, 4) for v in published.NOISE[config.what].get(s, (float("nan"),) * 3)]
        body.append([f"{s:g}", *values, f"{number(rows[best][s]['all sum'].ave)} ({best})", *known])
    of = "frames" if config.what == "frames" else "joints"
    first = markdown(
        f"As in the paper: noise on {config.test_share:.0%} of the {of}; squared error per frame, all joints",
        head,
        body,
        f"Squared shoulder widths, summed over all coordinates of a frame. {published.NOTE}.",
    )  # fmt: skip
    sections = [first]
    for key, scale, title in (
        ("hit cm", 1, "Mean distance in cm where the noise is"),
        ("all cm", 1, "Mean distance in cm, all joints of all frames: what was sound may suffer"),
        ("hit mse", 1000, "Mean squared error where the noise is, 10⁻³ squared shoulder widths"),
    ):
        cells = bold_best([[rows[label][s][key].ave * scale for s in config.strengths] for label in rows])
        table = [[label, *row] for label, row in zip(rows, cells, strict=True)]
        table += [_ratio(config, rows, label, plain, key) for label in networks if plain]
        sections.append(markdown(title, ["", *(f"s = {s:g}" for s in config.strengths)], table))
    return sections


def _ratio(config: NoiseTable, rows: Rows, label: str, plain: list[str], key: str) -> list[str]:
    """A network's error as a share of the best smoother's."""
    cells = [
        bold(number(rows[label][s][key].ave / max(1e-12, min(rows[p][s][key].ave for p in plain))))
        for s in config.strengths
    ]
    return [bold(f"{label} / best smoother"), *cells]
