"""`slt shards` under failures: the same bytes by each engine, what deaths and full disks leave, what engines cost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from experiments.report import number, table, write_files
from experiments.request import Request
from experiments.scale import costs
from experiments.scale.clips import short_clips
from experiments.scale.corpora import Here, planned, rendered_poses, tiny_poses, tree
from experiments.scale.costs import Cost, Sharing
from experiments.scale.engines import LABELS, Name, Nodes, engine, installed, ray_nodes
from experiments.scale.gaps import gaps
from experiments.scale.kept import MADE_BY, Parts, by_part, read_parts, together
from experiments.scale.plain_ray import PlainRay
from experiments.scale.trials import TRIALS, Setting, Trial
from skeletor.support.config import Config
from skeletor.support.progress import log
from slt.shards.run import run_plan

Part = Literal["bytes", "failures", "costs", "ray"]
_PLAIN = "ray, a plain task a shard"
_REAL = 5.0  # seconds of the shards that the overhead is told of


class ShardsConfig(Config):
    """engines: those that are not installed are left out. clips: rendered, their poses lifted. videos: of so many
    frames each, estimated and compared too. failing: clips of each trial of a failure. size: inputs in a shard.
    overhead: shards of one input. waits: shards that only wait, for so many seconds. small, posed, posed_frames: of
    where Ray's time goes (`experiments.scale.gaps`)."""

    engines: list[Name] = Field(["local", "slurm", "ray"])
    parts: list[Part] = Field(["bytes", "failures", "costs", "ray"])
    clips: int = Field(200, ge=2)
    videos: int = Field(8, ge=0)
    frames: int = Field(4, ge=4)
    failing: int = Field(24, ge=8)
    size: int = Field(2, ge=1)
    workers: int = Field(2, ge=1)
    overhead: int = Field(1000, ge=2)
    waits: int = Field(40, ge=2)
    seconds: float = Field(0.5, gt=0)
    small: int = Field(100, ge=4)
    posed: int = Field(8, ge=2)
    posed_frames: int = Field(10, ge=4)


def make(request: Request, config: ShardsConfig) -> None:
    """All parts that are asked for; the page is written after each, and keeps what others made before. Each has its own
    Ray cluster: in one a node is killed."""
    engines = [name for name in config.engines if installed(name)]
    work = request.work
    shutil.rmtree(work / "out", ignore_errors=True)
    old, made_by = read_parts(request.results / f"{request.name}.json")
    parts: Parts = {}
    for part in config.parts:
        if part == "ray":
            if "ray" not in engines:
                continue
            parts["ray"] = list(gaps(config.small, config.posed, config.posed_frames, work))  # it has its own clusters
        else:
            with ray_nodes("ray" in engines) as nodes:
                if part == "bytes":
                    parts["bytes"] = same_bytes(config, engines, work, nodes)
                elif part == "failures":
                    parts["failures"] = failures(config, engines, work, nodes)
                else:
                    parts["costs"], parts["sharing"] = all_costs(config, engines, work, nodes)
        made_by = by_part(made_by, part, engines, request.command)
        write(request, config, together(old, parts), made_by)


def write(request: Request, config: ShardsConfig, parts: Parts, made_by: dict[str, str]) -> None:
    """The files of what has been found so far. made_by: the command, by part."""
    values = {**request.about(config, None), "cores": os.cpu_count(), MADE_BY: made_by}
    plain = {name: [asdict(row) if not isinstance(row, list) else row for row in rows] for name, rows in parts.items()}
    commands: dict[str, list[str]] = {}
    for part, command in made_by.items():
        commands.setdefault(command, []).append(part)
    by = "; ".join(f"{', '.join(names)}: `{command}`" for command, names in commands.items())
    note = f"{os.cpu_count()} cores, other work on them. Made by {by}."
    write_files(request.results, request.name, "\n\n".join([*page(parts, config), note]), values | plain)


def same_bytes(config: ShardsConfig, engines: Sequence[Name], work: Path, nodes: Nodes | None) -> list[list[str]]:
    """A row a stage and engine: inputs, shards, and whether the bytes are those of one process alone."""
    found = []
    inputs = {"lift": rendered_poses(config.clips, work / "poses")}
    if config.videos:
        inputs["poses"] = short_clips(config.videos, config.frames, work / "videos")
    for stage, paths in inputs.items():
        plain = planned(work / "out" / f"{stage}-plain", stage, paths, 10 if stage == "lift" else config.size)
        run_plan(plain, Here())
        expected = tree(plain)
        for name in engines:
            plan = planned(work / "out" / f"{stage}-{name}", stage, paths, plain.size)
            own = engine(name, config.workers, work / "out" / f"{stage}-{name}-logs", nodes)
            outcome = run_plan(plan, own)
            equal = tree(plan) == expected and not outcome.lost and outcome.clips == len(paths)
            found.append([stage, LABELS[name], f"{len(paths)}", f"{plan.shards}", f"{outcome.frames}",
                          "yes" if equal else "NO"])  # fmt: skip
            log.info("%s", found[-1])
    return found


def failures(config: ShardsConfig, engines: Sequence[Name], work: Path, nodes: Nodes | None) -> list[Trial]:
    """All trials with all engines."""
    inputs = rendered_poses(config.failing, work / "poses")
    plain = planned(work / "out" / "failures-plain", "lift", inputs, config.size)
    run_plan(plain, Here())
    found = []
    for name in engines:
        own = nodes if name == "ray" else None
        setting = Setting(name, inputs, config.size, config.workers, work / "out", tree(plain), own)
        found += [trial(setting) for trial in TRIALS]
    return found


def all_costs(
    config: ShardsConfig, engines: Sequence[Name], work: Path, nodes: Nodes | None
) -> tuple[list[Cost], list[Sharing]]:
    """CPU over many small shards, the work alone and a plain pool first; then how two workers share."""
    inputs = tiny_poses(config.overhead, work / "tiny", rendered_poses(2, work / "poses")[0])
    folder = work / "out" / "costs"
    found = [costs.in_this_process(inputs, folder), costs.whole_run("multiprocessing.Pool", inputs, folder, None)]
    shared = []
    for name in engines:
        make_engine = partial(_engine, name, work / "out" / "costs-logs", nodes)
        found.append(costs.whole_run(LABELS[name], inputs, folder, make_engine(config.workers)))
        log.info("%s", found[-1])
        shared.append(costs.sharing(LABELS[name], make_engine, config.waits, config.seconds, work / "out" / "waits"))
        log.info("%s", shared[-1])
    if nodes is not None:
        plain = partial(PlainRay, nodes.cluster.address)
        found.append(costs.whole_run(_PLAIN, inputs, folder, plain(config.workers)))
        shared.append(costs.sharing(_PLAIN, plain, config.waits, config.seconds, work / "out" / "waits"))
    return found, shared


def _engine(name: Name, logs: Path, nodes: Nodes | None, workers: int) -> Any:
    return engine(name, workers, logs, nodes)


def page(parts: Parts, config: ShardsConfig) -> list[str]:
    """The tables, each as text."""
    shown = []
    if "bytes" in parts:
        head = ["stage", "engine", "inputs", "shards", "frames", "the bytes of one process alone"]
        shown.append("\n".join(table(head, parts["bytes"], texts=2)))
    if "failures" in parts:
        shown.append("\n".join(table(
            ["what goes wrong", "engine", "shards", "runs until all is done", "shards lost before", "clips missing",
             "clips twice", "listed as failed", "as it should be"],
            [[one.what, LABELS[one.engine], f"{one.shards}", f"{one.runs}", f"{len(one.lost)}", f"{one.missing}",
              f"{one.twice}", f"{len(one.listed)}", "yes" if one.passed else "NO"] for one in parts["failures"]],
            texts=2)))  # fmt: skip
    if "costs" in parts:
        base = parts["costs"][0]
        rows = [
            [one.name, f"{one.shards}", f"{one.cpu:.1f} s", f"{one.wall:.0f} s",
             "" if one is base else f"{1000 * (one.cpu - base.cpu) / one.shards:.1f} ms",
             "" if one is base else f"{number(100 * (one.cpu - base.cpu) / one.shards / _REAL, 2)} %"]
            for one in parts["costs"]
        ]  # fmt: skip
        head = ["small shards", "shards", "CPU", "wall", "overhead a shard, CPU", f"of a shard of {_REAL:g} s"]
        shown.append("\n".join(table(head, rows)))
        head = [f"shards that wait {config.seconds:g} s", "shards", "each took", "one worker", "two workers", "ratio"]
        rows = [[one.name, f"{one.shards}", f"{one.own:.3f} s", f"{one.one:.1f} s", f"{one.two:.1f} s",
                 f"{one.speed:.2f}"] for one in parts["sharing"]]  # fmt: skip
        shown.append("\n".join(table(head, rows)))
    if "ray" in parts:
        head = ["stage", "by", "niceness of its processes", "shards", "processes", "ms a shard, of all", "within one",
                "of that CPU", "CPU of a process' first", "between two of a process"]  # fmt: skip
        rows = [
            [one.stage, one.way, f"{one.niceness}", f"{one.shards}",
             f"{one.processes}", *(f"{1000 * value:.0f}" for value in (one.a_shard, one.own, one.cpu, one.first)),
             f"{1000 * one.between:.1f}"]
            for one in parts["ray"]
        ]  # fmt: skip
        shown.append("\n".join(table(head, rows, texts=2)))
    return shown
