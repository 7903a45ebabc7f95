"""What a repair of skeletons is worth to a reader: a recogniser for each row of a run, and Gloss2Text behind it.

For every row and seed a recogniser is trained on the row's skeletons, and the Gloss2Text models translate the glosses
that it reads on dev and test. The recogniser of a clean row also reads all other rows, without having seen their like:
a data set is recorded well, a user's video is not.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from experiments.pages import fill_result
from experiments.readers import gloss2text, slower
from experiments.readers.consensus import agreed, drawn
from experiments.report import Result, interval, table, write_result
from experiments.request import RUNS, Request
from skeletor.io.store import open_store
from skeletor.poses.pose import PoseSequence, file_sha256
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.smoothers.smooth import SavgolOptions
from skeletor.support.config import Config, load_config
from skeletor.support.errors import InputError
from slt.data.layout import Clip, Corpus, annotation_folder, read_corpus
from slt.pipeline.cache.stage import Done, finished_stage, run_stage
from slt.pipeline.stages.translators import outputs_of
from slt.pipeline.work.poses.refine import refine_parts
from slt.pipeline.work.readers.cascade import train_on_glosses_of_poses
from slt.pipeline.work.readers.train_translator import RECOGNISED, write_outputs
from slt.recognise.config import RecogniserConfig
from slt.score.bootstrap import compare, statistics
from slt.score.rates import compare_word_error_rates
from slt.score.scores import Scores, score
from slt.score.wer import mistakes, word_error_rate
from slt.translate.consensus import ConsensusConfig

SPLITS = ("dev", "test")
CARRIED = "savgol-carried"  # made here; the other rows are the run's
LABELS = {
    "raw": "raw 3D skeletons",
    CARRIED: "Savitzky-Golay, hands carried by the wrist",
    "skeletor": "Skeletor, unsupervised",
    "skeletor-motion": "Skeletor, trained on known motion",
    "truth": "truth skeletons",
}
_PLACES = {"raw": "lifted", "truth": "truth"}
_SURE = 0.3  # a joint below this confidence is missing
Glosses = dict[str, dict[str, list[str]]]  # split -> clip -> what was read


class RecognitionConfig(Config):
    """rows: folders of the run, or `savgol-carried`. clean: of them, the one whose recogniser reads all others.

    strides: test clips are also read at 1 frame in so many. gloss_models: folders of trained Gloss2Text models; [] for
    those of gloss2text.yaml, which are trained if need be. consensus: how all of them together also translate; or none.
    """

    seeds: list[int] = Field(min_length=1)
    rows: list[str] = Field(min_length=1)
    clean: str = ""
    recogniser: RecogniserConfig = RecogniserConfig()
    strides: list[int] = Field(default_factory=list, description="test at 1 frame in so many, too")
    gloss_models: list[str] = Field(default_factory=list)
    consensus: ConsensusConfig | None = None
    workers: int = Field(2, ge=1, le=256)


@dataclass(frozen=True)
class Reader:
    """What the recognisers of one row (one for each seed) read in a row's skeletons, and its translations.

    mixed: by all Gloss2Text models together, from the first seed's reading; {} if that was not made. agreed: the same
    by consensus of what they draw.
    """

    label: str
    read: tuple[Glosses, ...]
    texts: tuple[Mapping[str, Sequence[str]], ...]
    mixed: Mapping[str, Sequence[str]]
    agreed: Mapping[str, Sequence[str]] = field(default_factory=dict)


def make(request: Request, config: RecognitionConfig) -> None:
    """Train what is missing, read, translate, score, and write."""
    if config.clean and config.clean not in config.rows:
        raise InputError(f"{request.name}: clean: {config.clean!r} is none of rows")
    corpus = read_corpus(request.finished / "corpus")
    splits = {split: corpus.split(split) for split in ("train", *SPLITS)}
    annotation = gloss2text.find_corpus(request.corpus)
    models = gloss_models(config.gloss_models, annotation)
    stores = {row: store_of(row, request, config.workers) for row in config.rows}
    annotations = annotation_folder(annotation)
    trained = {row: _trained(row, stores[row], corpus, annotations, config, request.work) for row in config.rows}
    readers = {
        row: _reader(LABELS.get(row, row), [_outputs(done) for done in trained[row]], splits, models)
        for row in config.rows
    }
    if config.consensus is not None and len(models) > 1:
        for row, reader in readers.items():
            agreeing = _agreed(row, trained[row][0], reader.read[0], splits, models, config.consensus, request.work)
            readers[row] = dataclasses.replace(reader, agreed=agreeing)
    crossed = {}
    if config.clean:
        for row in config.rows:
            outputs = [_crossed(row, stores[row], done, splits, request.work) for done in trained[config.clean]]
            crossed[row] = _reader(LABELS.get(row, row), outputs, splits, models[:1])
    hard = _hardest(stores[config.rows[0]][1], splits["test"])
    result = _result(readers, crossed, splits, hard, config)
    if config.strides:
        _add_slower(result, request, config, trained, splits["test"])
    title = "What repair is worth to a reader: glosses recognised, then translated"
    write_result(result, request.results, request.name, title, request.about(config, config.seeds[0]))
    if request.name == "recognition":  # results of other names have no page
        fill_result(request, result.sections, "make recognition")


def gloss_models(given: Sequence[str], annotation: Path) -> list[Path]:
    """The folders of trained Gloss2Text models: those given, or those of gloss2text.yaml, trained if need be."""
    if given:
        return [Path(folder) for folder in given]
    recipe = load_config(Path(gloss2text.__file__).with_suffix(".yaml"), gloss2text.Gloss2TextConfig)
    splits = gloss2text.read_splits(annotation)
    work = RUNS / "gloss2text"
    return [gloss2text.train(f"seed {s}", recipe.translate, s, splits, work).folder / "model" for s in recipe.seeds]


def store_of(row: str, request: Request, workers: int) -> tuple[str, Path]:
    """A key of a row's skeletons, and the folder that has them by split."""
    if row == CARRIED:
        raw = request.finished / _PLACES["raw"]
        options = SavgolOptions(carried=True)
        work = partial(refine_parts, raw, ("train", *SPLITS), options, row, workers)
        done = run_stage(row, request.work / row, work, options.model_dump(), (key_of(raw),))
        return done.key, done.folder
    folder = request.finished / _PLACES.get(row, f"refined/{row}")
    return key_of(folder), folder


def key_of(folder: Path) -> str:
    """The key of a run's finished stage. InputError if there is none, or it is damaged."""
    done = finished_stage(folder)
    if done is None:
        raise InputError(f"{folder}: no finished stage of a run; give --run the folder of a finished `slt run`")
    return done.key


def _trained(
    row: str, store: tuple[str, Path], corpus: Corpus, annotations: Path, config: RecognitionConfig, work: Path,
) -> list[Done]:  # fmt: skip
    """A recogniser of a row for each seed; what it reads on dev and test lies beside it."""
    plain = json.dumps([(c.name, c.glosses) for c in corpus.clips])
    inputs = (store[0], hashlib.sha256(plain.encode()).hexdigest())
    done = []
    for seed in config.seeds:
        values = {"recogniser": config.recogniser.model_dump(mode="json"), "seed": seed}
        fit = partial(
            train_on_glosses_of_poses, store[1], corpus, annotations, config.recogniser, seed, LABELS.get(row, row)
        )
        done.append(run_stage(f"{row} {seed}", work / f"{row}-seed{seed}", fit, values, inputs))
    return done


def _crossed(
    row: str, store: tuple[str, Path], reader: Done, splits: Mapping[str, Sequence[Clip]], work: Path
) -> Glosses:
    read = partial(_read, store[1], splits, reader.folder)
    done = run_stage(f"clean reader, {row}", work / f"{reader.folder.name}-reads-{row}", read, {}, (store[0], reader))
    return _outputs(done)


def _read(store: Path, splits: Mapping[str, Sequence[Clip]], reader: Path, out: Path) -> None:
    """Write what a recogniser reads on dev and test: clip -> glosses."""
    from slt.recognise.recogniser import Recogniser

    recogniser = Recogniser.load(reader)
    for split in SPLITS:
        poses = open_store(store / split)
        names = [clip.name for clip in splits[split] if clip.name in poses]
        glosses = recogniser.recognise([poses[name] for name in names])
        write_outputs(out, split + RECOGNISED, dict(zip(names, glosses, strict=True)))


def _add_slower(
    result: Result, request: Request, config: RecognitionConfig, trained: Mapping[str, Sequence[Done]],
    clips: Sequence[Clip],
) -> None:  # fmt: skip
    """Word error rates at lower frame rates: by each row's own reader and by the clean one, first seed."""
    readers = {"own reader": {row: trained[row][0] for row in config.rows}}
    if config.clean:
        readers["clean reader"] = {row: trained[config.clean][0] for row in config.rows}
    for title, by_row in readers.items():
        read: dict[str, dict[int, Mapping[str, Sequence[str]]]] = {}
        for row, reader in by_row.items():
            store = request.finished / _PLACES["truth" if row == "truth" else "raw"]
            repair = slower.repair_of(row, request.finished, SavgolOptions(carried=True))
            for stride in (1, *config.strides):
                work = request.work / f"{reader.folder.name}-reads-{row}-1-in-{stride}"
                found = slower.read_slower(store, key_of(store), reader, repair, stride, clips, work)
                read.setdefault(row, {})[stride] = found
        result.numbers[f"slower, {title}"] = rates = slower.rates(read, clips)
        lines = slower.markdown(LABELS, rates, 25.0)
        result.sections.append(f"#### Test WER at lower frame rates, {title}\n\n" + "\n".join(lines) + "\n")


def _outputs(done: Done) -> Glosses:
    return outputs_of(done.folder, RECOGNISED)


def _reader(
    label: str, outputs: Sequence[Glosses], splits: Mapping[str, Sequence[Clip]], models: Sequence[Path]
) -> Reader:
    """The readings translated by each Gloss2Text model; and, if there are several, the first one by all together."""
    from slt.translate.translator import Translator

    sources = [
        {s: [dataclasses.replace(c, glosses=tuple(one[s].get(c.name, ()))) for c in splits[s]] for s in SPLITS}
        for one in outputs
    ]
    texts = []
    for model in models:
        translator = Translator.load(model)
        for source in sources:
            texts.append(
                {s: [h.text for h in translator.translate_glosses([c.glosses for c in source[s]])] for s in SPLITS}
            )
    mixed: Mapping[str, Sequence[str]] = {}
    if len(models) > 1:
        recipe = Translator.load(models[0]).config
        mixed = gloss2text.ensemble([model.parent for model in models], recipe, sources[0])
    return Reader(label, tuple(outputs), tuple(texts), mixed)


def _agreed(
    row: str, done: Done, read: Glosses, splits: Mapping[str, Sequence[Clip]], models: Sequence[Path],
    config: ConsensusConfig, work: Path,
) -> dict[str, list[str]]:  # fmt: skip
    """What was read, translated by consensus of all that the Gloss2Text models draw of it."""
    glosses = {split: _lines(read, splits[split]) for split in SPLITS}
    pools = [
        drawn(f"{row}, drawn {k}", model, glosses, config, work / f"{row}-drawn-{k}",
              [done, file_sha256(model / "translator.safetensors")])
        for k, model in enumerate(models, 1)
    ]  # fmt: skip
    return agreed(pools, config, [clip.text for clip in splits["dev"]])[0]


def _hardest(store: Path, clips: Sequence[Clip]) -> np.ndarray:
    """(N,) bool: the quarter of the clips in which most of the dominant and other hand's joints are missing."""
    poses = open_store(store / "test")
    missing = np.array([_missing(poses[c.name]) if c.name in poses else 1.0 for c in clips])
    hardest: np.ndarray = missing >= np.quantile(missing, 0.75)
    return hardest


def _missing(pose: PoseSequence) -> float:
    joints = [*SIGNING_50.group("left_hand"), *SIGNING_50.group("right_hand")]
    unseen = np.isnan(pose.keypoints[:, joints]).any(2) | (pose.confidence[:, joints] < _SURE)  # (T, 42)
    return float(unseen.mean())


def _result(
    readers: Mapping[str, Reader], crossed: Mapping[str, Reader], splits: Mapping[str, Sequence[Clip]],
    hard: np.ndarray, config: RecognitionConfig,
) -> Result:  # fmt: skip
    numbers: dict[str, Any] = {"readers": {}, "clean reader": {}, "gains": {}, "clean gains": {}}
    sections = []
    for title, some, key in (
        ("Readers trained on their own row", readers, "readers"),
        (f"The reader trained on {LABELS.get(config.clean, config.clean)} reads the others", crossed, "clean reader"),
    ):
        if some:
            numbers[key] = {row: _numbers(reader, splits, hard) for row, reader in some.items()}
            sections.append(f"#### {title}\n\n" + "\n".join(_table(some, numbers[key])) + "\n")
    for title, some, key in (("repair against raw and smoothed", readers, "gains"),
                             ("the same for the clean reader", crossed, "clean gains")):  # fmt: skip
        numbers[key] = _gains(some, splits, hard)
        if numbers[key]:
            sections.append(f"#### Test: {title}\n\n" + "\n".join(_gain_table(numbers[key])) + "\n")
    hardest = f"the {int(hard.sum())} test clips with most missing hand joints ({config.rows[0]} skeletons)"
    sections.append(
        f"WER: per cent; sub, del, ins: its kinds. Hard clips: {hardest}. BLEU-4, ROUGE, chrF: mean over the "
        "Gloss2Text models (and recognisers); ensemble: of all Gloss2Text models, first recogniser"
        + ("; consensus: of all that they draw, chosen on dev. " if any(r.agreed for r in readers.values()) else ". ")
        + 'Intervals: bootstrap over sentences, 95 %; a gain in WER is a fall. The text has its final token " ."\n'
    )
    return Result(sections, numbers)


def _numbers(reader: Reader, splits: Mapping[str, Sequence[Clip]], hard: np.ndarray) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for split in SPLITS:
        true, texts = [c.glosses for c in splits[split]], [c.text for c in splits[split]]
        read = [_lines(one, splits[split]) for one in reader.read]
        kinds = [dataclasses.asdict(mistakes(one, true)) for one in read]
        scores = [score(one[split], texts) for one in reader.texts]
        found[split] = {
            "wer": float(np.mean([word_error_rate(one, true) for one in read])),
            "mistakes": {kind: float(np.mean([k[kind] for k in kinds])) for kind in kinds[0]},
            "scores": {m: float(np.mean([getattr(s, m) for s in scores])) for m in _METRICS},
            "signature": scores[0].signature,
        }
        for name, together in (("ensemble", reader.mixed), ("consensus", reader.agreed)):
            if together:
                mixed: Scores = score(together[split], texts)
                found[split][name] = {m: getattr(mixed, m) for m in _METRICS} | {"interval": mixed.intervals["bleu4"]}
    true = [c.glosses for c, is_hard in zip(splits["test"], hard, strict=True) if is_hard]
    picked = [[g for g, is_hard in zip(_lines(one, splits["test"]), hard, strict=True) if is_hard]
              for one in reader.read]  # fmt: skip
    found["hard wer"] = float(np.mean([word_error_rate(one, true) for one in picked]))
    return found


_METRICS = ("bleu1", "bleu2", "bleu3", "bleu4", "rouge", "chrf")


def _lines(read: Glosses, clips: Sequence[Clip]) -> list[tuple[str, ...]]:
    """What was read in each clip; a clip without a pose counts as nothing read."""
    split = clips[0].split
    return [tuple(read[split].get(clip.name, ())) for clip in clips]


def _table(readers: Mapping[str, Reader], numbers: Mapping[str, Any]) -> list[str]:
    together = [name for name in ("ensemble", "consensus") if any(name in numbers[row]["test"] for row in readers)]
    head = ["skeletons", "WER dev", "test", "sub", "del", "ins", "hard clips", "BLEU-4 dev", "test", "ROUGE", "chrF"]
    rows = []
    for row, reader in readers.items():
        n, test = numbers[row], numbers[row]["test"]
        kinds, scores = test["mistakes"], test["scores"]
        cells = [n["dev"]["wer"], test["wer"], *kinds.values(), n["hard wer"], n["dev"]["scores"]["bleu4"],
                 scores["bleu4"], scores["rouge"], scores["chrf"]]  # fmt: skip
        line = [reader.label, *(f"{value:.1f}" for value in cells)]
        for name in together:
            line += [f"{n['dev'][name]['bleu4']:.1f}", f"{test[name]['bleu4']:.1f}", interval(test[name]["interval"])]
        rows.append(line)
    return table([*head, *(cell for name in together for cell in (f"{name} dev", "test", "95 %"))], rows)


def _gains(readers: Mapping[str, Reader], splits: Mapping[str, Sequence[Clip]], hard: np.ndarray) -> dict[str, Any]:
    """Each repair over raw, and each Skeletor over the smoother: differences of WER and BLEU-4 on test."""
    pairs = [(a, b) for a in ("raw", CARRIED) for b in readers if a in readers and b not in ("raw", a)]
    true, texts = [c.glosses for c in splits["test"]], [c.text for c in splits["test"]]
    found = {}
    for a, b in pairs:
        read = [[_lines(one, splits["test"]) for one in readers[row].read] for row in (a, b)]
        stats = [[statistics(one["test"], texts) for one in readers[row].texts] for row in (a, b)]
        some = [[[g for g, h in zip(one, hard, strict=True) if h] for one in of_row] for of_row in read]
        found[f"{b} over {a}"] = {
            "labels": (readers[b].label, readers[a].label),
            "wer": compare_word_error_rates(read[0], read[1], true),
            "hard wer": compare_word_error_rates(some[0], some[1], [g for g, h in zip(true, hard, strict=True) if h]),
            "bleu4": compare(stats[0], stats[1])["bleu4"],
        }
    return found


def _gain_table(gains: Mapping[str, Any]) -> list[str]:
    rows = []
    for gain in gains.values():
        cells = [f"{gain[k].difference:+.1f} ({interval(gain[k].interval)})" for k in ("wer", "hard wer", "bleu4")]
        rows.append([gain["labels"][0], gain["labels"][1], *cells])
    return table(["skeletons", "against", "WER", "WER, hard clips", "BLEU-4"], rows, texts=2)
