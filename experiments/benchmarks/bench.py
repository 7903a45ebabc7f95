"""`make bench`: every stage beside a peer, in one run and one table."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field

from experiments.benchmarks import estimate, lift, recognise, refine, shards, stream, translate
from experiments.benchmarks.table import Row, markdown
from experiments.report import write_files
from experiments.request import Request
from skeletor.poses.pose import PoseSequence
from skeletor.refiners.training.train import WEIGHTS
from skeletor.support.config import Config
from skeletor.support.progress import log
from slt.inference.chain import newest_model

Stage = Literal["estimate", "lift", "refine", "translate", "recognise", "shards", "stream"]
STAGES: tuple[Stage, ...] = ("estimate", "lift", "refine", "translate", "recognise", "shards", "stream")


class BenchConfig(Config):
    """Sizes. frames: rendered. cycles: of the published lifter. store: frames that the refiner is trained on; steps: of
    that. clip: frames that are refined. lengths: seconds of clips whose memory is measured. updates: of translators,
    on so many sentences if there is no corpus. shards: small ones; waits: those that wait, for so many seconds.
    streamed: clips in shards that a training goes through; draws: batches of windows. repeats: of what is refined, of
    which the fastest counts. read: clips whose glosses are read.
    """

    only: list[Stage] = Field(list(STAGES))
    frames: int = Field(600, ge=1)
    cycles: int = Field(1000, ge=1)
    store: int = Field(100_000, ge=500)
    steps: int = Field(60, ge=3)
    clip: int = Field(768, ge=64)
    lengths: list[int] = Field([60, 3600])
    updates: int = Field(40, ge=1)
    sentences: int = Field(3000, ge=320)
    shards: int = Field(400, ge=2)
    waits: int = Field(40, ge=2)
    seconds: float = Field(0.5, gt=0)
    streamed: list[int] = Field([2000, 100_000], min_length=1)
    draws: int = Field(300, ge=1)
    repeats: int = Field(3, ge=1)
    read: int = Field(96, ge=1)


def make(request: Request, config: BenchConfig) -> None:
    """Measure all stages, one thread each, and write the table."""
    torch.set_num_threads(1)
    found: list[Row] = []
    for row in rows(request, config):
        log.info(
            "%-36s %10.0f %-11s  %-26s %10.0f  %8.2fx", row.stage, row.ours, row.unit, row.peer, row.theirs, row.ratio
        )
        found.append(row)
    about = f"{os.cpu_count()} cores, one thread"
    values = {**request.about(config, None), "cores": os.cpu_count(), "rows": [row.as_dict() for row in found]}
    write_files(request.results, request.name, markdown(found, about), values)


def rows(request: Request, config: BenchConfig) -> Iterator[Row]:
    """Stage by stage; each works on what the one before made."""
    clips = estimate.rendered(config.frames, request.work / "clips")
    if "estimate" in config.only:
        yield from estimate.rows(clips)
    lifted: list[PoseSequence] = []
    lifting = list(lift.rows(clips.planar, lifted, config.cycles))
    if "lift" in config.only:
        yield from lifting
        yield from estimate.file_rows(lifted, request.work)
    if "refine" in config.only:
        yield from refining(request.work / "refiner", config)
    if "translate" in config.only:
        model = newest_model()
        if model is None:
            log.warning("translate: no trained model under runs/; run `make pipeline` first")
        else:
            yield from translate.model_rows(model, lifted)
        yield from translate.rows(request.corpus, config.updates, config.sentences)
    if "shards" in config.only:
        yield from shards.rows(config.shards, config.waits, config.seconds, request.work / "shards")
    if "stream" in config.only:
        yield from stream.rows(request.work / "stream", config.streamed, config.draws)
    if "recognise" in config.only:
        pairs = translate.sentences(request.corpus, config.sentences)["train"]
        yield from recognise.rows(pairs, config.updates, config.read)


def refining(folder: Path, config: BenchConfig) -> Iterator[Row]:
    """Training, speed and memory of the refiner."""
    yield from refine.training_rows(folder, config.store, config.steps, config.draws)
    weights = folder / WEIGHTS
    yield from refine.rows(weights, config.clip, config.repeats)
    yield from refine.memory_rows(weights, {f"{seconds} s": 25 * seconds for seconds in config.lengths})
