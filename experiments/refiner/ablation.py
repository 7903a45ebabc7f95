"""What each part of the default network and of its training is worth: one training for each change."""

from __future__ import annotations

from pathlib import Path

from experiments.refiner.config import AblationTable, ModelSpec
from experiments.refiner.data import motion_clips, motion_store
from experiments.refiner.errors import task_errors
from experiments.refiner.methods import Method, network, smoothers
from experiments.refiner.pretext import trained
from experiments.refiner.prior import PriorRefiner
from experiments.refiner.report import Result, bold_best, markdown
from experiments.refiner.tasks import Task, gaps, masked, noisy
from experiments.refiner.training import Clips, Job, train_all
from skeletor.poses.pose import PoseSequence

SHARE = 0.15  # of frames or joints that are hidden or get noise
STRENGTH = 0.5  # of the noise
LENGTH = 8  # frames of a gap


def tasks_of(truths: list[PoseSequence], seed: int) -> dict[str, Task]:
    """What the variants are compared on."""
    return {
        "frames hidden": masked(truths, SHARE, "frames", seed),
        "joints hidden": masked(truths, SHARE, "joints", seed),
        f"hand, {LENGTH} frames": gaps(truths, LENGTH, "hand", seed)[0],
        f"hand and wrist, {LENGTH}": gaps(truths, LENGTH, "hand and wrist", seed)[0],
        f"all, {LENGTH} frames": gaps(truths, LENGTH, "frame", seed)[0],
        "noisy frames": noisy(truths, SHARE, "frames", STRENGTH, seed),
        "noisy joints": noisy(truths, SHARE, "joints", STRENGTH, seed),
    }


def make(config: AblationTable, work: Path) -> Result:
    """Train every variant, test on the dev clips, and lay out."""
    store = motion_store(config.data, work)
    specs = [ModelSpec(label=v.label, train=config.train_of(v)) for v in config.variants]
    jobs = [Job(spec, (Clips(store.folder, store.key),), config.seed) for spec in config.with_steps(specs)]
    pretexts = [v.pretext for v in config.variants]
    plain = iter(train_all([j for j, p in zip(jobs, pretexts, strict=True) if not p], work / "models", config.workers))
    done = [trained(j, work / "models", p) if p else next(plain) for j, p in zip(jobs, pretexts, strict=True)]
    methods = [*smoothers(config.smoothers), *(network(j.spec, d.folder) for j, d in zip(jobs, done, strict=True))]
    if config.prior:
        methods.insert(len(config.smoothers), Method("Gaussian prior", "smoother", PriorRefiner(store.folder)))
    truths = motion_clips(config.data, "dev")
    tasks = tasks_of(truths, config.seed)
    rows = {method.label: _errors(method, tasks, truths) for method in methods}
    head = ["", *tasks, "noisy joints: all", "sound clips"]
    body = [[n, *cells] for n, cells in zip(rows, bold_best([list(r.values()) for r in rows.values()]), strict=True)]
    note = (
        f"Mean distance in cm on dev, of what was hidden, or spoilt by noise of s = {STRENGTH:g} on {SHARE:.0%} of the "
        "frames or joints. The last columns: over all joints of the noisy clips; and what is done to clips in which "
        "nothing is wrong."
    )
    return Result([markdown("One change at a time", head, body, note)], {"rows": rows})


def _errors(method: Method, tasks: dict[str, Task], truths: list[PoseSequence]) -> dict[str, float]:
    result, everywhere = {}, 0.0
    for name, task in tasks.items():
        errors = task_errors(method.refiner.many(task.inputs), task)
        result[name], everywhere = errors["hit cm"].ave, errors["all cm"].ave  # the last task's stays
    sound = Task(truths, truths, [t.confidence > 0 for t in truths])
    unchanged = task_errors(method.refiner.many(truths), sound)["all cm"].ave
    return {**result, "noisy joints: all": everywhere, "sound": unchanged}
