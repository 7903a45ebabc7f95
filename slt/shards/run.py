"""All shards of a plan by an engine, and what became of them: one table whatever the engine."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from skeletor.files.atomic import remove_leftovers, write_text
from skeletor.support.progress import progress, span
from slt.shards.engines import LOG_SECONDS, Ended, Engine, one_thread
from slt.shards.plan import Plan
from slt.shards.shard import Build, finished_marker, forget_deaths, read_marker, run_shard
from slt.shards.spread import there
from slt.shards.work import nothing_of

FAILED = "failed.tsv"
_UNSEEN = "its result cannot be seen here (a folder that not all nodes share, or see late); start again"


@dataclass(frozen=True)
class Outcome:
    """shards: of the plan; kept: finished before; lost: without a result, with a line each. clips, frames: in all
    results; failed, empty: inputs that could not be used, and those out of which nothing came: FAILED lists both.
    nothing: what these are called. seconds: of this call."""

    shards: int
    kept: int
    lost: tuple[Ended, ...]
    clips: int
    frames: int
    failed: int
    seconds: float
    empty: int = 0
    nothing: str = nothing_of("")

    def lines(self) -> list[str]:
        """The table as lines of text."""
        made = self.shards - self.kept - len(self.lost)
        rate = f", {self.clips / self.seconds:.1f} clips/s" if made and not self.kept and self.seconds else ""
        text = f"{self.shards} shards: {made} made, {self.kept} kept, {len(self.lost)} lost"
        frames = f", {self.frames} frames" if self.frames else ""
        empty = f", {self.empty} {self.nothing}" if self.empty else ""
        return [f"{text}; {self.clips} clips{frames}, {self.failed} inputs failed{empty}; {span(self.seconds)}{rate}"]


def run_plan(plan: Plan, engine: Engine, build: Build | None = None) -> Outcome:
    """Make the shards that are not finished. What failed is written to `failed.tsv` of the plan's folder.

    build: see `run_shard`; its workers stand in the folder in which this process stands. Each marker is read once, and
    once more if its shard was made.
    """
    begin = time.monotonic()
    sums, todo = _Sums(), []
    for shard in range(plan.shards):
        marker = finished_marker(plan, shard)
        if marker is None:
            todo.append(shard)
        else:
            sums.add(shard, marker)
    for shard in todo:
        forget_deaths(plan, shard)
    folders = sorted({plan.result(shard).parent for shard in todo})
    for folder in folders:
        remove_leftovers(folder)  # of a killed run
    one_thread()
    job = partial(run_shard, plan.folder, build=build)
    ended = engine.run(job if build is None else partial(there, os.getcwd(), job), todo) if todo else iter(())
    told = progress(ended, plan.stage, total=len(todo), unit="shard", log_every=LOG_SECONDS)
    errors = {one.shard: one for one in told if one.error}
    for folder in folders:
        remove_leftovers(folder)  # of killed workers
    for shard in todo:
        marker = None if shard in errors else read_marker(plan, shard)
        if marker is not None and marker["key"] == plan.key:
            sums.add(shard, marker)
        elif shard not in errors:
            errors[shard] = Ended(shard, _UNSEEN)
    write_text(plan.folder / FAILED, "input\treason\n" + "".join(sums.lines()))
    lost = tuple(errors[shard] for shard in sorted(errors))
    kept = plan.shards - len(todo)
    spent, nothing = time.monotonic() - begin, nothing_of(plan.stage)
    return Outcome(plan.shards, kept, lost, sums.clips, sums.frames, sums.failures, spent, sums.empty, nothing)


class _Sums:
    """What the markers say together."""

    def __init__(self) -> None:
        self.clips = self.frames = self.failures = self.empty = 0
        self._listed: dict[int, list[dict[str, str]]] = {}

    def add(self, shard: int, marker: Mapping[str, Any]) -> None:
        """One more."""
        self.clips += marker["clips"]
        self.frames += marker["frames"] or 0
        empty = marker.get("empty", [])
        if marker["failed"] or empty:
            self._listed[shard] = marker["failed"] + empty
            self.failures += len(marker["failed"])
            self.empty += len(empty)

    def lines(self) -> Iterator[str]:
        """A line for each input that could not be used, by shard."""
        for shard in sorted(self._listed):
            for one in self._listed[shard]:
                name, reason = _cell(one["input"]), _cell(one["reason"])
                yield f"{name}\t{reason.removeprefix(f'{name}: ')}\n"


def records_of(plan: Plan, shard: int) -> list[dict[str, Any]]:
    """The records of a finished shard of texts; of inputs that ended their workers only "input" and "failed"."""
    marker = read_marker(plan, shard)
    if marker is None:
        return []
    file = None if marker["file"] is None else plan.result(shard).parent / str(marker["file"])
    lines = [] if file is None else file.read_text(encoding="utf-8").split("\n")[:-1]
    records = [json.loads(line) for line in lines]
    told = {record.get("input") for record in records}
    dead = [one for one in marker["failed"] + marker.get("empty", []) if one["input"] not in told]
    return records + [{"input": one["input"], "failed": one["reason"]} for one in dead]


def results_of(plan: Plan) -> Sequence[Path]:
    """The files of results of a finished plan, in the order of its shards: the inputs of the next stage."""
    found = []
    for shard in range(plan.shards):
        marker = read_marker(plan, shard)
        if marker is not None and marker["file"] is not None:
            found.append(plan.result(shard).parent / marker["file"])
    return found


def _cell(text: str) -> str:
    return " ".join(text.split())
