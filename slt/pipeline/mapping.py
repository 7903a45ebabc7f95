"""Stages mapped over folders of pose shards, in worker processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Protocol

from skeletor.errors import InputError
from skeletor.io import native
from skeletor.pose import PoseSequence
from skeletor.progress import log, progress


class BatchStage(Protocol):
    """A stage that takes many pose sequences at once."""

    def many(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """One result for each input, in order."""
        ...


def map_store(source: Path, target: Path, make: Callable[[], BatchStage], what: str, workers: int) -> None:
    """Apply a stage to each shard of `source`; shards that `target` holds already are kept.

    make: builds the stage in the worker process; must be picklable. A clip that the stage refuses is left
    out of the result and logged.
    """
    shards = sorted(source.glob("*.safetensors"))
    work = [(shard, target / shard.name) for shard in shards if not (target / shard.name).exists()]
    if not work:
        return
    with ProcessPoolExecutor(min(workers, len(work)), multiprocessing.get_context("spawn")) as pool:
        results = pool.map(partial(_map_shard, make=make), work)
        for refused in progress(results, what, total=len(work), unit="shard"):
            for name, reason in refused.items():
                log.warning("%s: %s left out: %s", what, name, reason)


def _map_shard(paths: tuple[Path, Path], make: Callable[[], BatchStage]) -> dict[str, str]:
    one_thread()
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
    native.write_shard(done, paths[1])
    return refused


def one_thread(threads: int = 1) -> None:
    """Torch threads of this process: one where the parallelism is over processes."""
    import torch

    torch.set_num_threads(threads)
