"""Stages mapped over folders of pose shards, in worker processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

from skeletor.io import native
from skeletor.poses.pose import PoseSequence
from skeletor.support import workers as workers_
from skeletor.support.errors import InputError
from skeletor.support.progress import log, progress


class BatchStage(Protocol):
    """A stage that takes many pose sequences at once."""

    def many(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """One result for each input, in order. Raises InputError if the stage refuses one."""
        ...


class Spread(Protocol):
    """Runs a job for each number below `count` somewhere, on this machine or others that see the same files.

    What it could not do is found missing, and is done here. what: for the log. The job can be pickled.
    """

    def __call__(self, job: Callable[[int], None], count: int, what: str) -> None:
        """Gives back when all that could be done is done."""
        ...


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """`skeletor.support.workers.worker_pool` with one thread in each process: the parallelism is over processes."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read by numerical libraries when a worker starts
    with workers_.worker_pool(workers) as pool:
        yield pool


def map_stores(
    folders: Mapping[Path, Path],
    make: Callable[[], BatchStage],
    what: str,
    workers: int,
    spread: Spread | None = None,
) -> None:
    """Apply a stage to each shard of the `folders` (source -> target), in worker processes, or first by `spread`.

    Shards already in a target are kept. make: builds the stage in the worker process; must be picklable. A clip for
    which the stage raises InputError is left out of the result and logged.
    """
    pairs = [
        (shard, target / shard.name) for source, target in folders.items() for shard in source.glob("*.safetensors")
    ]
    work = sorted(pair for pair in pairs if not pair[1].exists())
    if spread is not None and work:
        spread(partial(_map_numbered, work, make), len(work), what)
        work = [pair for pair in work if not pair[1].exists()]
    if not work:
        return
    with worker_pool(min(workers, len(work))) as pool:
        results = pool.map(partial(_map_shard, make=make), work)
        for refused in progress(results, what, total=len(work), unit="shard"):
            for name, reason in refused.items():
                log.warning("%s: %s left out: %s", what, name, reason)


def _map_numbered(work: Sequence[tuple[Path, Path]], make: Callable[[], BatchStage], number: int) -> None:
    _map_shard(work[number], make, whole=True)


def _map_shard(paths: tuple[Path, Path], make: Callable[[], BatchStage], whole: bool = False) -> dict[str, str]:
    """The clips that are refused, with the reason. whole: InputError if there are any, and nothing is written."""
    stage = make()
    shard = dict(native.open_shard(paths[0]))
    refused: dict[str, str] = {}
    try:
        done = dict(zip(shard, stage.many(list(shard.values())), strict=True))
    except InputError:
        done = {}
        for name, pose in shard.items():
            try:
                done[name] = stage.many([pose])[0]
            except InputError as error:
                refused[name] = str(error)
    if whole and refused:
        raise InputError(next(iter(refused.values())))
    native.write_shard(done, paths[1])
    return refused
