"""Gloss2Text on PHOENIX14T's real text: `make gloss2text`, or python -m experiments.gloss2text [--corpus DIR].

For each seed: a training, beam size and length penalty chosen on dev, dev and test translated. Then all scores, and an
ensemble (mean of the seeds' probabilities). Finished seeds under runs/gloss2text are kept; a killed one goes on where
it was. `--tried` trains the recipes that were tried on the way, and scores them on dev. Writes
experiments/results/gloss2text.md and .json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from skeletor.files.atomic import write_text
from skeletor.files.lock import locked
from skeletor.support.command import run_command
from skeletor.support.config import Config, check_config, load_config
from skeletor.support.errors import InputError
from skeletor.support.progress import log, log_to
from slt.data.layout import Clip, read_corpus
from slt.pipeline.cache.stage import Done, read_json, run_stage
from slt.pipeline.report import versions
from slt.score.floor import constant_sentence
from slt.score.scores import Scores, score
from slt.translate.config import TranslateConfig

WORK, RESULTS = Path("runs/gloss2text"), Path("experiments/results")
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
    """The recipe, its seeds, and what else was tried (name -> changes of the recipe)."""

    seeds: list[int] = Field(min_length=1)
    translate: TranslateConfig
    tried: dict[str, dict[str, Any]] = Field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """Scores of one system on dev and test."""

    label: str
    dev: Scores
    test: Scores


def find_corpus(given: str | None) -> Path:
    """The folder to read. Raises InputError if none is given and the founders' copy is not there."""
    if given:
        return Path(given)
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
    from slt.translate.joey.decode import decode_ensemble, encode, tune_ensemble
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
    trainings = [read_json(stage.folder / "model" / "training.json") for stage in stages]
    return {
        "rows": {row.label: {"dev": row.dev.as_dict(), "test": row.test.as_dict()} for row in rows},
        "mean": _spread(single),
        "mean without the final period": _spread(bare),
        "cpu minutes": [read_json(stage.folder / "cpu.json").get("minutes") for stage in stages],
        "decoding": [t["decoding"] for t in trainings],
        "averaged checkpoints": [t["averaged"] for t in trainings],
        "updates": [t["updates"] for t in trainings],
        "config": config.model_dump(mode="json"),
        "versions": json.loads(versions()),
    }


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
    lines = ["# Gloss2Text on PHOENIX14T's text", "", "| | " + " | ".join(heads) + " | test BLEU-4, 95 % |",
             "|---" + "|---:" * (len(heads) + 1) + "|"]  # fmt: skip
    for label, splits in _PUBLISHED:
        lines.append(_line(label, splits, ""))
    for label, row in result["rows"].items():
        low, high = row["test"]["intervals"]["bleu4"]
        lines.append(_line(label, row, f"{low:.1f} to {high:.1f}"))
    for label in ("mean", "mean without the final period"):
        means = {s: {m: v for m, (v, _) in row.items()} for s, row in result[label].items()}
        spread = result[label]["test"]["bleu4"][1]
        lines.append(_line(f"{label}, {len(result['cpu minutes'])} seeds", means, f"sd {spread:.2f}"))
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
              "- made by `make gloss2text`; rows marked as published or measured before are not made here"]  # fmt: skip
    return "\n".join([*lines, *_tried_lines(tried)]) + "\n"


def _line(label: str, row: Mapping[str, Mapping[str, Any]], last: str) -> str:
    keys = [("dev", "bleu4"), ("dev", "rouge"), *(("test", m) for m in _METRICS)]
    cells = [f"{row[s][m]:.2f}" if m in row[s] else "" for s, m in keys]
    return "| " + " | ".join([label, *cells, last]) + " |"


def _tried_lines(tried: Mapping[str, Any]) -> list[str]:
    if not tried:
        return []
    lines = ["", "## Tried on dev (first seed)", "", "| recipe | changes | dev BLEU-4 | dev ROUGE | CPU min |",
             "|---|---|---:|---:|---:|"]  # fmt: skip
    for name, row in tried.items():
        changes = ", ".join(f"{k} {v}" for k, v in row["changes"].items()) or "none"
        minutes = "" if row["cpu minutes"] is None else f"{row['cpu minutes']:.1f}"
        lines.append(f"| {name} | {changes} | {row['dev']['bleu4']:.2f} | {row['dev']['rouge']:.2f} | {minutes} |")
    return [*lines, "", "Made by `python -m experiments.gloss2text --tried`."]


def _changed(values: Mapping[str, Any]) -> dict[str, Any]:
    plain = TranslateConfig().model_dump(mode="json")
    return {key: value for key, value in values.items() if value != plain.get(key)}


def main(arguments: Sequence[str] | None = None) -> int:
    """See the module's text. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--corpus", help="folder of PHOENIX14T, or of its annotation")
    parser.add_argument("--config", type=Path, default=Path(__file__).with_suffix(".yaml"))
    parser.add_argument("--work", type=Path, default=WORK, help="folder of the trainings")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument(
        "--tried", nargs="*", metavar="NAME", help="train recipes that were tried (default: all), not the final one"
    )
    options = parser.parse_args(arguments)
    splits = read_splits(find_corpus(options.corpus))
    config = load_config(options.config, Gloss2TextConfig)
    with locked(options.work):
        log_to(options.work / "log.txt")
        return make(splits, config, options)


def make(splits: Mapping[str, Sequence[Clip]], config: Gloss2TextConfig, options: argparse.Namespace) -> int:
    """Train what is missing and write the tables."""
    json_path = options.results / "gloss2text.json"
    known = read_json(json_path)
    if options.tried is not None:
        names = options.tried or list(config.tried)
        made = run_tried(config, names, splits, options.work, str(options.config))
        known["tried"] = {**known.get("tried", {}), **made}
    else:
        known = {**run(config, splits, options.work), "tried": known.get("tried", {})}
    write_text(json_path, json.dumps(known, indent=1, ensure_ascii=False) + "\n")
    if "rows" in known:
        text = markdown(known, known.get("tried", {}))
        write_text(json_path.with_suffix(".md"), text)
        log.info("\n%s", text)
    return 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    sys.exit(run_command(main, "gloss2text", "--debug" in sys.argv))
