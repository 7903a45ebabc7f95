"""The one table of `make bench`: what our stage does a second, and what a peer does, measured in the same run.

CPU seconds of all threads of this process, after a warm-up, so that other load matters little. A ratio above 1 means
that ours is better.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from experiments.report import number, table

MEGABYTES = "MB"


@dataclass(frozen=True)
class Row:
    """One line. ours, theirs: `unit` of our stage and of its peer; more is better, but for megabytes."""

    stage: str
    unit: str
    ours: float
    peer: str
    theirs: float

    @property
    def ratio(self) -> float:
        """How many times better ours is."""
        more, less = (self.theirs, self.ours) if self.unit == MEGABYTES else (self.ours, self.theirs)
        return more / max(less, 1e-9)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {**asdict(self), "ratio": self.ratio}


def cpu_seconds(work: Callable[[], object], repeat: int = 1) -> float:
    """The least CPU seconds of some calls."""
    least = float("inf")
    for _ in range(repeat):
        start = time.process_time()
        work()
        least = min(least, time.process_time() - start)
    return max(least, 1e-9)


def rate(work: Callable[[], object], count: float, repeat: int = 1) -> float:
    """How many of `count` things a CPU second takes."""
    return count / cpu_seconds(work, repeat)


def markdown(rows: Sequence[Row], about: str) -> str:
    """The table. about: the machine."""
    body = [
        [row.stage, row.unit, row.peer, f"{row.ours:,.0f}", f"{row.theirs:,.0f}", f"{number(row.ratio)}x"]
        for row in rows
    ]
    note = f"{about}. A second is one of CPU time; ratios above 1 mean that ours is better. Made by `make bench`."
    return "\n".join([*table(["stage", "unit", "peer", "ours", "peer's", "ratio"], body, texts=3), "", note]) + "\n"
