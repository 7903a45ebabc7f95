"""Trainings of a table's networks: side by side, each kept until its clips, its config or its code change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.tables.config import ModelSpec
from skeletor.io.store import open_store
from skeletor.poses.normalise import renormalise
from skeletor.poses.pose import PoseSequence
from skeletor.support.progress import log, log_to
from slt.pipeline.cache.stage import DONE, Done, kept_stage, read_json, run_stage, stage_key
from slt.pipeline.mapping import worker_pool

WEIGHTS = "refiner.safetensors"


@dataclass(frozen=True)
class Clips:
    """Training clips: a folder of pose files, with a key of its content (and of the degraded folder's).

    names: only these clips. repeat: how often each. degraded: a folder with worse versions of the same clips, which
    are put on the clips' scale if `one_scale`.
    """

    store: Path
    key: str
    names: tuple[str, ...] | None = None
    repeat: int = 1
    degraded: Path | None = None
    one_scale: bool = True


@dataclass(frozen=True)
class Job:
    """One training. snapshots: steps after which the weights are kept too."""

    spec: ModelSpec
    clips: tuple[Clips, ...]
    seed: int
    snapshots: tuple[int, ...] = ()

    @property
    def values(self) -> dict[str, Any]:
        """All that the result depends on, but for the code."""
        clips = [(c.key, c.names, c.repeat, c.degraded is not None, c.one_scale) for c in self.clips]
        return {
            "train": self.spec.train.model_dump(mode="json"),
            "clips": clips,
            "seed": self.seed,
            "snapshots": list(self.snapshots),
        }

    @property
    def folder_name(self) -> str:
        """Label and hash: two tables that need the same training share it."""
        digest = stage_key(self.values, (), ())[:10]
        label = "".join(c if c.isalnum() else "-" for c in self.spec.label.lower())
        return f"{label}-{digest}"


def train_all(jobs: Sequence[Job], folder: Path, workers: int) -> list[Done]:
    """Train what is not there yet in `folder/<name>/`, `workers` trainings at a time with one thread each."""
    unique = {job.folder_name: job for job in jobs}
    missing = [job for name, job in unique.items() if kept_stage(name, folder / name, _key(job)) is None]
    if missing:
        log.info("%d trainings, %d of them to do", len(unique), len(missing))
        with worker_pool(min(workers, len(missing))) as pool:
            for future in [pool.submit(_train, job, folder) for job in missing]:
                future.result()
    done = {}
    for name, job in unique.items():
        key = _key(job)
        done[name] = Done(name, folder / name, key, read_json(folder / name / DONE).get("seconds", 0.0))
    return [done[job.folder_name] for job in jobs]


def _key(job: Job) -> str:
    return stage_key(job.values, (), (_train,))


def _train(job: Job, folder: Path) -> Done:
    """In a worker process."""
    import torch

    torch.set_num_threads(1)
    log_to(folder / "log.txt")

    def work(out: Path) -> None:
        from skeletor.refiners.training.train import train_refiner

        clips, degraded = read_clips(job.clips)
        train_refiner(clips, job.spec.train, out, job.seed, "cpu", degraded, snapshots=job.snapshots)

    return run_stage(job.folder_name, folder / job.folder_name, work, job.values, ())


def read_clips(sources: Sequence[Clips]) -> tuple[list[PoseSequence], list[PoseSequence] | None]:
    """All clips, and their degraded versions if any source has them (elsewhere the clip itself stands for it)."""
    clips: list[PoseSequence] = []
    worse: list[PoseSequence] = []
    for source in sources:
        store = open_store(source.store)
        found = open_store(source.degraded) if source.degraded else store
        names = [n for n in sorted(store) if n in found and (source.names is None or n in source.names)]
        own = [store[n] for n in names]
        clips += own * source.repeat
        rescale = source.degraded is not None and source.one_scale
        worse += [renormalise(found[n], store[n]) if rescale else found[n] for n in names] * source.repeat
    return clips, worse if any(s.degraded for s in sources) else None
