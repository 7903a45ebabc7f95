"""Several recognisers that read together, and several Gloss2Text models behind them: is a repair worth a second view?

A recogniser of repaired skeletons reads the same recording as one of raw skeletons. So a raw reader and a repaired one
together are compared with two raw readers, which differ in their seed alone: only what is left is worth of the repair.
All is chosen on dev: how each system's mean is read; the length penalty, once, for the raw reader.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from experiments.pages import fill_result
from experiments.readers import gloss2text
from experiments.readers.recognition import gloss_models, store_of
from experiments.report import Result, interval, table, write_result
from experiments.request import Request
from skeletor.files.atomic import write_text
from skeletor.poses.pose import file_sha256
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.data.layout import Clip, read_corpus
from slt.pipeline.cache.stage import Done, finished_stage, read_json, run_stage
from slt.pipeline.stages.translators import outputs_of
from slt.pipeline.work.readers.ensemble import SPLITS, read_ensemble
from slt.pipeline.work.readers.train_translator import RECOGNISED, write_outputs
from slt.score.bootstrap import compare, statistics
from slt.score.rates import compare_word_error_rates
from slt.score.scores import score
from slt.score.wer import mistakes, word_error_rate

_SEED = "-seed"
_PART = 256  # sequences that are translated before what is known is written
HOW = "reading.json"


class ReadersConfig(Config):
    """systems: by label, their members. compared: pairs of labels. trained: folders in which `experiments recognition`
    left its recognisers; [] for this experiment's own. gloss_models: as of `experiments recognition`.
    alpha: the length penalty; 3 is what `experiments recognition` chose on dev for the raw reader."""

    systems: dict[str, list[str]] = Field(min_length=1)
    compared: list[Annotated[list[str], Field(min_length=2, max_length=2)]] = Field(default_factory=list)
    trained: list[str] = Field(default_factory=list)
    gloss_models: list[str] = Field(default_factory=list)
    alpha: float = 3.0
    workers: int = Field(2, ge=1, le=256)

    @model_validator(mode="after")
    def _known(self) -> ReadersConfig:
        for label in (label for pair in self.compared for label in pair):
            if label not in self.systems:
                raise ValueError(f"compared: {label!r} is none of systems")
        return self


@dataclass(frozen=True)
class Member:
    """A trained recogniser, and the skeletons that it reads: their key and their folder, by split."""

    reader: Done
    store: tuple[str, Path]


@dataclass(frozen=True)
class System:
    """What a system made of dev and test: split -> clip -> glosses, or a sentence. how: the reading of dev."""

    read: Mapping[str, Mapping[str, Sequence[str]]]
    texts: Mapping[str, Mapping[str, str]]
    how: Mapping[str, Any]


def make(request: Request, config: ReadersConfig) -> None:
    """Read and translate what is missing, score, and write."""
    corpus = read_corpus(request.finished / "corpus")
    splits = {split: list(corpus.split(split)) for split in SPLITS}
    models = gloss_models(config.gloss_models, gloss2text.find_corpus(request.corpus))
    stages = {}
    for label, names in config.systems.items():
        stages[label] = _stage(label, "+".join(names), [_member(n, request, config) for n in names], splits, request)
    read = {label: outputs_of(done.folder, RECOGNISED) for label, done in stages.items()}
    wanted = {tuple(glosses) for of in read.values() for clips in of.values() for glosses in clips.values()}
    memory = request.work / "translated" / f"{_digest(models, config.alpha)}.json"
    texts = translated(wanted, models, config.alpha, memory)
    systems = {
        label: System(
            of,
            {split: {name: texts[tuple(glosses)] for name, glosses in clips.items()} for split, clips in of.items()},
            read_json(stages[label].folder / HOW),
        )
        for label, of in read.items()
    }
    result = _result(systems, splits, config, len(models))
    title = "Several readers together"
    write_result(result, request.results, request.name, title, request.about(config, None))
    fill_result(request, result.sections, f"python -m experiments {request.name}")


def _member(name: str, request: Request, config: ReadersConfig) -> Member:
    """`ROW-seedN`, or `ROW-seedN@OTHER` that reads the skeletons of another row. InputError if it is not there."""
    trained, _, row = name.partition("@")
    folders = [Path(folder) / trained for folder in config.trained or [str(request.work)]]
    for folder in folders:
        if (reader := finished_stage(folder)) is not None:
            return Member(reader, store_of(row or trained.rpartition(_SEED)[0], request, config.workers))
    raise InputError(f"{trained}: no finished recogniser in {' or '.join(map(str, folders))}; "
                     "train it with `python -m experiments recognition`")  # fmt: skip


def _stage(
    label: str, name: str, members: Sequence[Member], splits: Mapping[str, Sequence[Clip]], request: Request
) -> Done:
    """What a system reads of dev and test."""
    do = partial(_read, [(one.reader.folder, one.store[1]) for one in members], splits)
    plain = json.dumps([(c.name, c.glosses) for s in SPLITS for c in splits[s]])
    keys = [key for one in members for key in (one.reader.key, one.store[0])]
    inputs = [hashlib.sha256(plain.encode()).hexdigest(), *keys]
    return run_stage(label, request.work / name, do, {}, inputs, code=(read_ensemble,))  # not of this table's form


def _read(members: Sequence[tuple[Path, Path]], splits: Mapping[str, Sequence[Clip]], out: Path) -> None:
    readers, glosses = read_ensemble(members, splits)
    for split, read in glosses.items():
        write_outputs(out, split + RECOGNISED, read)
    write_text(out / HOW, json.dumps(readers.reading.model_dump()))


def _digest(models: Sequence[Path], alpha: float) -> str:
    """Of all that decides what a sequence of glosses is translated to."""
    keys = [file_sha256(model / "translator.safetensors") for model in models]
    return hashlib.sha256(f"{keys} {alpha}".encode()).hexdigest()[:16]


def translated(
    wanted: Iterable[tuple[str, ...]], models: Sequence[Path], alpha: float, memory: Path
) -> dict[tuple[str, ...], str]:
    """What the models together make of each sequence of glosses: largest beam, length penalty alpha.

    Systems mostly read the same. What was translated once stands in the file `memory`, and is not translated again.
    """
    from slt.recognise.ensemble.translators import Translators
    from slt.translate.translator import Translator

    known: dict[str, str] = read_json(memory)
    missing = sorted({one for one in wanted if " ".join(one) not in known})
    if missing:
        several = Translators.of([Translator.load(model) for model in models]).searching(alpha)
        for start in range(0, len(missing), _PART):
            part = missing[start : start + _PART]
            known |= {" ".join(g): h.text for g, h in zip(part, several.translate_glosses(part), strict=True)}
            write_text(memory, json.dumps(known, ensure_ascii=False))
            log.info("translated %d of %d", start + len(part), len(missing))
    return {tuple(one.split()): text for one, text in known.items()}


def _result(
    systems: Mapping[str, System], splits: Mapping[str, Sequence[Clip]], config: ReadersConfig, models: int
) -> Result:
    numbers = {label: _numbers(system, splits) for label, system in systems.items()}
    rows = []
    for label, n in numbers.items():
        dev, test, read = n["dev"], n["test"], n["reading"]
        cells = [dev["wer"], test["wer"], *test["mistakes"].values(), dev["bleu4"], test["bleu4"]]
        ends = [interval(test["interval"]), f"{test['rouge']:.1f}", f"{read['weight']:g}, {read['bonus']:g}"]
        rows.append([label, *(f"{value:.1f}" for value in cells), *ends])
    head = ["readers", "WER dev", "test", "sub", "del", "ins", "BLEU-4 dev", "test", "95 %", "ROUGE", "weight, bonus"]
    gains = {f"{b} over {a}": _gain(systems[a], systems[b], splits) for b, a in config.compared}
    lines = []
    for (b, a), gain in zip(config.compared, gains.values(), strict=True):
        lines.append([b, a, *(f"{gain[k].difference:+.1f} ({interval(gain[k].interval)})" for k in gain)])
    gained = table(["readers", "against", "WER dev", "WER", "BLEU-4 dev", "BLEU-4"], lines, texts=2)
    note = (
        f"WER: per cent. BLEU-4: of all {models} Gloss2Text models together; beam and length penalty are those that "
        "were best on dev for the raw reader. Weight of the trigram and bonus of a gloss: chosen on dev for each line. "
        "Differences: paired bootstrap over sentences, 95 %; of test where nothing else is said.\n"
    )
    sections = ["\n".join(table(head, rows)) + "\n"]
    if lines:
        sections.append("\n".join(gained) + "\n")
    return Result([*sections, note], {"systems": numbers, "gains": gains})


def _numbers(system: System, splits: Mapping[str, Sequence[Clip]]) -> dict[str, Any]:
    found: dict[str, Any] = {"reading": system.how}
    for split, clips in splits.items():
        read, true = _glosses(system, clips), [c.glosses for c in clips]
        scores = score(_texts(system, clips), [c.text for c in clips])
        found[split] = {
            "wer": word_error_rate(read, true), "mistakes": dataclasses.asdict(mistakes(read, true)),
            "bleu4": scores.bleu4, "interval": scores.intervals["bleu4"], "rouge": scores.rouge, "chrf": scores.chrf,
            "signature": scores.signature,
        }  # fmt: skip
    return found


def _gain(a: System, b: System, splits: Mapping[str, Sequence[Clip]]) -> dict[str, Any]:
    """What b has over a: WER and BLEU-4 of dev and test."""
    found: dict[str, Any] = {}
    for split, name in (("dev", "wer dev"), ("test", "wer")):
        true = [c.glosses for c in splits[split]]
        found[name] = compare_word_error_rates([_glosses(a, splits[split])], [_glosses(b, splits[split])], true)
    for split, name in (("dev", "bleu4 dev"), ("test", "bleu4")):
        true_texts = [c.text for c in splits[split]]
        base, other = ([statistics(_texts(one, splits[split]), true_texts)] for one in (a, b))
        found[name] = compare(base, other)["bleu4"]
    return found


def _glosses(system: System, clips: Sequence[Clip]) -> list[tuple[str, ...]]:
    """What was read in each clip; a clip without a pose counts as nothing read."""
    return [tuple(system.read[c.split].get(c.name, ())) for c in clips]


def _texts(system: System, clips: Sequence[Clip]) -> list[str]:
    return [system.texts[c.split].get(c.name, "") for c in clips]
