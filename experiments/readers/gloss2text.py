"""Gloss2Text on PHOENIX14T's real text: `make gloss2text CORPUS=DIR`, the folder of the corpus or of its annotation.

For each seed: a training, beam size and length penalty chosen on dev, dev and test translated. Then all scores, and an
ensemble (mean of the seeds' probabilities), each by beam search and by consensus (`slt.translate.consensus`). Finished
seeds under runs/gloss2text are kept; a killed one goes on where it was. `gloss2text-tried` trains the recipes that were
tried on the way, and scores them on dev; what is known of the others stays.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from experiments.pages import fill
from experiments.readers.consensus import Pool, agreed, drawn
from experiments.report import interval, table, write_files
from experiments.request import RESULTS, Request
from skeletor.files.atomic import write_text
from skeletor.support.config import Config, check_config
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.data.layout import Clip, read_corpus
from slt.pipeline.cache.stage import Done, read_json, run_stage
from slt.score.bootstrap import compare, statistics
from slt.score.floor import constant_sentence
from slt.score.scores import Scores, score
from slt.translate.config import TranslateConfig
from slt.translate.consensus import ConsensusConfig

ANNOTATIONS = Path("../shared/data/phoenix14t_annotations")
_CODE = ("slt.translate.train", "slt.data.layout")
_METRICS = ("bleu1", "bleu2", "bleu3", "bleu4", "rouge", "chrf")
# Of other systems, as published, or as measured before this project (../shared/facts/evaluation.md).
_PUBLISHED = (
    ("transformer, Gloss2Text (Camgoz et al. 2020), published", {"dev": {"bleu4": 25.35}, "test": {"bleu4": 24.54}}),
    ("JoeyNMT as it is, 2x128/512, one seed, measured before this project", {
        "dev": {"bleu4": 25.29, "rouge": 51.97},
        "test": {"bleu1": 50.11, "bleu2": 37.39, "bleu3": 29.67, "bleu4": 24.57, "rouge": 51.25},
    }),
)  # fmt: skip
Texts = Mapping[str, Sequence[str]]  # split -> sentences


class Gloss2TextConfig(Config):
    """The recipe, its seeds, and what else was tried (name -> changes of the recipe). only: recipes to try; or all."""

    seeds: list[int] = Field(min_length=1)
    translate: TranslateConfig
    consensus: ConsensusConfig = Field(default_factory=ConsensusConfig)
    tried: dict[str, dict[str, Any]] = Field(default_factory=dict)
    only: list[str] = Field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """Scores of one system on dev and test."""

    label: str
    dev: Scores
    test: Scores


def find_corpus(given: Path | None) -> Path:
    """The folder to read. Raises InputError if none is given and the founders' copy is not there."""
    if given:
        return given
    if ANNOTATIONS.is_dir():
        return ANNOTATIONS
    raise InputError("no corpus; give PHOENIX14T's folder, or that of its annotation: make gloss2text CORPUS=DIR")


def read_splits(folder: Path) -> dict[str, list[Clip]]:
    """The clips of train, dev and test. Raises InputError if one has no gloss."""
    corpus = read_corpus(folder)
    splits = {split: corpus.split(split) for split in ("train", "dev", "test")}
    for split, clips in splits.items():
        for clip in clips:
            if not clip.glosses:
                raise InputError(f"{folder}: {split} clip {clip.name} has no glosses; they are this system's input")
    return splits


def train(name: str, config: TranslateConfig, seed: int, splits: Mapping[str, Sequence[Clip]], work: Path) -> Done:
    """Train one system in a folder of its own under `work`, unless that was done."""

    def fit(out: Path) -> None:
        from slt.translate.train import train_gloss2text

        start = time.process_time()
        pairs = {split: [(clip.glosses, clip.text) for clip in splits[split]] for split in ("train", "dev")}
        train_gloss2text(pairs["train"], pairs["dev"], config, out / "model", seed, "auto")
        write_text(out / "cpu.json", json.dumps({"minutes": (time.process_time() - start) / 60}))

    plain = {split: [(c.name, c.glosses, c.text) for c in splits[split]] for split in ("train", "dev")}
    text = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
    values = {"translate": config.model_dump(mode="json"), "seed": seed}
    return run_stage(name, work / f"{config.digest()[:10]}-seed{seed}", fit, values, [text], code=_CODE)


def translated(done: Done, splits: Mapping[str, Sequence[Clip]]) -> Texts:
    """What a trained system makes of dev and test."""
    from slt.translate.translator import Translator

    translator = Translator.load(done.folder / "model")
    return {
        split: [h.text for h in translator.translate_glosses([clip.glosses for clip in splits[split]])]
        for split in ("dev", "test")
    }


def ensemble(folders: Sequence[Path], config: TranslateConfig, splits: Mapping[str, Sequence[Clip]]) -> Texts:
    """Translations by the mean of the models' probabilities: the largest beam, a length penalty chosen on dev."""
    from slt.translate.joey.decoding.decode import decode_ensemble, encode, tune_ensemble
    from slt.translate.joey.text import text_digest
    from slt.translate.translator import Translator, gloss_sources

    loaded = [Translator.load(folder / "model") for folder in folders]
    first = loaded[0]
    assert len({(text_digest(t.text), t.glosses) for t in loaded}) == 1, "seeds have the same training text"
    models = [t.model for t in loaded]

    def encoded(split: str) -> list[list[Any]]:
        glosses = [clip.glosses for clip in splits[split]]
        sources = gloss_sources(glosses, first.glosses, first.text, config.gloss_pieces)
        return [list(encode(model, sources, 1, first.device)) for model in models]

    dev = encoded("dev")
    references = [clip.text for clip in splits["dev"]]
    decoding, _ = tune_ensemble(
        models, dev, first.text, references, [max(config.beams)], config.alphas, config.max_words
    )
    log.info("ensemble: beam %d, alpha %g", decoding.beam, decoding.alpha)
    batches = {"dev": dev, "test": encoded("test")}
    return {s: [h.text for h in decode_ensemble(models, b, first.text, decoding)] for s, b in batches.items()}


def scored(label: str, texts: Texts, splits: Mapping[str, Sequence[Clip]], period: bool = True) -> Row:
    """Scores on dev and test. period: with the final token " .", which the field's text has."""
    found = {}
    for split in ("dev", "test"):
        pairs = [(text, clip.text) for text, clip in zip(texts[split], splits[split], strict=True)]
        cut = pairs if period else [(a.removesuffix(" ."), b.removesuffix(" .")) for a, b in pairs]
        found[split] = score([a for a, _ in cut], [b for _, b in cut])
    return Row(label, found["dev"], found["test"])


def run(config: Gloss2TextConfig, splits: Mapping[str, Sequence[Clip]], work: Path) -> dict[str, Any]:
    """All systems and their scores, as plain values."""
    references = {split: [clip.text for clip in splits[split]] for split in splits}
    floor = constant_sentence(references["train"], references["dev"])
    rows = [scored("one constant sentence (the floor)", {s: [floor] * len(references[s]) for s in references}, splits)]
    stages = [train(f"seed {seed}", config.translate, seed, splits, work) for seed in config.seeds]
    texts = [translated(stage, splits) for stage in stages]
    single = [scored(f"seed {seed}", text, splits) for seed, text in zip(config.seeds, texts, strict=True)]
    bare = [scored("", text, splits, period=False) for text in texts]
    rows += single
    if len(stages) > 1:
        mixed = ensemble([stage.folder for stage in stages], config.translate, splits)
        rows.append(scored(f"ensemble of the {len(stages)} seeds", mixed, splits))
    pools = [_drawn(stage, config, splits) for stage in stages]
    found = [agreed([pool], config.consensus, references["dev"]) for pool in pools]
    agreeing = [scored(f"seed {k}, by consensus", t, splits) for k, (t, _) in zip(config.seeds, found, strict=True)]
    rows += agreeing
    gains = {"mean": _gained(texts, [made for made, _ in found], references)}
    if len(stages) > 1:
        found.append(agreed(pools, config.consensus, references["dev"]))
        gains["ensemble"] = _gained([mixed], [found[-1][0]], references)
        rows.append(scored(f"ensemble of the {len(stages)} seeds, by consensus", found[-1][0], splits))
    trainings = [read_json(stage.folder / "model" / "training.json") for stage in stages]
    return {
        "rows": {row.label: {"dev": row.dev.as_dict(), "test": row.test.as_dict()} for row in rows},
        "mean": _spread(single),
        "mean by consensus": _spread(agreeing),
        "mean without the final period": _spread(bare),
        "by consensus against beam search": gains,
        "options of the consensus": [dataclasses.asdict(gain) for _, gain in found],
        "cpu minutes": [read_json(stage.folder / "cpu.json").get("minutes") for stage in stages],
        "decoding": [t["decoding"] for t in trainings],
        "averaged checkpoints": [t["averaged"] for t in trainings],
        "updates": [t["updates"] for t in trainings],
    }


def _drawn(stage: Done, config: Gloss2TextConfig, splits: Mapping[str, Sequence[Clip]]) -> Pool:
    """The translations that a trained system draws of dev and test."""
    glosses = {split: [clip.glosses for clip in splits[split]] for split in ("dev", "test")}
    where = stage.folder.parent / "drawn" / stage.folder.name
    return drawn(f"{stage.name}, drawn", stage.folder / "model", glosses, config.consensus, where, [stage])


def _gained(
    beams: Sequence[Texts], agreeing: Sequence[Texts], references: Mapping[str, Sequence[str]]
) -> dict[str, tuple[float, float, float]]:
    """split -> what consensus adds to the mean BLEU-4 of trainings, and its 95 % interval (paired bootstrap)."""
    result = {}
    for split in ("dev", "test"):
        before, after = ([statistics(one[split], references[split]) for one in texts] for texts in (beams, agreeing))
        found = compare(before, after)["bleu4"]
        result[split] = (found.difference, *found.interval)
    return result


def _spread(rows: Sequence[Row]) -> dict[str, dict[str, tuple[float, float]]]:
    """split -> metric -> (mean, standard deviation over seeds; 0 for one)."""
    result: dict[str, dict[str, tuple[float, float]]] = {}
    for split in ("dev", "test"):
        table = np.array([[getattr(getattr(row, split), m) for m in _METRICS] for row in rows])  # (seeds, metrics)
        spread = table.std(0, ddof=1) if len(rows) > 1 else np.zeros(len(_METRICS))
        result[split] = {m: (float(table[:, k].mean()), float(spread[k])) for k, m in enumerate(_METRICS)}
    return result


def recipe(config: Gloss2TextConfig, name: str, where: str) -> TranslateConfig:
    """One that was tried. Raises InputError, naming the file, if a change of it is none of the options."""
    values = {**config.translate.model_dump(mode="json"), **config.tried[name]}
    return check_config(values, TranslateConfig, f"{where}: tried.{name}")


def run_tried(
    config: Gloss2TextConfig, names: Sequence[str], splits: Mapping[str, Sequence[Clip]], work: Path, where: str
) -> dict[str, Any]:
    """name -> changes, dev scores and CPU minutes of recipes that were tried; test is not looked at.

    Raises InputError if the config does not have one of them.
    """
    found = {}
    for name in names:
        if name not in config.tried:
            raise InputError(f"{where}: no recipe {name!r} under tried; there are {', '.join(config.tried)}")
        changes = config.tried[name]
        stage = train(name, recipe(config, name, where), config.seeds[0], splits, work)
        training = read_json(stage.folder / "model" / "training.json")
        minutes = read_json(stage.folder / "cpu.json").get("minutes")
        dev = training["dev"]
        found[name] = {"changes": changes, "cpu minutes": minutes, "dev": {m: dev[m] for m in _METRICS}}
        found[name]["greedy curve"] = [(row["steps"], row["bleu"]) for row in training["curve"]]
    return found


def markdown(result: Mapping[str, Any], tried: Mapping[str, Any]) -> str:
    """The report."""
    metrics = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE", "chrF")
    heads = ["dev BLEU-4", "dev ROUGE", *(f"test {m}" for m in metrics)]
    rows = [_line(label, splits, "") for label, splits in _PUBLISHED]
    for label, row in result["rows"].items():
        rows.append(_line(label, row, interval(row["test"]["intervals"]["bleu4"], between=" to ")))
    for label in [key for key in result if key.startswith("mean")]:
        means = {s: {m: v for m, (v, _) in row.items()} for s, row in result[label].items()}
        spread = result[label]["test"]["bleu4"][1]
        rows.append(_line(f"{label}, {len(result['cpu minutes'])} seeds", means, f"sd {spread:.2f}"))
    lines = ["# Gloss2Text on PHOENIX14T's text", "", *table(["", *heads, "test BLEU-4, 95 %"], rows)]
    signature = next(iter(result["rows"].values()))["test"]["signature"]
    minutes = ", ".join("?" if m is None else f"{m:.1f}" for m in result["cpu minutes"])
    decoding = "; ".join(f"beam {d['beam']}, alpha {d['alpha']:g}" for d in result["decoding"])
    recipe = ", ".join(f"{k} {v}" for k, v in _changed(result["config"]["translate"]).items())
    lines += ["", f"- text: lower case with the final token \" .\", as the field has it (the official CSV lacks it); "
              f"BLEU: {signature}; ROUGE-L, beta 1.2; chrF: sacreBLEU's chrF2; interval: bootstrap over sentences",
              f"- recipe (where it is not the default): {recipe}",
              f"- CPU minutes a seed, one core, all validations and the search included: {minutes}",
              f"- chosen on dev: {decoding} (ensemble: the largest beam, its own alpha); "
              f"weights: mean of {result['averaged checkpoints']} checkpoints",
              *_consensus_lines(result),
              "- made by `make gloss2text`; rows marked as published or measured before are not made here"]  # fmt: skip
    return "\n".join([*lines, *_tried_lines(tried)]) + "\n"


def page(result: Mapping[str, Any], name: str) -> str:
    """What docs/phoenix14t.md has of the result of this name: the means of the seeds, and their ensemble."""
    count = len(result["cpu minutes"])
    shown = {}
    for label, ending in (("mean", ""), ("mean by consensus", ", by consensus")):
        means = {split: {m: v for m, (v, _) in row.items()} for split, row in result[label].items()}
        shown[f"mean of {count} seeds{ending or ', by beam search'}"] = means
        if count > 1:
            together = f"ensemble of the {count} seeds"
            shown[f"{together}{ending or ', by beam search'}"] = result["rows"][f"{together}{ending}"]
    cells = [("dev", "bleu4"), ("dev", "rouge"), ("test", "bleu4"), ("test", "rouge"), ("test", "chrf")]
    rows = [[label, *(f"{row[s][m]:.2f}" for s, m in cells)] for label, row in shown.items()]
    heads = ["", "dev BLEU-4", "ROUGE", "test BLEU-4", "ROUGE", "chrF"]
    told = f"BLEU-4 by consensus against beam search, paired bootstrap over sentences, 95 %: {_told(result)}."
    file = f"{RESULTS}/{name}.md"
    return "\n".join(
        [*table(heads, rows), "", f"{told} Made by `{result['command']}`. The whole result: [{file}]({file})."]
    )


def _consensus_lines(result: Mapping[str, Any]) -> list[str]:
    """How it was read by consensus; nothing of a result from before that."""
    if "options of the consensus" not in result:
        return []
    options = ", ".join(f"{gain['decay']:g} and {gain['cost']:g}" for gain in result["options of the consensus"])
    number = result["config"]["consensus"]["samples"]
    return [
        f"- by consensus: the one of {number} drawn translations that is most like all of them; decay and cost chosen "
        f"on dev: {options}",
        f"- BLEU-4 by consensus against beam search, paired bootstrap over sentences, 95 %: {_told(result)}",
    ]


def _told(result: Mapping[str, Any]) -> str:
    """What consensus adds to BLEU-4, in words."""
    return "; ".join(
        f"{name} {split} {value:+.2f} ({interval((low, high), '.2f')})"
        for name, splits in result["by consensus against beam search"].items()
        for split, (value, low, high) in splits.items()
    )


def _line(label: str, row: Mapping[str, Mapping[str, Any]], last: str) -> list[str]:
    keys = [("dev", "bleu4"), ("dev", "rouge"), *(("test", m) for m in _METRICS)]
    cells = [f"{row[s][m]:.2f}" if m in row[s] else "" for s, m in keys]
    return [label, *cells, last]


def _tried_lines(tried: Mapping[str, Any]) -> list[str]:
    if not tried:
        return []
    rows = []
    for name, row in tried.items():
        changes = ", ".join(f"{k} {v}" for k, v in row["changes"].items()) or "none"
        minutes = "" if row["cpu minutes"] is None else f"{row['cpu minutes']:.1f}"
        rows.append([name, changes, f"{row['dev']['bleu4']:.2f}", f"{row['dev']['rouge']:.2f}", minutes])
    lines = table(["recipe", "changes", "dev BLEU-4", "dev ROUGE", "CPU min"], rows, texts=2)
    return ["", "## Tried on dev (first seed)", "", *lines, "", "Made by `python -m experiments gloss2text-tried`."]


def _changed(values: Mapping[str, Any]) -> dict[str, Any]:
    plain = TranslateConfig().model_dump(mode="json")
    return {key: value for key, value in values.items() if value != plain.get(key)}


def make(request: Request, config: Gloss2TextConfig) -> None:
    """Train what is missing, score, and write."""
    splits = read_splits(find_corpus(request.corpus))
    known = read_json(request.results / f"{request.name}.json")
    made = request.about(config, config.seeds[0]) | run(config, splits, request.work)
    _write(request, {**made, "tried": known.get("tried", {})})
    if request.results == RESULTS and request.name == "gloss2text":  # results of other names have no page
        fill("table gloss2text", page(made, request.name))


def make_tried(request: Request, config: Gloss2TextConfig) -> None:
    """Train the recipes that were tried, with the first seed, and add them to what is known."""
    splits = read_splits(find_corpus(request.corpus))
    known = read_json(request.results / f"{request.name}.json")
    made = run_tried(config, config.only or list(config.tried), splits, request.work, str(request.config))
    _write(request, {**known, "tried": {**known.get("tried", {}), **made}})


def _write(request: Request, known: Mapping[str, Any]) -> None:
    text = markdown(known, known["tried"]) if "rows" in known else "\n".join(_tried_lines(known["tried"]))
    write_files(request.results, request.name, text, known)
