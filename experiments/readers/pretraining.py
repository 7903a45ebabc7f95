"""What pretraining an encoder without glosses is worth to a recogniser that has few sentences.

An encoder learns from all training clips' raw skeletons, without their glosses, by one or several objectives. Then
recognisers learn from a share of the sentences, with an encoder under them or from scratch, alike in all else. The
table is written anew after each training; finished ones are kept, and a killed one goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from experiments.pages import fill_result
from experiments.readers.shares import (
    Place,
    Training,
    differences,
    figures,
    gain,
    minutes,
    subset,
    trained,
    write_minutes,
)
from experiments.report import Result, table, write_result
from experiments.request import Request
from skeletor.io.store import open_store
from skeletor.support.config import Config
from skeletor.support.progress import log_to
from slt.pipeline.cache.stage import Done, run_stage
from slt.pipeline.mapping import worker_pool
from slt.recognise.config import RecogniserConfig
from slt.recognise.pretraining.config import Objective, PretrainConfig
from slt.recognise.pretraining.train import pretrain

SCRATCH = "scratch"
# Whose source decides whether a pretraining is made again: what writes the table does not.
_PRETRAINED = ("slt.recognise.pretraining.train",)
_OBJECTIVES = {"masked": "masked joints and frames", "contrastive": "two corruptions of a clip",
               "order": "order of segments"}  # fmt: skip


class Arm(Config):
    """One pretraining. steps: default that of `pretraining`."""

    objectives: list[Objective] = Field(min_length=1)
    steps: int | None = Field(None, ge=1)

    @property
    def label(self) -> str:
        """In the table."""
        some = [_OBJECTIVES[name] for name in self.objectives]
        return ("the sum of all" if len(some) == len(_OBJECTIVES) else " + ".join(some)) + (
            f", {self.steps:,} steps" if self.steps else ""
        )


class Point(Config):
    """Trainings with a share of the training sentences. arms: `scratch` or names of pretrainings, with their seeds."""

    share: float = Field(gt=0, le=1)
    epochs: float = Field(gt=0, description="of every arm alike")
    arms: dict[str, list[int]] = Field(min_length=1)
    aligned: bool = Field(True, description="with the corpus' alignments of glosses")

    @property
    def name(self) -> str:
        """In folders and tables."""
        return f"{100 * self.share:g} %, {self.epochs:g} epochs" + ("" if self.aligned else ", no alignments")


class PretrainingConfig(Config):
    """pretraining: its `recogniser` is the one of this config. arms: the pretrainings. seed: of all of them.

    points: in the order of their trainings, the first seeds of all of them first. gloss_models: folders of trained
    Gloss2Text models.
    """

    seed: int = 1
    workers: int = Field(1, ge=1, le=64)
    recogniser: RecogniserConfig = RecogniserConfig()
    pretraining: PretrainConfig = PretrainConfig()
    arms: dict[str, Arm] = Field(min_length=1)
    points: list[Point] = Field(min_length=1)
    gloss_models: list[str] = Field(min_length=1)

    @model_validator(mode="after")
    def _arms_are_known(self) -> PretrainingConfig:
        for point in self.points:
            if unknown := set(point.arms) - {SCRATCH, *self.arms}:
                raise ValueError(f"points: no arm {sorted(unknown)[0]!r}; there are {SCRATCH}, {', '.join(self.arms)}")
        return self


@dataclass(frozen=True, eq=False)
class Job:
    """One recogniser: where it stands in the table, and its seed."""

    point: Point
    arm: str
    seed: int

    @property
    def name(self) -> str:
        """Of its folder."""
        plain = self.point.name.replace(" %", "").replace(", ", "-").replace(" ", "-")
        return f"{plain}-{self.arm}-seed{self.seed}"

    def training(self, recogniser: RecogniserConfig) -> Training:
        """What is trained."""
        recipe = recogniser.model_copy(update={"epochs": self.point.epochs})
        return Training(self.name, recipe, self.point.share, self.seed, self.point.aligned)


def make(request: Request, config: PretrainingConfig) -> None:
    """Train what is missing; write the table after each training."""
    place = Place.of(request, Path(config.gloss_models[0]))
    jobs = [Job(point, arm, seed) for point in config.points for arm, seeds in point.arms.items() for seed in seeds]
    jobs.sort(key=lambda job: job.point.arms[job.arm].index(job.seed))  # first seeds first
    done: dict[Job, Done] = {}
    result = Result([], {})
    with worker_pool(config.workers) as pool:
        encoders: dict[str, Future[Done]] = {}
        running: dict[Future[Done], Job | str] = {}
        waiting = list(jobs)
        while waiting or running:
            for job in list(waiting):
                if len(running) >= config.workers:
                    break
                if job.arm != SCRATCH and job.arm not in encoders:
                    encoders[job.arm] = pool.submit(_pretrained, job.arm, config, place)
                    running[encoders[job.arm]] = job.arm
                    continue
                if job.arm != SCRATCH and not encoders[job.arm].done():
                    continue
                encoder = None if job.arm == SCRATCH else encoders[job.arm].result()
                waiting.remove(job)
                running[pool.submit(_trained, job.training(config.recogniser), encoder, place)] = job
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                what = running.pop(future)
                stage = future.result()
                if isinstance(what, Job):
                    done[what] = stage
                    made = {arm: one.result() for arm, one in encoders.items() if one.done()}
                    result = _write(request, config, place, done, made)
    fill_result(request, result.sections, f"python -m experiments {request.name}")


def _pretrained(arm: str, config: PretrainingConfig, place: Place) -> Done:
    log_to(place.work / "log.txt")
    own = config.pretraining.model_copy(update={"recogniser": config.recogniser, **_given(config.arms[arm])})
    work = partial(_pretrain, place.store / "train", [c.name for c in place.corpus.split("train")], own, config.seed)
    values = {"pretraining": own.model_dump(mode="json"), "seed": config.seed}
    return run_stage(f"pretrain {arm}", place.work / f"encoder-{arm}", work, values, (place.key,), code=_PRETRAINED)


def _given(arm: Arm) -> dict[str, Any]:
    return arm.model_dump(exclude_none=True)


def _pretrain(store: Path, names: Sequence[str], config: PretrainConfig, seed: int, out: Path) -> None:
    start = time.process_time()
    poses = open_store(store)
    pretrain((poses[name] for name in names if name in poses), config, out, seed)
    write_minutes(out, start)


def _trained(one: Training, encoder: Done | None, place: Place) -> Done:
    log_to(place.work / "log.txt")
    return trained(one, encoder, place)


def _write(
    request: Request, config: PretrainingConfig, place: Place, done: Mapping[Job, Done], encoders: Mapping[str, Done]
) -> Result:
    numbers: dict[str, Any] = {"pretrainings": {a: minutes(e.folder) for a, e in encoders.items()}, "points": {}}
    rows, told = [], []
    for point in config.points:
        folders = {
            arm: {job.seed: done[job].folder for job in done if job.point == point and job.arm == arm}
            for arm in point.arms
        }
        found = {arm: figures(some, place.splits) for arm, some in folders.items() if some}
        for arm, one in found.items():
            one["unseen"] = _unseen(point.share, one["seeds"], place)
            for key, other in {"gain": SCRATCH, "longer": _shorter(arm, config.arms)}.items():
                if arm != SCRATCH and (more := gain(folders.get(other, {}), folders[arm], place.splits)):
                    one[key] = more
        numbers["points"][point.name] = found
        rows += [_row(point, _label(arm, config), one) for arm, one in found.items()]
        told += [_longer(point, config.arms[arm], one["longer"]) for arm, one in found.items() if "longer" in one]
    head = ["sentences", "encoder", "seeds", "WER dev", "test", "BLEU-4 dev", "test", "WER test against scratch",
            "BLEU-4 test against scratch", "unseen glosses, test", "CPU min"]  # fmt: skip
    cost = ", ".join(f"{_label(arm, config)} {m:.1f}" for arm, m in numbers["pretrainings"].items())
    notes = [
        "WER and unseen glosses: per cent. BLEU-4: Gloss2Text, which knows all training sentences, of what was read. "
        "Differences: paired bootstrap over sentences, 95 %, of the seeds that both have. Seeds: of the training and "
        f"of the choice of its sentences; one pretraining, of {config.pretraining.steps:,} steps where none are named. "
        f"CPU minutes of the pretrainings: {cost or 'none'}.",
        *told,
    ]
    result = Result(["\n".join(table(head, rows, texts=2)) + "\n", *(f"{note}\n" for note in notes)], numbers)
    title = "What pretraining without glosses is worth to a recogniser"
    write_result(result, request.results, request.name, title, request.about(config, config.seed))
    return result


def _unseen(share: float, seeds: Sequence[int], place: Place) -> float:
    """Per cent of the test glosses that are not among the training glosses, mean over the seeds' choices."""
    known = [{g for c in subset(place.corpus, share, seed).split("train") for g in c.glosses} for seed in seeds]
    test = [gloss for clip in place.splits["test"] for gloss in clip.glosses]
    return float(np.mean([100 * np.mean([g not in some for g in test]) for some in known]))


def _shorter(arm: str, arms: Mapping[str, Arm]) -> str:
    """Of the arms with the same objectives as `arm`, the one whose steps are the default; "" if it is that itself."""
    if arm not in arms or arms[arm].steps is None:
        return ""
    same = [name for name, one in arms.items() if one.objectives == arms[arm].objectives and one.steps is None]
    return same[0] if same else ""


def _label(arm: str, config: PretrainingConfig) -> str:
    return "from scratch" if arm == SCRATCH else config.arms[arm].label


def _longer(point: Point, arm: Arm, more: Mapping[str, Any]) -> str:
    seeds = f"{more['seeds']} seed" + ("s" if more["seeds"] > 1 else "")
    wer, bleu = differences(more)
    return f"{point.name}, {arm.label} against the fewer, test: WER {wer}, BLEU-4 {bleu} ({seeds})."


def _row(point: Point, label: str, found: Mapping[str, Any]) -> list[str]:
    dev, test = found["dev"], found["test"]
    cells = [f"{part[key]:.1f}" for key in ("wer", "bleu4") for part in (dev, test)]
    apart = differences(found["gain"]) if "gain" in found else ["", ""]
    return [point.name, label, str(len(found["seeds"])), *cells, *apart, f"{found['unseen']:.1f}",
            f"{found['minutes']:.1f}"]  # fmt: skip
