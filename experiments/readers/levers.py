"""What single choices of a recogniser's recipe are worth: each is changed alone, all else is alike.

Recognisers learn from the same share of the sentences; a Gloss2Text model translates what they read. The table is
written anew after each training; finished ones are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from experiments.pages import fill_result
from experiments.readers.shares import Place, Training, differences, figures, gain, trained
from experiments.report import Result, table, write_result
from experiments.request import Request
from skeletor.support.config import Config
from skeletor.support.progress import log_to
from slt.pipeline.cache.stage import Done
from slt.pipeline.mapping import worker_pool
from slt.recognise.config import RecogniserConfig

BASE = "the recipe"


class LeversConfig(Config):
    """recogniser: the recipe. levers: label of a row -> options of the recipe that it changes.

    share: of the training sentences. seeds: of the recipe, whose scatter the table tells; a lever takes the first
    `lever_seeds` of them. gloss_model: folder of a trained Gloss2Text model.
    """

    seeds: list[int] = Field(min_length=1)
    lever_seeds: int = Field(1, ge=1)
    workers: int = Field(1, ge=1, le=64)
    share: float = Field(gt=0, le=1)
    recogniser: RecogniserConfig = RecogniserConfig()
    levers: dict[str, dict[str, Any]] = Field(min_length=1)
    gloss_model: str

    @model_validator(mode="after")
    def _levers_are_options(self) -> LeversConfig:
        for label in self.levers:
            if label == BASE:
                raise ValueError(f"levers: {BASE!r} is the row without a change")
            self.recipe(label)
        return self

    def recipe(self, label: str) -> RecogniserConfig:
        """Of a row. Raises ValueError if a lever names no option, or a value that it cannot have."""
        changes = self.levers.get(label, {})
        return RecogniserConfig.model_validate({**self.recogniser.model_dump(), **changes})


def make(request: Request, config: LeversConfig) -> None:
    """Train what is missing, first seeds first; write the table after each training."""
    place = Place.of(request, Path(config.gloss_model))
    jobs = [(label, seed) for seed in config.seeds[: config.lever_seeds] for label in (BASE, *config.levers)]
    jobs += [(BASE, seed) for seed in config.seeds[config.lever_seeds :]]
    trainings = [
        Training(f"{label.replace(' ', '-')}-seed{seed}", config.recipe(label), config.share, seed)
        for label, seed in jobs
    ]
    folders: dict[str, dict[int, Path]] = {}
    result = Result([], {})
    with worker_pool(config.workers) as pool:
        for (label, seed), done in zip(jobs, pool.map(partial(_trained, place=place), trainings), strict=True):
            folders.setdefault(label, {})[seed] = done.folder
            result = _write(request, config, place, folders)
    fill_result(request, result.sections, f"python -m experiments {request.name}")


def _trained(one: Training, place: Place) -> Done:
    log_to(place.work / "log.txt")
    return trained(one, None, place)


def _write(request: Request, config: LeversConfig, place: Place, folders: Mapping[str, Mapping[int, Path]]) -> Result:
    found = {label: figures(some, place.splits) for label, some in folders.items()}
    for label in found:
        if label != BASE:
            found[label]["gain"] = gain(folders[BASE], folders[label], place.splits)
    head = ["recipe", "seeds", "WER dev", "test", "BLEU-4 dev", "test", "WER test against the recipe",
            "BLEU-4 test against it", "CPU min"]  # fmt: skip
    wers = " and ".join(f"{wer:.1f}" for wer in found[BASE]["test"]["wers"])
    notes = [
        f"{100 * config.share:g} % of the training sentences, {config.recogniser.epochs:g} epochs. WER: per cent. "
        "BLEU-4: Gloss2Text, which knows all training sentences, of what was read. Differences: paired bootstrap over "
        f"sentences, 95 %, of the seeds that both have; test WER of the recipe by seed: {wers}. A seed also chooses "
        "the sentences.",
    ]
    rows = [_row(label, one) for label, one in found.items()]
    sections = ["\n".join(table(head, rows)) + "\n", *(f"{note}\n" for note in notes)]
    result = Result(sections, {"rows": found})
    title = "What single choices of a recogniser's recipe are worth"
    write_result(result, request.results, request.name, title, request.about(config, config.seeds[0]))
    return result


def _row(label: str, found: Mapping[str, Any]) -> list[str]:
    dev, test = found["dev"], found["test"]
    cells = [f"{part[key]:.1f}" for key in ("wer", "bleu4") for part in (dev, test)]
    apart = differences(found["gain"]) if found.get("gain") else ["", ""]
    return [label, str(len(found["seeds"])), *cells, *apart, f"{found['minutes']:.1f}"]
