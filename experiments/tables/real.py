"""Table 7: real sequences without truth. What is there is hidden and predicted; each sequence in turn is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.people.arms.fit import prior_of
from experiments.report import Result, labelled, markdown, number
from experiments.tables.compare import Method, clip_errors, labels_of, network, smoothers
from experiments.tables.config import RealTable
from experiments.tables.data import Task, What, at_random, gaps, hidden, motion_store, store_key
from experiments.tables.detector import standing_hands
from experiments.tables.training import Clips, Job, train_all
from skeletor.io.formats import read_poses
from skeletor.io.store import open_store, write_store
from skeletor.lifters.fast_lifter import FastLifter
from skeletor.lifters.kinematic.fast import PRIOR, Prior
from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError
from slt.pipeline.cache.stage import Done, run_stage

SKELS = ("phoenix14t_skels/dev.skels", "phoenix14t_skels/train.skels")
OPENPOSE = "openpose/zelinka_demo_20161025_pocasi.h5"
SURE = 0.3
STILL = 0.002  # shoulder widths
RealRow = dict[str, dict[str, float]]  # task -> sequence -> error in cm
RENDERED, MIXED = "rendered motion alone", "with real sequences"


@dataclass(frozen=True)
class Real:
    """A real sequence in 3D, shoulder widths; observed: (T, J) bool, joints that may serve as truth."""

    name: str
    pose: PoseSequence
    observed: np.ndarray


def real_sequences(shared: Path, prior: Prior = PRIOR) -> list[Real]:
    """The 10 real PHOENIX14T sequences and the real OpenPose recording, lifted; InputError if they are not there.

    prior: what inverse kinematics believes when it lifts the recording; the sequences are lifted as they come.
    A joint is observed where its confidence is at least SURE and its hand does not stand still.
    """
    missing = [name for name in (*SKELS, OPENPOSE) if not (shared / name).is_file()]
    if missing:
        raise InputError(f"{shared}: no {missing[0]}; the real sequences are not shipped, see the README of `shared`")
    found = []
    for file in SKELS:
        for name, pose in read_poses(shared / file).items():
            found.append(Real(name, pose, _observed(pose, standing_hands(pose, STILL))))
    for name, planar in read_poses(shared / OPENPOSE).items():
        width = float(np.nanmedian(np.linalg.norm(planar.keypoints[:, 2] - planar.keypoints[:, 5], axis=1)))
        pose = FastLifter(prior=prior)(planar)
        found.append(Real(name, pose, _observed(pose, standing_hands(planar, STILL * width))))
    return found


def _observed(pose: PoseSequence, still: np.ndarray) -> np.ndarray:
    return np.asarray((pose.confidence >= SURE) & ~pose.missing & ~still)


def tasks_of(config: RealTable, real: Sequence[Real]) -> dict[str, Task]:
    """What is hidden; only observed joints count."""
    poses = [r.pose for r in real]

    def drawn(what: What) -> Task:
        hits = [
            at_random(p.confidence.shape, config.share, what, np.random.default_rng([config.seed, k]))
            for k, p in enumerate(poses)
        ]
        return hidden(poses, hits)

    whats: tuple[What, ...] = ("frames", "joints")
    made = {f"{config.share:.0%} of {what}": drawn(what) for what in whats}
    made[f"a hand for {config.run_length} frames"] = gaps(poses, config.run_length, "hand", config.seed)[0]
    return {
        name: Task(t.inputs, t.truths, [hit & r.observed for hit, r in zip(t.hits, real, strict=True)])
        for name, t in made.items()
    }


def material(config: RealTable) -> tuple[list[Real], dict[str, Task], list[int]]:
    """The sequences, what is hidden in them, and which of them are left out in turn."""
    real = real_sequences(Path(config.shared), prior_of(config.believed))
    return real, tasks_of(config, real), list(range(len(real)))[: config.folds]


def make(config: RealTable, work: Path) -> Result:
    """Train on everything but one sequence, for each; test on that one; lay out."""
    real, tasks, folds = material(config)
    jobs = jobs_of(config, work, real, folds)
    done = dict(zip(jobs, train_all(list(jobs.values()), work / "models", config.workers), strict=True))
    methods: dict[str, list[Method]] = {m.label: [m] * len(folds) for m in smoothers(config.smoothers)}
    for spec in config.specs:
        methods[f"{spec.label}, {RENDERED}"] = [network(spec, done[spec.label, None].folder)] * len(folds)
        methods[f"{spec.label}, {MIXED}"] = [network(spec, done[spec.label, k].folder) for k in folds]
    rows = {label: real_row(tasks, real, folds, own) for label, own in methods.items()}
    return real_result(config, real, rows)


def real_row(
    tasks: Mapping[str, Task], real: Sequence[Real], folds: Sequence[int], methods: Sequence[Method]
) -> RealRow:
    """Errors of a method; one for each sequence that is left out."""
    return {
        name: {
            real[k].name: clip_errors(method.refiner(task.inputs[k]), task.truths[k], task.hits[k])["hit cm"]
            for k, method in zip(folds, methods, strict=True)
            if task.hits[k].any()
        }
        for name, task in tasks.items()
    }


def real_result(config: RealTable, real: Sequence[Real], rows: Mapping[str, RealRow]) -> Result:
    """Lay out."""
    observed = {r.name: float(r.observed.mean()) for r in real}
    sections = _sections(rows, labels_of(config.smoothers, "smoother"), list(next(iter(rows.values()))))
    return Result(sections, {"rows": dict(rows), "observed share": observed})


def jobs_of(
    config: RealTable, work: Path, real: Sequence[Real], folds: Sequence[int]
) -> dict[tuple[str, int | None], Job]:
    """For each model a training on rendered motion (None), and one for each sequence that is left out."""
    store = motion_store(config.data, work)
    kept = _real_store(config, real, work)
    rendered = Clips(store.folder, store.key)
    frames = sum(len(pose) for pose in open_store(store.folder).values())
    jobs: dict[tuple[str, int | None], Job] = {}
    for spec in config.specs:
        jobs[spec.label, None] = Job(spec, (rendered,), config.seed)
        for k in folds:
            others = [r for i, r in enumerate(real) if i != k]
            wanted = frames * config.real_share / (1 - config.real_share)
            repeat = max(1, round(wanted / sum(len(r.pose) for r in others)))
            names = tuple(_file_name(r.name) for r in others)
            jobs[spec.label, k] = Job(spec, (rendered, Clips(kept.folder, kept.key, names, repeat)), config.seed)
    return jobs


def _real_store(config: RealTable, real: Sequence[Real], work: Path) -> Done:
    """The real sequences as training clips: what is not observed has confidence 0 and is no target."""

    def write(out: Path) -> None:
        write_store(
            out,
            ((_file_name(r.name), r.pose.replace(confidence=np.where(r.observed, r.pose.confidence, 0))) for r in real),
        )

    key = "".join(r.name for r in real)
    done = run_stage("real", work / "real", write, {"names": key, "believed": config.believed}, ())
    return Done(done.name, done.folder, store_key(done.folder), done.seconds)


def _file_name(name: str) -> str:
    return name.replace("/", "_")


def _sections(
    rows: Mapping[str, Mapping[str, Mapping[str, float]]], plain: Sequence[str], tasks: Sequence[str]
) -> list[str]:
    count = len(next(iter(rows.values()))[tasks[0]])
    body = labelled({label: [float(np.mean(list(row[t].values()))) for t in tasks] for label, row in rows.items()})
    first = markdown(
        f"{count} real sequences, each left out of the training in turn: mean distance in cm of what was hidden",
        ["", *tasks],
        body,
        "Mean over sequences. Only joints that were really observed count. What is called true here is itself lifted "
        "from detections, with their noise: no row can come to 0.",
    )
    sections = [first]
    for label in (label for label in rows if label not in plain and plain):
        lines = []
        for task in tasks:
            own = rows[label][task]
            best = min(plain, key=lambda p: float(np.mean(list(rows[p][task].values()))))
            ratio = np.array([own[name] / rows[best][task][name] for name in own])
            wins = f"{int((ratio < 1).sum())} of {len(ratio)}"
            lines.append([task, best, number(float(ratio.mean())), wins])
        head = ["", "best smoother", "error / its error, mean", "better on"]
        sections.append(markdown(f"{label}, against the best smoother of each task", head, lines))
    return sections
