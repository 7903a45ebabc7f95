"""A plan of very many synthetic shards: listed, looked at, and shared out, without any work; time and memory."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from experiments.benchmarks.refine import now, peak
from slt.pipeline.mapping import worker_pool
from slt.shards.engines import slices
from slt.shards.plan import write_plan
from slt.shards.shard import finished_marker
from slt.shards.work import StageOptions


@dataclass(frozen=True)
class DryRun:
    """Of shards of one input each. listed, scheduled: CPU seconds of one process: the plan written; and each shard
    looked for and given to one of `tasks` Slurm tasks. wall: seconds of both. megabytes: above the process's own at
    most. plan_bytes: of the plan's files."""

    shards: int
    tasks: int
    listed: float
    scheduled: float
    wall: float
    megabytes: float
    plan_bytes: int


def dry_run(folder: Path, shards: int, tasks: int) -> DryRun:
    """In a process of its own, so that the memory is that of the plan (Linux)."""
    with worker_pool(1) as pool:
        return pool.submit(listed_and_scheduled, folder, shards, tasks).result()


def listed_and_scheduled(folder: Path, shards: int, tasks: int) -> DryRun:
    """See `dry_run`; `folder` is deleted before and afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    before, wall, begin = now(), time.monotonic(), time.process_time()
    options = StageOptions(device="cpu").model_dump()
    plan = write_plan(folder, "poses", options, _names(shards), 1, lambda: "dry run")
    listed = time.process_time() - begin
    todo = [shard for shard in range(plan.shards) if finished_marker(plan, shard) is None]
    groups = slices(todo, tasks)
    seconds, most = time.process_time() - begin - listed, peak()
    assert sum(map(len, groups)) == shards
    size = sum(path.stat().st_size for path in folder.iterdir())
    shutil.rmtree(folder)
    return DryRun(shards, tasks, listed, seconds, time.monotonic() - wall, (most - before) / 1e6, size)


def _names(count: int) -> Iterator[Path]:
    """Files that are not there, named as those of a large corpus may be."""
    return (Path(f"/corpus/videos/{number // 1000:05d}/{number:09d}-clip.mp4") for number in range(count))
