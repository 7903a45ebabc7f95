"""All shards of a plan by an engine, and what became of them: one table whatever the engine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from skeletor.files.atomic import write_text
from skeletor.support.progress import progress, span
from slt.shards.engines import Ended, Engine
from slt.shards.plan import Plan
from slt.shards.shard import failures, finished, forget_deaths, read_marker, run_shard

FAILED = "failed.tsv"


@dataclass(frozen=True)
class Outcome:
    """shards: of the plan; kept: finished before; lost: without a result, with a line each. clips, frames: in all
    results; failed: inputs that are listed in FAILED. seconds: of this call."""

    shards: int
    kept: int
    lost: tuple[Ended, ...]
    clips: int
    frames: int
    failed: int
    seconds: float

    def lines(self) -> list[str]:
        """The table as lines of text."""
        made = self.shards - self.kept - len(self.lost)
        rate = f", {self.clips / self.seconds:.1f} clips/s" if made and not self.kept and self.seconds else ""
        text = f"{self.shards} shards: {made} made, {self.kept} kept, {len(self.lost)} lost"
        frames = f", {self.frames} frames" if self.frames else ""
        return [f"{text}; {self.clips} clips{frames}, {self.failed} inputs failed; {span(self.seconds)}{rate}"]


def run_plan(plan: Plan, engine: Engine) -> Outcome:
    """Make the shards that are not finished. What failed is written to `failed.tsv` of the plan's folder."""
    begin = time.monotonic()
    todo = [shard for shard in range(plan.shards) if not finished(plan, shard)]
    for shard in todo:
        forget_deaths(plan, shard)
    job = partial(run_shard, plan.folder)
    ended = engine.run(job, todo) if todo else iter(())
    lost = [one for one in progress(ended, plan.stage, total=len(todo), unit="shard") if one.error is not None]
    listed = [f"{_cell(name)}\t{_cell(reason)}\n" for name, reason in failures(plan)]
    write_text(plan.folder / FAILED, "input\treason\n" + "".join(listed))
    clips, frames = _sums(plan)
    return Outcome(
        plan.shards, plan.shards - len(todo), tuple(lost), clips, frames, len(listed), time.monotonic() - begin
    )


def _sums(plan: Plan) -> tuple[int, int]:
    markers = [read_marker(plan, shard) for shard in range(plan.shards)]
    known = [marker for marker in markers if marker is not None]
    return sum(m["clips"] for m in known), sum(m["frames"] or 0 for m in known)


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
