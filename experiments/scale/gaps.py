"""Where the time of a small shard goes by Ray: within the shard, and between two shards of a worker."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from experiments.scale.clips import short_clips
from experiments.scale.corpora import Wrapped, planned, rendered_poses, tiny_poses
from experiments.scale.engines import ray_nodes
from experiments.scale.jobs import timed
from experiments.scale.plain_ray import PlainRay
from skeletor.support.progress import log
from slt.shards.engines import Engine, Local
from slt.shards.on_ray import Ray
from slt.shards.run import run_plan

RAYS_OWN = 15  # how nice Ray's workers are where nobody says otherwise


@dataclass(frozen=True)
class Gaps:
    """Of one way to work off small shards. niceness: of the processes that did them.

    processes: that did shards. Seconds: a_shard, from the first begin to the last end over all; own, cpu, between:
    medians of wall and CPU within a shard, and of wall between two of a process; first: CPU of a process' first shard,
    the mean of all processes.
    """

    stage: str
    way: str
    niceness: int
    shards: int
    processes: int
    a_shard: float
    own: float
    cpu: float
    first: float
    between: float


@dataclass(frozen=True)
class _Way:
    name: str
    engine: Engine


def gaps(small: int, clips: int, frames: int, work: Path) -> Iterator[Gaps]:
    """By processes here, by plain Ray tasks and by actors. small: shards of one tiny file of poses, which are lifted.
    clips: of so many frames, estimated by MediaPipe, one a shard."""
    inputs = {
        "lift": tiny_poses(small, work / "tiny", rendered_poses(2, work / "poses")[0]),
        "poses": short_clips(clips, frames, work / f"videos{frames}"),
    }
    yield from (measured(stage, paths, _Way("local, two workers", Local(2)), work) for stage, paths in inputs.items())
    with ray_nodes(True, RAYS_OWN) as nodes:
        assert nodes is not None
        address = nodes.cluster.address
        for way in (_Way("a task a shard, two at a time", PlainRay(address, 2)),
                    _Way("actors, two", Ray(address, 2))):  # fmt: skip
            yield measured("lift", inputs["lift"], way, work)
    with ray_nodes(True) as nodes:
        assert nodes is not None
        address = nodes.cluster.address
        ways = [_Way("a task a shard, two at a time", PlainRay(address, 2)),
                _Way("a task a shard, four at a time", PlainRay(address, 4)),
                _Way("actors, two", Ray(address, 2)),
                _Way("a task a shard, one at a time", PlainRay(address, 1)),
                _Way("actors, one", Ray(address, 1))]  # fmt: skip
        yield from (measured(stage, paths, way, work) for stage, paths in inputs.items() for way in ways)


def measured(stage: str, inputs: Sequence[Path], way: _Way, work: Path) -> Gaps:
    """One way."""
    folder = work / "out" / "gaps"
    shutil.rmtree(folder, ignore_errors=True)
    plan = planned(folder, stage, inputs, 1)
    marks = folder / "marks"
    marks.mkdir()
    outcome = run_plan(plan, Wrapped(way.engine, timed, marks))
    assert outcome.clips == len(inputs), outcome
    found = gaps_of(stage, way.name, [json.loads(path.read_text()) for path in marks.glob("*.times")])
    log.info("%s", found)
    return found


def gaps_of(stage: str, way: str, told: Sequence[tuple[int, int, float, float, float]]) -> Gaps:
    """told: of each shard the process and its niceness, begin, end, and CPU seconds."""
    of = defaultdict[int, list[tuple[float, float, float]]](list)
    for pid, _, *times in sorted(told, key=lambda one: one[2]):
        of[pid].append((times[0], times[1], times[2]))
    between = [after[0] - before[1] for rows in of.values() for before, after in pairwise(rows)]
    begins, ends = [one[2] for one in told], [one[3] for one in told]
    whole, own = max(ends) - min(begins), [end - begin for begin, end in zip(begins, ends, strict=True)]
    first = sum(rows[0][2] for rows in of.values()) / len(of)
    return Gaps(stage, way, max(one[1] for one in told), len(told), len(of), whole / len(told), median(own),
                median(one[4] for one in told), first, median(between) if between else 0.0)  # fmt: skip
