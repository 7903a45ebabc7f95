"""All lifters side by side on motion with known 3D: `make lifters` (RUN=runs/demo).

Trains what is not yet trained (under runs/, a killed training goes on where it was), then lifts: rendered motion by two
signers and of sentences that no lifter has seen, from true 2D, from simulated detections, and (with --run) from real
detections of its rendered video; and captured arms (the CMU gestures), if the file is there: an activity that no lifter
was trained on, and each activity by a lifter that was trained without it. All figures in millimetres.
`--set only_speed=true` measures frames/s anew, on idle cores.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field

from experiments.report import table as markdown_table
from experiments.report import write_files
from experiments.request import Request
from experiments.tables.lifters.floors import Ridge, flat
from skeletor.files.atomic import atomic_path
from skeletor.files.keyed import is_current, keyed_folder
from skeletor.io.store import open_store
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.learned.clips import Material, View
from skeletor.lifters.learned.config import LifterDataConfig, LiftTrainJob
from skeletor.lifters.learned.mocap import read_mocap, views
from skeletor.lifters.learned.networks.layers import parameter_count
from skeletor.lifters.learned.training import WEIGHTS, kept_config, train_lifter
from skeletor.lifters.learned.weights import load_lifter
from skeletor.lifters.learned_lifter import LearnedOptions
from skeletor.lifters.protocols import p_mpjpe
from skeletor.lifters.reference_lifter import ReferenceOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.metrics import pose_errors
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence, Provenance, file_sha256
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import Config, load_config
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.pipeline.cache.stage import stage_key
from slt.synthetic.build import open_truth
from slt.synthetic.lift_clips import detector, held_out_motion, make_view, rendered_material
from slt.synthetic.signing.signers import split_signers

REPEATS, PATIENCE = 5, 4.0  # times, seconds
COLUMNS = ("mpjpe", "body", "hands from the wrist", "p-mpjpe", "velocity", "bone length", "bone jitter %")
Way = Callable[[Sequence[PoseSequence]], list[PoseSequence]]
HELD_OUT = str(LifterDataConfig.model_fields["mocap_held_out"].default)
PIECE = 100  # frames of captured arms


class LiftersTable(Config):
    """Options of the table. lifters: name -> config of its training. changes: dotted keys of those configs and other
    values for all of them, for instance {"data.clips": 200}. mocap: npz of captured arms. activities: parts of its
    sequences' names, each left out of a training of the lifter `across`. turns: degrees. pretraining: lifters that
    begin with a training of their own, what it changes in their configs. only_speed: frames/s anew, all else stays.
    """

    seed: int = Field(ge=0)
    clips: int = Field(ge=1)
    reference_clips: int = Field(ge=1)
    threads: int = Field(2, ge=1)
    lifters: dict[str, str]
    changes: dict[str, Any] = Field(default_factory=dict)
    mocap: str | None = None
    across: str | None = None
    activities: list[str] = Field(default_factory=list)
    turns: list[float] = Field([0.0], min_length=1)
    pretraining: dict[str, dict[str, Any]] = Field(default_factory=dict)
    only_speed: bool = False


@dataclass(frozen=True)
class Row:
    """A way to lift. few: it is slow and lifts only the first clips; so does a second row of `fast`, to compare.

    timed: its speed is measured, it is no repetition of another row.
    """

    name: str
    way: Way
    parameters: int | None = None
    few: bool = False
    timed: bool = True


def measure(lifted: Sequence[PoseSequence], views: Sequence[View]) -> dict[str, float]:
    """Errors in millimetres, where the truth is known; every joint of every frame counts alike."""
    ours, truths, procrustes = [], [], []
    for pose, view in zip(lifted, views, strict=True):
        truth = normalise(view.truth)
        record = truth.provenance.stage("normalise")
        assert record is not None
        size = 1000 * float(record.config["scale"])  # millimetres of a shoulder width
        truths.append(truth.replace(truth.keypoints * size, units="unknown"))
        ours.append(pose.replace(pose.keypoints * size, units="unknown"))
        there = ~truth.missing.any(0)
        found, known = ours[-1].keypoints[:, there].astype(float), truths[-1].keypoints[:, there].astype(float)
        procrustes.append((p_mpjpe(found, known), len(truth)))
    errors = pose_errors(ours, truths)
    values, counts = np.array(procrustes).T
    return {
        "mpjpe": errors.mpjpe["all"],
        "body": errors.mpjpe["body"],
        "hands from the wrist": errors.mpjpe.get("hands_relative", float("nan")),
        "p-mpjpe": float((values * counts).sum() / counts.sum()),
        "velocity": errors.velocity,
        "bone length": errors.bone,
        "bone jitter %": 100 * errors.bone_jitter,
    }


def ways(config: LiftersTable, noise: str | None, work: Path) -> list[Row]:
    """All rows; trains the lifters that have no weights yet, and the ridge."""
    fast, reference = build_lifter(FastOptions(absent="filled")), build_lifter(ReferenceOptions(absent="filled"))
    rows = [
        Row("flat, z = 0", flat),
        Row("IK reference (first clips)", reference.many, few=True),
        Row("IK fast (first clips)", fast.many, few=True, timed=False),
        Row("IK fast", fast.many),
    ]
    jobs = _jobs(config, noise, work)
    data = jobs[next(iter(config.lifters))].data if jobs else LifterDataConfig(noise=noise)
    untrained = [name for name, job in jobs.items() if not _trained(job)]
    kept = work / f"lifters-{_errors(noise)}" / f"ridge-{_ridge_key(data)}.npy"
    material = None if kept.is_file() and not untrained else rendered_material(data, config.threads)
    if not kept.is_file():
        assert material is not None
        with atomic_path(kept) as temporary, temporary.open("wb") as file:
            np.save(file, Ridge.fitted(material.clips, data).weights)
    ridge = Ridge(np.load(kept, allow_pickle=False), data)
    rows.append(Row("ridge, 9 frames", ridge, ridge.weights.size))
    for name, job in jobs.items():
        weights = Path(job.out) / WEIGHTS
        if not _trained(job):  # one that starts from another is, when that has been trained again
            _train(job, material if job.data == data else None)
        if name not in config.lifters:
            continue
        rows.append(Row(name, _learned(weights), parameter_count(load_lifter(weights).network)))
        if load_lifter(weights).info.kind == "uplift-upsample":
            rows.append(Row(f"{name}, sequence output", _learned(weights, output="sequence"), rows[-1].parameters))
    return rows


def _learned(weights: Path, **more: Any) -> Way:
    return build_lifter(LearnedOptions(weights=str(weights), absent="filled", **more)).many


def _job(name: str, noise: str | None, config: LiftersTable, work: Path, **more: Any) -> LiftTrainJob:
    """The training of a row. Its folder tells what the errors were made with. more: other values of its config."""
    given = {"data.noise": noise, "data.mocap": config.mocap, "threads": config.threads}
    out = str(work / f"lifters-{_errors(noise)}" / name)
    return load_config(config.lifters[name], LiftTrainJob, {**config.changes, **given, "out": out, **more})


def _jobs(config: LiftersTable, noise: str | None, work: Path) -> dict[str, LiftTrainJob]:
    """The trainings of the table, each after the one that it starts from."""
    jobs: dict[str, LiftTrainJob] = {}
    for name in config.lifters:
        job = _job(name, noise, config, work)
        if name in config.pretraining:
            first = _job(name, noise, config, work, **config.pretraining[name])
            before = first.model_copy(update={"out": f"{first.out}, before"})
            jobs[f"{name}, before"] = before
            job = job.model_copy(update={"start": str(Path(before.out) / WEIGHTS)})
        jobs[name] = job
    return jobs


def across(config: LiftersTable, noise: str | None, work: Path, rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Each activity lifted by a lifter that was trained without it, and by the rows that were never trained."""
    assert config.across is not None
    lifted: dict[str, list[PoseSequence]] = {}
    seen: list[View] = []
    for activity in config.activities:
        job = _job(config.across, noise, config, work, **{"data.mocap_held_out": activity})
        if activity != HELD_OUT:  # the row itself was trained without that one
            job = job.model_copy(update={"out": f"{job.out} without {activity}"})
        if not _trained(job):
            _train(job)
        some = captured(config, activity)
        plain = {row.name: row.way for row in rows if row.parameters is None and not row.few}
        for name, way in {**plain, config.across: _learned(Path(job.out) / WEIGHTS)}.items():
            lifted.setdefault(name, []).extend(way([view.seen for view in some]))
        seen += some
    about = {"clips": len(seen), "frames": sum(len(view.seen) for view in seen)}
    return {name: {**measure(poses, seen), **about} for name, poses in lifted.items()}


def _errors(noise: str | None) -> str:
    return "detector" if noise else "plain"


def _ridge_key(data: LifterDataConfig) -> str:
    errors = file_sha256(data.noise) if data.noise else ""
    return stage_key(data.model_dump(mode="json", exclude={"noise"}), (errors,), (Ridge, rendered_material))


def _key(job: LiftTrainJob) -> str:
    """All that the weights depend on. A file that is still to be made (`start`) counts when it is there."""
    files = [Path(file) for file in (job.data.noise, job.data.mocap, job.start) if file is not None]
    inputs = [file_sha256(file) if file.is_file() else "" for file in files]
    return stage_key(kept_config(job), inputs, (train_lifter, rendered_material))


def _trained(job: LiftTrainJob) -> bool:
    return (Path(job.out) / WEIGHTS).is_file() and is_current(Path(job.out), _key(job))


def _train(job: LiftTrainJob, material: Material | None = None) -> None:
    keyed_folder(Path(job.out), _key(job))
    train_lifter(job, rendered_material(job.data, job.workers) if material is None else material)


def table(rows: Sequence[Row], views: Sequence[View], few: int) -> dict[str, dict[str, Any]]:
    """One part of the table: row -> figures."""
    result = {}
    for row in rows:
        chosen = views[:few] if row.few else views
        figures = measure(row.way([view.seen for view in chosen]), chosen)
        result[row.name] = {**figures, "clips": len(chosen), "frames": sum(len(view.seen) for view in chosen)}
        log.info("%-28s %s", row.name, {key: f"{figures[key]:.1f}" for key in COLUMNS})
    return result


def speeds(rows: Sequence[Row], views: Sequence[View]) -> dict[str, float]:
    """Frames a second of each row, the best of a few times. All rows lift the same clips, in one call."""
    poses = [view.seen for view in views]
    result = {}
    for row in rows:
        if not row.timed:
            continue
        row.way(poses[:1])  # what is loaded once is not timed
        seconds: list[float] = []
        while len(seconds) < REPEATS and sum(seconds) < PATIENCE:
            start = time.perf_counter()
            row.way(poses)
            seconds.append(time.perf_counter() - start)
        result[row.name] = sum(map(len, poses)) / min(seconds)
        log.info("%-28s %.0f frames/s", row.name, result[row.name])
    return result


def markdown(result: Mapping[str, Any]) -> str:
    """The tables for people."""
    about = result["about"]
    lines = [
        "# Lifters",
        "",
        "Errors in millimetres, where the truth is known. Each clip is in shoulder widths by its own normalisation,"
        " then brought to the truth's size. MPJPE: no alignment per frame, the neck's median at 0. Velocity: of the"
        " error's first difference. Bone jitter: standard deviation of a bone's length over time.",
        "",
        f"`{about['command']}`; noise: {about['noise']}; date {about['date']}.",
    ]
    for title, part in result["tables"].items():
        body = [
            [name, *("" if np.isnan(row[c]) else f"{row[c]:.1f}" for c in COLUMNS), str(row["clips"])]
            for name, row in part.items()
        ]
        lines += ["", f"## {title}", "", *markdown_table(["lifter", *COLUMNS, "clips"], body)]
    lines += _speed_lines(result)
    if result["trainings"]:
        head = ["lifter", "data", "steps", "validation (shoulder widths)"]
        body = [
            [name, made["data"], str(made["steps"]), f"{made['validation']:.4f}"]
            for name, made in result["trainings"].items()
        ]
        lines += ["", "## Trainings", "", *markdown_table(head, body, texts=2)]
    return "\n".join(lines) + "\n"


def _speed_lines(result: Mapping[str, Any]) -> list[str]:
    speed = result["speed"]
    title = f"Speed ({speed['cores']} cores, {speed['threads']} torch threads, {speed['frames']} frames in one call)"
    sizes = {name: f"{number:,}" if number else "" for name, number in result["parameters"].items()}
    body = [[name, f"{frames:,.0f}", sizes[name]] for name, frames in speed["frames/s"].items()]
    return ["", f"## {title}", "", *markdown_table(["lifter", "frames/s", "parameters"], body)]


def trainings(config: LiftersTable, noise: str | None, work: Path) -> dict[str, Any]:
    """What the weights' headers say of their trainings."""
    found = {}
    for name, job in _jobs(config, noise, work).items():
        info = load_lifter(Path(job.out) / WEIGHTS).info
        found[name] = {**info.training, "data": info.data, "model": dict(info.model), "config": dict(info.config)}
    return found


def test_sets(config: LiftersTable, noise: str | None, run: Path | None) -> dict[str, list[View]]:
    """The clips of each part of the table."""
    motions = held_out_motion(config.clips, config.seed)
    sets = {}
    for name, model in (("true 2D", None), ("simulated detections", detector(noise))):
        rngs = [np.random.default_rng([config.seed, 0x7E58, k]) for k in range(len(motions))]  # the same cameras
        sets[f"rendered motion, {name}"] = [make_view(m[1], g, model) for m, g in zip(motions, rngs, strict=True)]
    if run is not None:
        sets["rendered video, real detections"] = _detected(run)
    if config.mocap is not None:
        sets["captured arms (CMU), an activity that was not trained on"] = captured(config, HELD_OUT)
    return sets


def captured(config: LiftersTable, activity: str) -> list[View]:
    """Real arms, seen without perspective from all `turns`: pieces of the sequences whose name has `activity` in it."""
    assert config.mocap is not None
    _, chosen = read_mocap(config.mocap).split(activity)
    pieces = views(chosen, np.radians(config.turns).tolist(), PIECE)
    provenance = Provenance(source=activity, units="pixel")
    return [
        View(PoseSequence(p.keypoints[..., :2] * 400, p.confidence, p.fps, SIGNING_50, provenance), p) for p in pieces
    ]


def _detected(run: Path) -> list[View]:
    """Dev and test clips of a finished run by the two signers that no lifter has seen."""
    unseen = {signer.name for signer in split_signers(disjoint=True)["test"]}
    result = []
    for part in ("dev", "test"):
        found, truth = open_store(run / "estimated" / part), open_truth(run / "corpus", part)
        for name in sorted(set(found) & set(truth)):
            made = truth[name].provenance.stage("perform")
            if made is not None and made.config["signer"] in unseen:
                result.append(View(found[name], truth[name]))
    return result


def make(request: Request, config: LiftersTable) -> None:
    """Train what is missing, measure, write."""
    config = usable(config)
    torch.set_num_threads(config.threads)
    noise = str(request.run / "poses" / "noise_broadcast.safetensors") if request.run else None
    rows = ways(config, noise, request.work)
    if config.only_speed:
        file = request.results / f"{request.name}.json"
        if not file.is_file():
            raise InputError(f"{file}: not there; make all of it first, without only_speed")
        result = json.loads(file.read_text(encoding="utf-8"))
    else:
        about = request.about(config, config.seed) | {
            "noise": "fitted to real detections of the run" if noise else "plain formula",
            "date": time.strftime("%Y-%m-%d"),
            "skeleton": SIGNING_50.name,
        }
        result = {"about": about, "tables": tables(config, noise, request, rows)}
        result |= {"parameters": {row.name: row.parameters for row in rows}}
        result |= {"trainings": trainings(config, noise, request.work)}
    result["speed"] = _speed(rows, config, noise)
    write_files(request.results, request.name, markdown(result), result)


def usable(config: LiftersTable) -> LiftersTable:
    """Without captured arms if their file is not there, and with no more threads than cores."""
    if config.mocap is not None and not Path(config.mocap).is_file():
        log.warning("%s: not there; the lifters are trained on rendered motion alone", config.mocap)
        known = {name: path for name, path in config.lifters.items() if name not in config.pretraining}
        config = config.model_copy(update={"mocap": None, "lifters": known, "pretraining": {}})
    return config.model_copy(update={"threads": min(config.threads, len(os.sched_getaffinity(0)))})


def tables(
    config: LiftersTable, noise: str | None, request: Request, rows: Sequence[Row]
) -> dict[str, dict[str, dict[str, Any]]]:
    """All parts: title -> row -> figures."""
    made = {}
    for title, seen in test_sets(config, noise, request.run).items():
        log.info("%s: %d clips", title, len(seen))
        frames = sum(len(view.seen) for view in seen)
        made[f"{title} ({len(seen)} clips, {frames} frames)"] = table(rows, seen, config.reference_clips)
    if config.mocap is not None and config.across is not None:
        title = f"captured arms (CMU), {len(config.activities)} activities, each left out of the training in turn"
        made[title] = across(config, noise, request.work, rows)
    return made


def _speed(rows: Sequence[Row], config: LiftersTable, noise: str | None) -> dict[str, Any]:
    few = config.model_copy(update={"clips": config.reference_clips})
    seen = test_sets(few, noise, None)["rendered motion, simulated detections"]
    return {
        "cores": len(os.sched_getaffinity(0)),
        "threads": config.threads,
        "frames": sum(len(view.seen) for view in seen),
        "frames/s": speeds(rows, seen),
    }
