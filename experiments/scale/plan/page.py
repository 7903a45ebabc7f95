"""A page that plans corpora of millions of frames: shards, bytes, core hours and cost, and what breaks first."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import Field

from experiments.report import number, table, write_files
from experiments.request import Request
from experiments.scale.plan.million import DryRun, dry_run
from experiments.scale.plan.rates import LIFT, POSES, REFINE, TRANSLATE, Rates, measure
from skeletor.support.config import Config

_HOUR, _YEAR = 3600.0, 24 * 365
_WRITES_POSES = (LIFT, REFINE)  # beside those that begin with "poses"
_A_FOLDER = 1000  # shards to a folder


class PlanConfig(Config):
    """frames: of the corpora. clip: frames of a clip. size: inputs in a shard, as `slt shards` has it. price: of an
    hour of a core, in any currency. cores: machines that are counted for. tasks: of Slurm in the dry run of so many
    shards. measured: frames that the stages are timed on; packed: frames in a store; looked, handed: shards.
    shards_file: results of `python -m experiments shards`."""

    frames: list[int] = Field([25_000_000, 1_000_000_000], min_length=1)
    clip: int = Field(100, ge=1)
    size: int = Field(32, ge=1)
    price: float = Field(0.04, ge=0)
    cores: list[int] = Field([2, 64, 1000], min_length=1)
    shards: int = Field(1_000_000, ge=1)
    tasks: int = Field(1000, ge=1)
    measured: int = Field(150, ge=8)
    packed: int = Field(5000, ge=100)
    looked: int = Field(200, ge=1)
    handed: int = Field(2000, ge=1)
    shards_file: str = "experiments/results/shards.json"


@dataclass(frozen=True)
class Planned:
    """One stage over one corpus. hours: of a core. bytes: that it writes, markers too; files: of `slt shards`.
    shard_seconds: of a core, for one shard. overhead: share of it that an engine takes, by engine; workers: more than
    that one process of this machine cannot keep busy with such shards."""

    stage: str
    frames: int
    shards: int
    hours: float
    bytes: float
    files: int
    shard_seconds: float
    overhead: dict[str, float]
    workers: float


def make(request: Request, config: PlanConfig) -> None:
    """Measure, plan, write."""
    rates = measure(request.work, config.measured, config.packed, config.looked, config.handed)
    dry = dry_run(request.work / "million", config.shards, config.tasks)
    engines = engine_seconds(Path(config.shards_file))
    rows = [one for frames in config.frames for one in planned(frames, rates, engines, config)]
    values = {**request.about(config, None), "processor": os.cpu_count(), "rates": asdict(rates),
              "dry_run": asdict(dry), "engines": engines, "rows": [asdict(row) for row in rows]}  # fmt: skip
    text = page(rows, rates, dry, engines, config) + f"\n\nMade by `{request.command}`."
    write_files(request.results, request.name, text, values)


def engine_seconds(file: Path) -> dict[str, float]:
    """CPU seconds of a shard beside the work, by engine, of a result of the experiment `shards`; {} without one."""
    if not file.is_file():
        return {}
    costs = json.loads(file.read_text(encoding="utf-8")).get("costs", [])
    if not costs:
        return {}
    alone = costs[0]["cpu"]
    others = [row for row in costs[1:] if row["name"] != "multiprocessing.Pool"]
    return {row["name"]: (row["cpu"] - alone) / row["shards"] for row in others}


def planned(frames: int, rates: Rates, engines: dict[str, float], config: PlanConfig) -> list[Planned]:
    """A row a stage over a corpus of so many frames."""
    clips = -(-frames // config.clip)
    shards = -(-clips // config.size)
    found = []
    for stage, milliseconds in rates.milliseconds.items():
        seconds = milliseconds / 1000 * config.clip * config.size
        found.append(Planned(
            stage, frames, shards, frames * milliseconds / 1000 / _HOUR,
            frames * rates.frame_bytes[stage] + shards * rates.marker, 2 * shards, seconds,
            {name: one / seconds for name, one in engines.items()}, 1000 * seconds / rates.handed,
        ))  # fmt: skip
    return found


def page(rows: Sequence[Planned], rates: Rates, dry: DryRun, engines: dict[str, float], config: PlanConfig) -> str:
    """All tables."""
    parts = [
        f"A core is one of this machine ({os.cpu_count()} of them, other work on them); CPU time of one thread. "
        f"Clips of {config.clip} frames, {config.size} to a shard. A GPU: not measured, none was at hand; of these "
        f"stages those that torch does (refine, translate) could use one. Cost: {config.price:g} a core hour "
        "(`--set price=...`), any currency.",
        _rates(rates),
        *(_corpus(frames, [row for row in rows if row.frames == frames], rates, config) for frames in config.frames),
        "What breaks first:",
        _breaks(rows, rates, dry, config),
        "A dry run: shards of one input that is not there are listed, looked for, and shared out to Slurm tasks.",
        _dry(dry),
    ]
    if engines:
        parts.append(f"CPU time of a shard beside its work (`{config.shards_file}`), and what share of it that is:")
        parts.append(_engines(rows, engines))
    return "\n\n".join(parts)


def _rates(rates: Rates) -> str:
    head = ["measured", "ms of a core a frame", "frames/s of a core", "bytes a frame on disk"]
    body = [
        [stage, number(milliseconds), f"{1000 / milliseconds:,.0f}", f"{rates.frame_bytes[stage]:,.0f}"]
        for stage, milliseconds in rates.milliseconds.items()
    ]
    body.append(["skeletor pack (3D)", "", "", f"{rates.frame_bytes['pack']:,.0f}"])
    return "\n".join(table(head, body))


def _corpus(frames: int, rows: Sequence[Planned], rates: Rates, config: PlanConfig) -> str:
    """Shards and bytes, hours and cost of one corpus; all stages that are needed for sentences last."""
    head = [f"{frames:,} frames", "shards", "on disk", "core hours", *(f"on {n:,} cores" for n in config.cores), "cost",
            "on a GPU"]  # fmt: skip
    whole = [row for row in rows if row.stage in (POSES, LIFT, REFINE, TRANSLATE)]
    body = [
        [row.stage, f"{row.shards:,}", size(row.bytes), *_hours(row.hours, config),
         "not measured" if row.stage in (REFINE, TRANSLATE) else "CPU only"]
        for row in rows
    ]  # fmt: skip
    hours, written = sum(row.hours for row in whole), sum(row.bytes for row in whole)
    body.append(["poses, lift, refine, translate", "", size(written), *_hours(hours, config), "not measured"])
    body.append(["skeletor pack", "", size(frames * rates.frame_bytes["pack"]), *[""] * (len(head) - 3)])
    return "\n".join(table(head, body))


def _hours(hours: float, config: PlanConfig) -> list[str]:
    return [f"{hours:,.0f}", *(span(hours / cores) for cores in config.cores), f"{hours * config.price:,.0f}"]


def _breaks(rows: Sequence[Planned], rates: Rates, dry: DryRun, config: PlanConfig) -> str:
    """Small files, the manifest, the scheduler: how much of each, by corpus."""
    head = ["", *(f"{frames:,} frames" for frames in config.frames), "then"]
    corpora = [{row.stage: row for row in rows if row.frames == frames} for frames in config.frames]
    clips = [-(-frames // config.clip) for frames in config.frames]
    a_name = dry.plan_bytes / dry.shards
    listed = dry.listed / dry.shards
    looks = [
        one[LIFT].shards * rates.looked / 1000 + one[LIFT].bytes / rates.hashed for one in corpora
    ]  # fmt: skip
    body = [
        ["files of `slt poses`, one a clip", *(f"{n:,}" for n in clips), "`slt shards`"],
        ["files of `slt shards`, a stage (result and marker)", *(f"{one[LIFT].files:,}" for one in corpora),
         "larger `--shard-size`"],
        ["folders they lie in", *(f"{-(-one[LIFT].shards // _A_FOLDER):,}" for one in corpora), ""],
        ["manifest: the list of inputs", *(size(n * a_name) for n in clips), "a plan for each part of the corpus"],
        ["manifest: CPU to write it", *(span(n * listed / _HOUR) for n in clips), "the same"],
        ["start again when all is done: markers and hashes, one core", *(span(n / _HOUR) for n in looks),
         "a plan for each part"],
        *([f"scheduler: workers that one process keeps busy, {stage}",
           *(f"{one[stage].workers:,.0f}" for one in corpora), "larger `--shard-size`; Slurm, which gets tasks"]
          for stage in (POSES, LIFT)),
    ]  # fmt: skip
    return "\n".join(table(head, body))


def _engines(rows: Sequence[Planned], engines: dict[str, float]) -> str:
    """What engines take, beside the work of a shard of each stage; the same for all corpora."""
    stages = [row for row in rows if row.frames == rows[0].frames]
    head = ["engine", "ms a shard", *(row.stage for row in stages)]
    body = [
        [name, f"{1000 * seconds:.0f}", *(f"{number(100 * row.overhead[name], 2)} %" for row in stages)]
        for name, seconds in engines.items()
    ]
    return "\n".join(table(head, body))


def _dry(dry: DryRun) -> str:
    head = ["shards", "Slurm tasks", "CPU, listed", "CPU, scheduled", "wall", "memory above the process's own",
            "plan on disk"]  # fmt: skip
    row = [f"{dry.shards:,}", f"{dry.tasks:,}", f"{dry.listed:.1f} s", f"{dry.scheduled:.1f} s", f"{dry.wall:.0f} s",
           f"{dry.megabytes:.0f} MB", size(dry.plan_bytes)]  # fmt: skip
    return "\n".join(table(head, [row], texts=0))


def size(count: float) -> str:
    """Bytes in the unit that fits."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{number(count)} {unit}"
        count /= 1000
    return f"{number(count)} TB"


def span(hours: float) -> str:
    """A time in the unit that fits."""
    for limit, unit, factor in ((1 / 60, "s", _HOUR), (1, "min", 60.0), (72, "h", 1.0), (_YEAR, "days", 1 / 24)):
        if hours < limit:
            return f"{number(hours * factor, 2 if unit != 'h' else 3)} {unit}"
    return f"{number(hours / _YEAR, 2)} years"
