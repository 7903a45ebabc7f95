"""Recognisers that are trained on a share of a run's sentences, what they read, and how two of them compare."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from experiments.readers import gloss2text
from experiments.readers.recognition import key_of
from experiments.report import interval
from experiments.request import Request
from skeletor.files.atomic import write_text
from skeletor.poses.pose import file_sha256
from skeletor.support.errors import InputError
from slt.data.layout import Clip, Corpus, annotation_folder, read_corpus
from slt.pipeline.cache.stage import Done, read_json, run_stage
from slt.pipeline.stages.translators import outputs_of
from slt.pipeline.work.readers.cascade import train_on_glosses_of_poses, translate_recognised
from slt.pipeline.work.readers.train_translator import RECOGNISED
from slt.recognise.config import RecogniserConfig
from slt.recognise.pretraining.encoder import WEIGHTS
from slt.score.bootstrap import compare, statistics
from slt.score.rates import compare_word_error_rates
from slt.score.scores import score
from slt.score.wer import word_error_rate
from slt.translate.translator import WEIGHTS as GLOSS_WEIGHTS

SPLITS = ("dev", "test")
TEXTS = "texts"  # folder in a recogniser's: what Gloss2Text makes of its glosses
# Whose source decides whether a recogniser is trained again: what writes the table does not.
_CODE = ("slt.pipeline.work.readers.cascade",)


@dataclass(frozen=True)
class Place:
    """What all trainings read, and where they write. key: of the skeletons; model: folder of a Gloss2Text model."""

    store: Path
    key: str
    corpus: Corpus
    annotations: Path
    work: Path
    model: Path

    @staticmethod
    def of(request: Request, model: Path) -> Place:
        """The raw skeletons of the request's run. Raises InputError if they, the annotation or the model is missing."""
        weights_of(model)  # told before hours of training
        store = request.finished / "lifted"
        annotations = annotation_folder(gloss2text.find_corpus(request.corpus))
        return Place(store, key_of(store), read_corpus(request.finished / "corpus"), annotations, request.work, model)

    @property
    def splits(self) -> dict[str, Sequence[Clip]]:
        """The clips of dev and test."""
        return {split: self.corpus.split(split) for split in SPLITS}


@dataclass(frozen=True, eq=False)
class Training:
    """One recogniser. name: of its folder; share: of the training sentences; aligned: with their alignments."""

    name: str
    recipe: RecogniserConfig
    share: float
    seed: int
    aligned: bool = True


def trained(one: Training, encoder: Done | None, place: Place) -> Done:
    """A recogniser's stage. What it reads is translated in a stage of its own, in `TEXTS` of its folder.

    encoder: the stage of the pretraining that it begins with, or none.
    """
    done = _recogniser(one, encoder, place)
    translate = partial(translate_recognised, None, place.model, outputs_of(done.folder, RECOGNISED))
    run_stage(f"{one.name}, {TEXTS}", done.folder / TEXTS, translate, {}, (done, weights_of(place.model)))
    return done


def _recogniser(one: Training, encoder: Done | None, place: Place) -> Done:
    weights = None if encoder is None else str(encoder.folder / WEIGHTS)
    some = subset(place.corpus, one.share, one.seed)
    alignments = place.annotations if one.aligned else place.work / "no alignments"
    own = one.recipe.model_copy(update={"pretrained": weights})
    work = partial(_train, place.store, some, alignments, own, one.seed)
    plain = json.dumps([(c.name, c.glosses) for c in some.clips])
    inputs: list[Done | str] = [place.key, hashlib.sha256(plain.encode()).hexdigest()]
    inputs += [] if encoder is None else [encoder]
    values = {"recogniser": one.recipe.model_dump(mode="json"), "seed": one.seed, "aligned": one.aligned}
    return run_stage(one.name, place.work / one.name, work, values, inputs, code=_CODE)


def _train(store: Path, corpus: Corpus, annotations: Path, recipe: RecogniserConfig, seed: int, out: Path) -> None:
    start = time.process_time()
    train_on_glosses_of_poses(store, corpus, annotations, recipe, seed, "raw", out)
    write_minutes(out, start)


def write_minutes(out: Path, start: float) -> None:
    """Keep the CPU minutes since `start`, a `time.process_time()`."""
    write_text(out / "cpu.json", json.dumps({"minutes": (time.process_time() - start) / 60}))


def minutes(folder: Path) -> float:
    """The CPU minutes that a stage took; NaN if it does not tell."""
    return float(read_json(folder / "cpu.json").get("minutes", float("nan")))


def weights_of(model: Path) -> str:
    """The hash of a Gloss2Text model's weights. Raises InputError if there are none."""
    if not (model / GLOSS_WEIGHTS).is_file():
        raise InputError(f"{model}: no trained Gloss2Text; give gloss_models (`make gloss2text` trains them)")
    return file_sha256(model / GLOSS_WEIGHTS)


def subset(corpus: Corpus, share: float, seed: int) -> Corpus:
    """The corpus with a share of its training clips; of one seed, less is always a part of more."""
    train = corpus.split("train")
    count = max(1, round(share * len(train)))
    chosen = {train[k].name for k in np.random.default_rng(seed).permutation(len(train))[:count]}
    kept = tuple(c for c in corpus.clips if c.split != "train" or c.name in chosen)
    return dataclasses.replace(corpus, clips=kept)


def read(folder: Path, clips: Sequence[Clip]) -> tuple[list[tuple[str, ...]], list[str]]:
    """Glosses and sentences of the clips; a clip without a pose counts as nothing read."""
    split = clips[0].split
    glosses, texts = outputs_of(folder, RECOGNISED)[split], outputs_of(folder / TEXTS)[split]
    return [tuple(glosses.get(c.name, ())) for c in clips], [texts.get(c.name, "") for c in clips]


def figures(folders: Mapping[int, Path], splits: Mapping[str, Sequence[Clip]]) -> dict[str, Any]:
    """Per split WER and BLEU-4 of trainings (by seed), each and in the mean; their CPU minutes."""
    found: dict[str, Any] = {"seeds": sorted(folders)}
    for split, clips in splits.items():
        true, texts = [c.glosses for c in clips], [c.text for c in clips]
        both = [read(folders[seed], clips) for seed in found["seeds"]]
        scores = [score(one, texts) for _, one in both]
        rates = [word_error_rate(glosses, true) for glosses, _ in both]
        bleu = [s.bleu4 for s in scores]
        found[split] = {
            "wers": rates,
            "wer": float(np.mean(rates)),
            "bleu4s": bleu,
            "bleu4": float(np.mean(bleu)),
            "signature": scores[0].signature,
        }
    found["minutes"] = float(np.mean([minutes(folder) for folder in folders.values()]))
    return found


def gain(before: Mapping[int, Path], after: Mapping[int, Path], splits: Mapping[str, Sequence[Clip]]) -> dict[str, Any]:
    """Paired differences of what lies in the folders (by seed) of two kinds of training; {} if they share no seed."""
    seeds = sorted(before.keys() & after.keys())
    if not seeds:
        return {}
    found: dict[str, Any] = {"seeds": len(seeds)}
    for split, clips in splits.items():
        true, texts = [c.glosses for c in clips], [c.text for c in clips]
        both = [[read(folders[seed], clips) for seed in seeds] for folders in (before, after)]
        stats = [[statistics(one, texts) for _, one in some] for some in both]
        glosses = [[one for one, _ in some] for some in both]
        rates = compare_word_error_rates(glosses[0], glosses[1], true)
        found[split] = {"wer": rates, "bleu4": compare(stats[0], stats[1])["bleu4"]}
    return found


def differences(apart: Mapping[str, Any]) -> list[str]:
    """WER and BLEU-4 on test, with intervals, of what `gain` found."""
    return [f"{p.difference:+.1f} ({interval(p.interval)})" for p in (apart["test"]["wer"], apart["test"]["bleu4"])]
