"""What `slt shards` costs beside a plain pool over the same shards, and how two workers share shards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from experiments.benchmarks.table import Row
from experiments.scale.corpora import rendered_poses, tiny_poses
from experiments.scale.costs import sharing, whole_run
from slt.shards.engines import Local

_WORKERS = 2


def rows(count: int, waits: int, seconds: float, folder: Path) -> Iterator[Row]:
    """count: shards of one small input, whose CPU seconds are counted in all processes. waits: shards that wait."""
    inputs = tiny_poses(count, folder / "tiny", rendered_poses(1, folder / "poses")[0])
    pool = whole_run("pool", inputs, folder / "out", None, _WORKERS)
    ours = whole_run("local", inputs, folder / "out", Local(_WORKERS), _WORKERS)
    yield Row(
        "slt shards, 2 workers, plan and sums", "shards/s", count / ours.cpu, "multiprocessing.Pool", count / pool.cpu
    )
    shared = sharing("local", Local, waits, seconds, folder / "waits")
    stage = f"shards that wait {seconds:g} s, 2 workers"
    yield Row(stage, "1/s of wall", waits / shared.two, "1 worker", waits / shared.one)
