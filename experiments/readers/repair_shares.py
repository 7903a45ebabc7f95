"""What a repair of skeletons is worth to a reader that has few sentences.

Skeletons are easier to get than sentences: a repair learns from all training clips, and recognisers learn from a share
of the sentences, on the skeletons of each row alike. The table is written anew after each training; finished ones are
kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from experiments.pages import fill_result
from experiments.readers.recognition import LABELS, store_of
from experiments.readers.shares import Place, Training, differences, figures, gain, trained
from experiments.report import Result, table, write_result
from experiments.request import Request
from skeletor.support.config import Config
from skeletor.support.progress import log_to
from slt.pipeline.cache.stage import Done
from slt.pipeline.mapping import worker_pool
from slt.recognise.config import RecogniserConfig


class Point(Config):
    """Trainings with a share of the training sentences, a recogniser for each row and seed.

    A seed also chooses the sentences.
    """

    share: float = Field(gt=0, le=1)
    epochs: float = Field(gt=0, description="of every row alike")
    seeds: list[int] = Field(min_length=1)

    @property
    def name(self) -> str:
        """In tables."""
        return f"{100 * self.share:g} %, {self.epochs:g} epochs"


class RepairSharesConfig(Config):
    """rows: folders of the run, or `savgol-carried`; the first is what the others are compared with.

    points: the first seeds of all of them are trained first. gloss_model: folder of a trained Gloss2Text model.
    """

    workers: int = Field(1, ge=1, le=64)
    recogniser: RecogniserConfig = RecogniserConfig()
    rows: list[str] = Field(min_length=2)
    points: list[Point] = Field(min_length=1)
    gloss_model: str

    @model_validator(mode="after")
    def _nothing_is_twice(self) -> RepairSharesConfig:
        """Two processes would train in one folder."""
        for what, some in (("rows", self.rows), ("points", [p.name for p in self.points])):
            if len(set(some)) < len(some):
                raise ValueError(f"{what}: one stands there twice")
        if any(len(set(p.seeds)) < len(p.seeds) for p in self.points):
            raise ValueError("points: a seed stands there twice")
        return self


@dataclass(frozen=True)
class Job:
    """One recogniser: its row in the table, and its seed. point: its index."""

    point: int
    row: str
    seed: int


def make(request: Request, config: RepairSharesConfig) -> None:
    """Train what is missing, first seeds first; write the table after each training."""
    raw = Place.of(request, Path(config.gloss_model))
    places = {row: _of_row(row, raw, request, config.workers) for row in config.rows}
    jobs = [Job(k, row, seed) for k, point in enumerate(config.points) for seed in point.seeds for row in config.rows]
    jobs.sort(key=lambda job: config.points[job.point].seeds.index(job.seed))
    work = partial(_trained, config=config, places=places)
    folders: dict[Job, Path] = {}
    result = Result([], {})
    with worker_pool(config.workers) as pool:
        for job, done in zip(jobs, pool.map(work, jobs), strict=True):
            folders[job] = done.folder
            result = _write(request, config, raw, folders)
    fill_result(request, result.sections, f"python -m experiments {request.name}")


def _of_row(row: str, raw: Place, request: Request, workers: int) -> Place:
    key, store = store_of(row, request, workers)
    return dataclasses.replace(raw, store=store, key=key)


def _trained(job: Job, config: RepairSharesConfig, places: Mapping[str, Place]) -> Done:
    place, point = places[job.row], config.points[job.point]
    log_to(place.work / "log.txt")
    recipe = config.recogniser.model_copy(update={"epochs": point.epochs})
    name = f"{100 * point.share:g}-{point.epochs:g}-epochs-{job.row}-seed{job.seed}"
    return trained(Training(name, recipe, point.share, job.seed), None, place)


def _write(request: Request, config: RepairSharesConfig, raw: Place, folders: Mapping[Job, Path]) -> Result:
    numbers: dict[str, Any] = {"points": {}}
    lines = []
    for k, point in enumerate(config.points):
        by_row = {row: {j.seed: f for j, f in folders.items() if (j.point, j.row) == (k, row)} for row in config.rows}
        found = {row: figures(some, raw.splits) for row, some in by_row.items() if some}
        for row, one in found.items():
            if row != config.rows[0] and (more := gain(by_row[config.rows[0]], by_row[row], raw.splits)):
                one["gain"] = more
        numbers["points"][point.name] = found
        lines += [_line(point, row, one) for row, one in found.items()]
    first = LABELS.get(config.rows[0], config.rows[0])
    head = ["sentences", "skeletons", "seeds", "WER dev", "test", "BLEU-4 dev", "test", f"WER test against {first}",
            "BLEU-4 test against them"]  # fmt: skip
    note = (
        "WER: per cent. BLEU-4: Gloss2Text, which knows all training sentences, of what was read. Differences: paired "
        "bootstrap over sentences, 95 %, of the seeds that both have. Seeds: of the training and of the choice of its "
        "sentences. A repair that is trained learned from all training clips, once.\n"
    )
    result = Result(["\n".join(table(head, lines, texts=2)) + "\n", note], numbers)
    title = "What repair is worth to a reader of few sentences"
    write_result(result, request.results, request.name, title, request.about(config, config.points[0].seeds[0]))
    return result


def _line(point: Point, row: str, found: Mapping[str, Any]) -> list[str]:
    cells = [f"{found[split][key]:.1f}" for key in ("wer", "bleu4") for split in ("dev", "test")]
    apart = differences(found["gain"]) if "gain" in found else ["", ""]
    return [point.name, LABELS.get(row, row), str(len(found["seeds"])), *cells, *apart]
