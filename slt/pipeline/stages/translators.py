"""The stages that train translators: one for each row of the table and each seed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from slt.pipeline.cache.stage import Done
from slt.pipeline.context import Row, Run, Training
from slt.pipeline.work.readers.train_translator import RECOGNISED, train_on_glosses, train_on_poses
from slt.translate.config import TranslateConfig

GLOSS = "gloss2text"


@dataclass(frozen=True)
class TrainedTranslator:
    """A trained translator of one row: its folder, its seed, and what it made of dev and test (clip name -> text).

    glosses: likewise what its gloss head recognised; {} if it has none.
    """

    done: Done
    seed: int
    outputs: Mapping[str, Mapping[str, str]]
    glosses: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A translator in training: its row's name, its seed, and the stage that comes."""

    row: str
    seed: int
    future: Future[Done]


def submit(pool: Executor, run: Run, rows: Sequence[Row]) -> list[Job]:
    """Submit to a pool the translators of each row, and of gloss-to-text; they are decoded when they are trained.

    A row has `config.seeds` translators that differ in nothing but their seed; a row's first seed is trained
    before any row's second.
    """
    wanted = not run.config.rows or GLOSS in run.config.rows or run.config.recogniser is not None
    gloss = run.config.gloss2text and wanted
    jobs = []
    for seed in range(run.config.seed, run.config.seed + run.config.seeds):
        jobs += [Job(row.name, seed, run.train(pool, row_training(run, row, seed))) for row in rows]
        if gloss:
            jobs.append(Job(GLOSS, seed, run.train(pool, gloss_training(run, seed))))
    return jobs


def collect(jobs: Sequence[Job]) -> dict[str, tuple[TrainedTranslator, ...]]:
    """Wait for the jobs, and give the systems of each row in the order of their seeds.

    Raises what a training raised.
    """
    systems: dict[str, tuple[TrainedTranslator, ...]] = {}
    for job in jobs:
        done = job.future.result()
        system = TrainedTranslator(done, job.seed, outputs_of(done.folder), outputs_of(done.folder, RECOGNISED))
        systems[job.row] = (*systems.get(job.row, ()), system)
    return systems


def system_folder(folder: Path, name: str, seed: int, first: int) -> Path:
    """The folder of a row's translator. The first seed's is named after the row alone: more seeds leave it there."""
    return folder / "systems" / (name if seed == first else f"{name}-s{seed}")


def row_training(run: Run, row: Row, seed: int) -> Training:
    """The training of a row's translator."""
    work = partial(train_on_poses, row.store, run.corpus, run.config.translate, seed, row.label)
    return _training(run, row.name, seed, work, (row.done, sentences(run)), run.config.translate)


def gloss_training(run: Run, seed: int) -> Training:
    """That of Gloss2Text."""
    config = gloss_recipe(run)
    return _training(run, GLOSS, seed, partial(train_on_glosses, run.corpus, config, seed), (sentences(run),), config)


def gloss_recipe(run: Run) -> TranslateConfig:
    """How Gloss2Text is trained."""
    return run.config.gloss2text_training or run.config.translate


def sentences(run: Run) -> str:
    """What is trained on and scored, whatever the poses: glosses and texts of all clips."""
    return json.dumps([(c.name, c.split, c.glosses, c.text) for c in run.corpus.clips])


def _training(
    run: Run, name: str, seed: int, work: Callable[[Path], object], inputs: Sequence[Done | str],
    config: TranslateConfig,
) -> Training:  # fmt: skip
    target = system_folder(run.folder, name, seed, run.config.seed)
    values = {"translate": config.model_dump(), "seed": seed, "period": run.config.period,
              "case": run.config.translate.case}  # fmt: skip
    return Training(f"train {target.name}", target, work, values, inputs)


def outputs_of(folder: Path, kind: str = "") -> dict[str, Any]:
    """The outputs of a trained system: split -> clip name -> text (kind "") or, with another kind of file, glosses."""
    files = {split: folder / f"{split}{kind}.json" for split in ("dev", "test")}
    return {split: json.loads(file.read_text(encoding="utf-8")) for split, file in files.items() if file.exists()}
