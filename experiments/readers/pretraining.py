"""What pretraining an encoder without glosses is worth to a recogniser that has few sentences.

An encoder learns from all training clips' raw skeletons, without their glosses, by one or several objectives. Then
recognisers learn from a share of the sentences, with an encoder under them or from scratch, alike in all else. The
table is written anew after each training; finished ones are kept, and a killed one goes on where it was.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from experiments.pages import fill
from experiments.readers import gloss2text
from experiments.readers.recognition import key_of
from experiments.report import Result, interval, table, write_result
from experiments.request import RESULTS, Request
from skeletor.files.atomic import write_text
from skeletor.io.store import open_store
from skeletor.poses.pose import file_sha256
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.progress import log_to
from slt.data.layout import Clip, Corpus, annotation_folder, read_corpus
from slt.pipeline.cache.stage import Done, read_json, run_stage
from slt.pipeline.mapping import worker_pool
from slt.pipeline.stages.translators import outputs_of
from slt.pipeline.work.readers.cascade import train_on_glosses_of_poses, translate_recognised
from slt.pipeline.work.readers.train_translator import RECOGNISED
from slt.recognise.config import RecogniserConfig
from slt.recognise.pretraining.config import Objective, PretrainConfig
from slt.recognise.pretraining.encoder import WEIGHTS
from slt.recognise.pretraining.train import pretrain
from slt.score.bootstrap import compare, statistics
from slt.score.rates import compare_word_error_rates
from slt.score.scores import score
from slt.score.wer import word_error_rate
from slt.translate.translator import WEIGHTS as GLOSS_WEIGHTS

SPLITS = ("dev", "test")
SCRATCH = "scratch"
TEXTS = "texts"  # folder in a recogniser's: what Gloss2Text makes of its glosses
# Whose source decides whether a training is made again: what writes the table does not.
_PRETRAINED, _TRAINED = ("slt.recognise.pretraining.train",), ("slt.pipeline.work.readers.cascade",)
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


@dataclass(frozen=True)
class Place:
    """What all trainings read, and where they write."""

    store: Path
    key: str
    corpus: Corpus
    annotations: Path
    work: Path


def make(request: Request, config: PretrainingConfig) -> None:
    """Train what is missing; write the table after each training."""
    _weights(Path(config.gloss_models[0]))  # told before hours of training
    corpus = read_corpus(request.finished / "corpus")
    store = request.finished / "lifted"
    annotations = annotation_folder(gloss2text.find_corpus(request.corpus))
    place = Place(store, key_of(store), corpus, annotations, request.work)
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
                running[pool.submit(_trained, job, encoder, config, place)] = job
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                what = running.pop(future)
                stage = future.result()
                if isinstance(what, Job):
                    done[what] = stage
                    made = {arm: one.result() for arm, one in encoders.items() if one.done()}
                    result = _write(request, config, place, done, made)
    if request.results == RESULTS:
        link = f"The whole result: [{RESULTS}/{request.name}.md]({RESULTS}/{request.name}.md)."
        made_by = f"Made by `python -m experiments {request.name}`."
        fill(f"table {request.name}", "\n".join([*result.sections, f"{made_by} {link}"]))


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
    _write_minutes(out, start)


def _trained(job: Job, encoder: Done | None, config: PretrainingConfig, place: Place) -> Done:
    """A recogniser's stage. What it reads is translated in a stage of its own, in `TEXTS` of its folder."""
    log_to(place.work / "log.txt")
    done = _recogniser(job, encoder, config, place)
    model = Path(config.gloss_models[0])
    translate = partial(translate_recognised, None, model, outputs_of(done.folder, RECOGNISED))
    run_stage(f"{job.name}, {TEXTS}", done.folder / TEXTS, translate, {}, (done, _weights(model)))
    return done


def _recogniser(job: Job, encoder: Done | None, config: PretrainingConfig, place: Place) -> Done:
    weights = None if encoder is None else str(encoder.folder / WEIGHTS)
    recipe = config.recogniser.model_copy(update={"epochs": job.point.epochs})
    some = subset(place.corpus, job.point.share, job.seed)
    alignments = place.annotations if job.point.aligned else place.work / "no alignments"
    own = recipe.model_copy(update={"pretrained": weights})
    work = partial(_train, place.store, some, alignments, own, job.seed)
    plain = json.dumps([(c.name, c.glosses) for c in some.clips])
    inputs: list[Done | str] = [place.key, hashlib.sha256(plain.encode()).hexdigest()]
    inputs += [] if encoder is None else [encoder]
    values = {"recogniser": recipe.model_dump(mode="json"), "seed": job.seed, "aligned": job.point.aligned}
    return run_stage(job.name, place.work / job.name, work, values, inputs, code=_TRAINED)


def _weights(model: Path) -> str:
    if not (model / GLOSS_WEIGHTS).is_file():
        raise InputError(f"{model}: no trained Gloss2Text; give gloss_models (`make gloss2text` trains them)")
    return file_sha256(model / GLOSS_WEIGHTS)


def _train(store: Path, corpus: Corpus, annotations: Path, recipe: RecogniserConfig, seed: int, out: Path) -> None:
    start = time.process_time()
    train_on_glosses_of_poses(store, corpus, annotations, recipe, seed, "raw", out)
    _write_minutes(out, start)


def _write_minutes(out: Path, start: float) -> None:
    write_text(out / "cpu.json", json.dumps({"minutes": (time.process_time() - start) / 60}))


def subset(corpus: Corpus, share: float, seed: int) -> Corpus:
    """The corpus with a share of its training clips; of one seed, less is always a part of more."""
    train = corpus.split("train")
    count = max(1, round(share * len(train)))
    chosen = {train[k].name for k in np.random.default_rng(seed).permutation(len(train))[:count]}
    kept = tuple(c for c in corpus.clips if c.split != "train" or c.name in chosen)
    return dataclasses.replace(corpus, clips=kept)


def _write(
    request: Request, config: PretrainingConfig, place: Place, done: Mapping[Job, Done], encoders: Mapping[str, Done]
) -> Result:
    splits = {split: place.corpus.split(split) for split in SPLITS}
    numbers: dict[str, Any] = {"pretrainings": {a: _minutes(e.folder) for a, e in encoders.items()}, "points": {}}
    rows, told = [], []
    for point in config.points:
        arms = {arm: [job for job in done if job.point == point and job.arm == arm] for arm in point.arms}
        found = {arm: _numbers(jobs, done, place.corpus, splits) for arm, jobs in arms.items() if jobs}
        folders = {arm: {job.seed: done[job].folder for job in jobs} for arm, jobs in arms.items()}
        for arm in found:
            others = {"gain": SCRATCH, "longer": _shorter(arm, config.arms)}
            for key, other in others.items():
                if arm != SCRATCH and (gain := _gain(folders.get(other, {}), folders[arm], splits)):
                    found[arm][key] = gain
        numbers["points"][point.name] = found
        rows += [_row(point, _label(arm, config), one) for arm, one in found.items()]
        told += [_longer(point, config.arms[arm], one["longer"]) for arm, one in found.items() if "longer" in one]
    head = ["sentences", "encoder", "seeds", "WER dev", "test", "BLEU-4 dev", "test", "WER test against scratch",
            "BLEU-4 test against scratch", "unseen glosses, test", "CPU min"]  # fmt: skip
    minutes = ", ".join(f"{_label(arm, config)} {m:.1f}" for arm, m in numbers["pretrainings"].items())
    notes = [
        "WER and unseen glosses: per cent. BLEU-4: Gloss2Text, which knows all training sentences, of what was read. "
        "Differences: paired bootstrap over sentences, 95 %, of the seeds that both have. Seeds: of the training and "
        f"of the choice of its sentences; one pretraining, of {config.pretraining.steps:,} steps where none are named. "
        f"CPU minutes of the pretrainings: {minutes or 'none'}.",
        *told,
    ]
    result = Result(["\n".join(table(head, rows, texts=2)) + "\n", *(f"{note}\n" for note in notes)], numbers)
    title = "What pretraining without glosses is worth to a recogniser"
    write_result(result, request.results, request.name, title, request.about(config, config.seed))
    return result


def _minutes(folder: Path) -> float:
    return float(read_json(folder / "cpu.json").get("minutes", float("nan")))


def _numbers(
    jobs: Sequence[Job], done: Mapping[Job, Done], corpus: Corpus, splits: Mapping[str, Sequence[Clip]]
) -> dict[str, Any]:
    found: dict[str, Any] = {"seeds": sorted(job.seed for job in jobs)}
    for split, clips in splits.items():
        true, texts = [c.glosses for c in clips], [c.text for c in clips]
        read = [_read(done[job].folder, clips) for job in jobs]
        scores = [score(one, texts) for _, one in read]
        rates = [word_error_rate(glosses, true) for glosses, _ in read]
        bleu = [s.bleu4 for s in scores]
        found[split] = {
            "wers": rates,
            "wer": float(np.mean(rates)),
            "bleu4s": bleu,
            "bleu4": float(np.mean(bleu)),
            "signature": scores[0].signature,
        }
    known = [{g for c in subset(corpus, j.point.share, j.seed).split("train") for g in c.glosses} for j in jobs]
    test = [gloss for clip in splits["test"] for gloss in clip.glosses]
    found["unseen"] = float(np.mean([100 * np.mean([g not in some for g in test]) for some in known]))
    found["minutes"] = float(np.mean([_minutes(done[job].folder) for job in jobs]))
    return found


def _read(folder: Path, clips: Sequence[Clip]) -> tuple[list[tuple[str, ...]], list[str]]:
    """Glosses and sentences of the clips; a clip without a pose counts as nothing read."""
    split = clips[0].split
    glosses, texts = outputs_of(folder, RECOGNISED)[split], outputs_of(folder / TEXTS)[split]
    return [tuple(glosses.get(c.name, ())) for c in clips], [texts.get(c.name, "") for c in clips]


def _shorter(arm: str, arms: Mapping[str, Arm]) -> str:
    """Of the arms with the same objectives as `arm`, the one whose steps are the default; "" if it is that itself."""
    if arm not in arms or arms[arm].steps is None:
        return ""
    same = [name for name, one in arms.items() if one.objectives == arms[arm].objectives and one.steps is None]
    return same[0] if same else ""


def _gain(
    before: Mapping[int, Path], after: Mapping[int, Path], splits: Mapping[str, Sequence[Clip]]
) -> dict[str, Any]:
    """Paired differences of what lies in the folders (by seed) of two arms; {} if they share no seed."""
    seeds = sorted(before.keys() & after.keys())
    if not seeds:
        return {}
    found: dict[str, Any] = {"seeds": len(seeds)}
    for split, clips in splits.items():
        true, texts = [c.glosses for c in clips], [c.text for c in clips]
        read = [[_read(folders[seed], clips) for seed in seeds] for folders in (before, after)]
        stats = [[statistics(one, texts) for _, one in some] for some in read]
        glosses = [[one for one, _ in some] for some in read]
        rates = compare_word_error_rates(glosses[0], glosses[1], true)
        found[split] = {"wer": rates, "bleu4": compare(stats[0], stats[1])["bleu4"]}
    return found


def _label(arm: str, config: PretrainingConfig) -> str:
    return "from scratch" if arm == SCRATCH else config.arms[arm].label


def _longer(point: Point, arm: Arm, gain: Mapping[str, Any]) -> str:
    seeds = f"{gain['seeds']} seed" + ("s" if gain["seeds"] > 1 else "")
    wer, bleu = _differences(gain)
    return f"{point.name}, {arm.label} against the fewer, test: WER {wer}, BLEU-4 {bleu} ({seeds})."


def _differences(gain: Mapping[str, Any]) -> list[str]:
    """WER and BLEU-4 on test, with intervals."""
    return [f"{p.difference:+.1f} ({interval(p.interval)})" for p in (gain["test"]["wer"], gain["test"]["bleu4"])]


def _row(point: Point, label: str, found: Mapping[str, Any]) -> list[str]:
    dev, test = found["dev"], found["test"]
    cells = [f"{part[key]:.1f}" for key in ("wer", "bleu4") for part in (dev, test)]
    apart = _differences(found["gain"]) if "gain" in found else ["", ""]
    return [point.name, label, str(len(found["seeds"])), *cells, *apart, f"{found['unseen']:.1f}",
            f"{found['minutes']:.1f}"]  # fmt: skip
