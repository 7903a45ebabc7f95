"""Tables 1 and 2: how much to mask in training, at a fixed share of masks in the test."""

from __future__ import annotations

from pathlib import Path

from pydantic.fields import FieldInfo

from experiments.refiner import published
from experiments.refiner.config import MaskTable
from experiments.refiner.data import motion_clips, motion_store
from experiments.refiner.errors import Spread, task_errors
from experiments.refiner.methods import network, network_after, smoothers
from experiments.refiner.report import Result, bold_best, markdown, number
from experiments.refiner.tasks import masked
from experiments.refiner.training import Clips, Job, train_all
from skeletor.learning.corrupt import Corruption

CHECKPOINTS = (1 / 6, 1 / 3, 2 / 3, 1.0)  # the paper's 50, 100, 200 and 300 thousand of 300 thousand steps


def _least(field: FieldInfo) -> float | bool:
    """The smallest value that an option of `Corruption` may have: what switches it off."""
    return False if field.annotation is bool else float(next(m.ge for m in field.metadata if hasattr(m, "ge")))


NOTHING = Corruption.model_validate({name: _least(field) for name, field in Corruption.model_fields.items()})


def checkpoints(steps: int) -> tuple[int, ...]:
    """The steps after which a training is looked at."""
    return tuple(max(1, round(steps * share)) for share in CHECKPOINTS)


def jobs_of(config: MaskTable, folder: Path) -> dict[tuple[str, float], Job]:
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


def make(config: MaskTable, work: Path) -> Result:
    """Train, test, and lay out."""
    jobs = jobs_of(config, work)
    done = dict(zip(jobs, train_all(list(jobs.values()), work / "models", config.workers), strict=True))
    dev, test = (
        masked(motion_clips(config.data, part), config.test_share, config.what, config.seed) for part in ("dev", "test")
    )
    rows: dict[str, dict[str, object]] = {}
    for (label, share), job in jobs.items():
        folder, steps = done[label, share].folder, job.snapshots
        rows[f"{label}, trained at {share:.0%}"] = {
            "share": share,
            "model": label,
            "steps": steps,
            "dev": [task_errors(network_after(job.spec, folder, s).refiner.many(dev.inputs), dev) for s in steps],
            "test": task_errors(network(job.spec, folder).refiner.many(test.inputs), test),
        }
    for method in smoothers(config.smoothers):
        rows[method.label] = {
            "dev": [task_errors(method.refiner.many(dev.inputs), dev)],
            "test": task_errors(method.refiner.many(test.inputs), test),
        }
    return Result(_sections(config, rows), {"rows": rows, "published": published.MASKS[config.what]})


def _sections(config: MaskTable, rows: dict[str, dict[str, object]]) -> list[str]:
    paper = published.MASKS[config.what]
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
    texts = [[label, *cells, *tail] for label, cells, tail in zip(rows, bold_best(values), tails, strict=True)]
    where = "the frames of highest confidence" if config.what == "frames" else "joints drawn at random, one seed"
    first = markdown(
        f"As in the paper: {config.test_share:.0%} hidden ({where}); squared error per frame over what was hidden",
        head,
        texts,
        f"Squared shoulder widths, summed over the hidden coordinates of a frame. {published.NOTE}.",
    )
    keys = ("hit mse", "hit cm", "hit sum", "all mse", "all cm", "all sum")
    scale = {key: 1000 if key.endswith("mse") else 1 for key in keys}
    means = [[_test(row)[key].ave * scale[key] for key in keys] for row in rows.values()]
    second = markdown(
        "Test, mean over clips",
        ["", *(f"{where}, {unit}" for where in ("hidden", "all joints") for unit in ("10⁻³ sw²", "cm", "sum"))],
        [[label, *cells] for label, cells in zip(rows, bold_best(means), strict=True)],
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
