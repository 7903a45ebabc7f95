"""What an engine costs beside the work: CPU seconds over many small shards, and how two workers share shards that wait.

CPU seconds are counted for all processes that take part, so that other load on the machine matters little.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from experiments.scale.corpora import Here, planned
from experiments.scale.jobs import waiting
from experiments.scale.processes import Counted
from slt.shards.engines import Engine
from slt.shards.run import run_plan
from slt.shards.shard import run_shard


@dataclass(frozen=True)
class Cost:
    """Of one way to work off shards. cpu, wall: seconds. shards: that were made."""

    name: str
    cpu: float
    wall: float
    shards: int


@dataclass(frozen=True)
class Sharing:
    """Shards that wait, by one and by two workers. one, two: seconds from the first begin to the last end.

    longest: mean of what a shard took in fact, for the system may let it wait longer than it asked.
    """

    name: str
    shards: int
    asked: float
    own: float
    one: float
    two: float

    @property
    def speed(self) -> float:
        """How many times faster two are."""
        return self.one / self.two


def measured(name: str, shards: int, work: Callable[[], object]) -> Cost:
    """CPU of this process and all below it, and wall time."""
    wall = time.monotonic()
    with Counted(os.getpid()) as counted:
        work()
    return Cost(name, counted.seconds, time.monotonic() - wall, shards)


def whole_run(name: str, inputs: Sequence[Path], folder: Path, engine: Engine | None, workers: int = 2) -> Cost:
    """A run over shards of one input each, from the plan to the sums. engine: None is `multiprocessing.Pool`."""
    shutil.rmtree(folder, ignore_errors=True)
    plan = planned(folder, "lift", inputs, 1)

    def pool() -> None:
        with multiprocessing.get_context("spawn").Pool(workers) as own:
            for _ in own.imap_unordered(partial(run_shard, plan.folder), range(plan.shards)):
                pass
            own.close()
            own.join()

    cost = measured(name, plan.shards, pool if engine is None else lambda: run_plan(plan, engine))
    shutil.rmtree(folder)
    return cost


def in_this_process(inputs: Sequence[Path], folder: Path) -> Cost:
    """The work alone: the same shards one after the other."""
    return whole_run("in this process", inputs, folder, Here())


def sharing(name: str, make: Callable[[int], Engine], shards: int, seconds: float, folder: Path) -> Sharing:
    """Shards that only wait, by one worker and by two."""
    spans: list[float] = []
    own = 0.0
    for workers in (1, 2):
        marks = folder / f"{name}-{workers}"
        shutil.rmtree(marks, ignore_errors=True)
        marks.mkdir(parents=True)
        for one in make(workers).run(partial(waiting, seconds, marks), range(shards)):
            assert one.error is None, one.error
        times = [json.loads((marks / f"{shard}.times").read_text()) for shard in range(shards)]
        spans.append(max(end for _, end in times) - min(begin for begin, _ in times))
        own += sum(end - begin for begin, end in times) / (2 * shards)
    return Sharing(name, shards, seconds, own, *spans)
