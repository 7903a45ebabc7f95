"""The end of a run: scores of all rows, pose accuracy, detection rates, timings, and the model folder."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from statistics import fmean
from typing import Any

from skeletor.files.atomic import write_text
from skeletor.io.store import open_store
from skeletor.refiners.registry import REFINERS, smoother_names
from slt.data import layout
from slt.pipeline.cache.stage import DONE, Done, read_json
from slt.pipeline.config import RunConfig
from slt.pipeline.context import Detected, Row, Run
from slt.pipeline.stages import sign2text
from slt.pipeline.stages.cascades import cascade_of, ensemble_of, labels_of
from slt.pipeline.stages.sign2text import SIGN2TEXT
from slt.pipeline.stages.translators import GLOSS, TrainedTranslator
from slt.pipeline.tables import gains, published
from slt.pipeline.tables import rejections as rejected
from slt.pipeline.tables.accuracy import accuracy, detection_rates, markdown
from slt.pipeline.tables.signs import SignTable
from slt.pipeline.tables.simulation import SIMULATED_EVALUATION, TITLES, compare_sample, comparison_markdown
from slt.pipeline.tables.table import SeedScores, Table, TableRow
from slt.score.bootstrap import compare, statistics
from slt.score.content import content_accuracy
from slt.score.floor import constant_sentence
from slt.score.scores import Scores, mean_scores, score
from slt.score.wer import mistakes, word_error_rate
from slt.synthetic import build
from slt.translate.joey import DISTRIBUTION

Outputs = Mapping[str, Mapping[str, str]]  # split -> clip -> sentence
_TEXT = {True: 'text lower case with the final " ." token',
         False: "text lower case without a final period, in hypothesis and reference"}  # fmt: skip
_PACKAGES = (
    "torch",
    "numpy",
    DISTRIBUTION,
    "mediapipe",
    "sacrebleu",
    "rouge-score",
    "pose-format",
    "safetensors",
    "av",
)


def versions() -> str:
    """JSON text: versions of Python, the machine and the packages that decide the numbers."""
    found = {name: importlib.metadata.version(name) for name in _PACKAGES if _installed(name)}
    return json.dumps({"python": platform.python_version(), "platform": platform.platform(), **found}, indent=1)


def write_report(
    run: Run,
    table: Table | SignTable,
    rows: Sequence[Row],
    detected: Detected,
    lifted: Done,
    rejections: Mapping[str, rejected.Rejections],
) -> None:
    """Write report.md and report.json into the run's folder. Raises InputError if they cannot be written."""
    report: dict[str, Any] = {"table": dataclasses.asdict(table), "seconds": _timings(run.folder)}
    report["rejections"] = {kind: dataclasses.asdict(r) for kind, r in rejections.items()}
    gained = gains.markdown(table.gains) if isinstance(table, Table) else ""
    sections = [table.markdown(), gained, rejected.markdown(rejections) if rejections else ""]
    if run.rendered:
        for part in ("dev", "test", "studio"):
            report[f"detection {part}"] = dataclasses.asdict(
                detection_rates(open_store(detected.parts[part]), build.open_truth(run.corpus.root, part, planar=True))
            )
        sections.append(_detection_markdown(report))
        if detected.sample:
            report["simulation"] = compare_sample(run, detected)
            sections.append(comparison_markdown(report["simulation"]))
        for title, errors in _accuracies(run, rows, lifted).items():
            report[title] = {label: e.as_dict() for label, e in errors.items()}
            sections.append(markdown(title, errors))
    sections.append(_timing_markdown(report["seconds"]))
    write_text(run.folder / "report.md", "\n".join(section for section in sections if section))
    write_text(run.folder / "report.json", json.dumps(report, indent=1, ensure_ascii=False, default=str))


def make_table(run: Run, rows: Sequence[Row], systems: Mapping[str, Sequence[TrainedTranslator]]) -> Table:
    """Scores in per cent of the constant sentence and of every trained row, on dev and test.

    They are means over a row's seeds.
    """
    references = {s: {c.name: c.text for c in run.corpus.split(s)} for s in ("dev", "test")}
    tokens = run.config.translate.score_tokens
    train = [c.text for c in run.corpus.split("train")]
    constant = constant_sentence(train, list(references["dev"].values()), tokens)
    outputs: dict[str, list[Outputs]] = {"constant": [{s: dict.fromkeys(references[s], constant) for s in references}]}
    outputs |= {name: [system.outputs for system in several] for name, several in systems.items()}
    labels = {"constant": "one constant sentence (the floor)"}
    for row in rows:
        labels |= {name: label for name, label in labels_of(row.name, row.label).items() if name in systems}
    if GLOSS in systems:
        labels[GLOSS] = "gloss to text (for comparison)"
    more: tuple[str, ...] = ()
    if SIGN2TEXT in systems:
        labels[SIGN2TEXT] = sign2text.LABEL
        more = (sign2text.note(run, systems[SIGN2TEXT][0].done),)
    lines = {name: {s: _lines(outputs[name], s, references[s]) for s in references} for name in labels}
    truth = {s: list(references[s].values()) for s in references}
    stats = {
        name: {s: [statistics(one, truth[s], tokens) for one in lines[name][s]] for s in references} for name in labels
    }
    content = dict(build.content_words(run.config.corpus)) if run.corpus.description.kind == "rendered" else {}
    seed, table_rows = run.config.seed, []
    bases = {of(row.name): of("raw") for row in rows for of in (cascade_of, ensemble_of)}
    for name, label in labels.items():
        found = systems.get(name, ())
        single = {s: [score(one, truth[s], seed, tokens) for one in lines[name][s]] for s in references}
        for s in references:
            single[s] = [_with_wer(one, system, run.corpus.split(s)) for one, system in zip_longest(single[s], found)]
        dev, test = (mean_scores(single[s], stats[name][s], seed) for s in ("dev", "test"))
        p = None
        base = bases.get(name, "raw")
        if name not in ("constant", base) and base in stats:
            p = compare(stats[base]["test"], stats[name]["test"], seed)["bleu4"].p
        right = _content(lines[name]["test"], list(references["test"]), content) if content else None
        seeds = [SeedScores(system.seed, single["dev"][k], single["test"][k]) for k, system in enumerate(found)]
        table_rows.append(TableRow(label, dev, test, p, right, name, tuple(seeds)))
    dev_scores = {row.name: row.dev.bleu4 for row in table_rows if row.name in systems}
    networks = REFINERS.names(weighted=True)
    repaired = sorted((r for r in rows if r.own or r.name in networks or r.refiner), key=lambda r: r.own)
    compared = gains.pairs([r.name for r in repaired], smoother_names(), ("truth", GLOSS), dev_scores)
    compared += gains.pairs(
        [cascade_of(r.name) for r in repaired],
        [cascade_of(name) for name in smoother_names()],
        (cascade_of("truth"),),
        dev_scores,
        cascade_of("raw"),
    )
    gained = tuple(gains.gain(stats, a, b, labels, s, seed) for a, b in compared for s in gains.SPLITS)
    others, origin = published.published_for(run.corpus.description.kind)
    notes = (*_notes(run, outputs, references, table_rows), *more, *published.notes(others, origin))
    return Table(_title(run), tuple(table_rows), notes, gained, others)


def _lines(outputs: Sequence[Outputs], split: str, names: Iterable[str]) -> list[list[str]]:
    """The sentences of each seed in the order of `names`; a clip that was left out counts as an empty translation."""
    return [[one[split].get(name, "") for name in names] for one in outputs]


def _content(lines: Sequence[Sequence[str]], names: Sequence[str], content: Mapping[str, Sequence[str]]) -> float:
    """Per cent of the content words that are right, mean over the seeds."""
    return fmean(content_accuracy(one, [content[name] for name in names]).accuracy for one in lines)


def _with_wer(scores: Scores, system: TrainedTranslator | None, clips: Sequence[layout.Clip]) -> Scores:
    """The scores with the error rate of recognised glosses, if there are any; a clip left out counts as none."""
    if system is None or not system.glosses:
        return scores
    glosses = system.glosses[clips[0].split]
    read, true = [glosses.get(c.name, ()) for c in clips], [c.glosses for c in clips]
    return dataclasses.replace(scores, wer=word_error_rate(read, true), mistakes=mistakes(read, true))


def _title(run: Run) -> str:
    kind = TITLES.get(run.corpus.description.kind, run.corpus.description.kind)
    c = run.config
    flat = "" if c.refine2d.name == "none" else f"refine2d {c.refine2d.name}, "
    return f"{kind}; estimator {c.estimator.name}, {flat}lift {c.lift.mode}, refine {c.refine.name}, seed {c.seed}"


def _notes(
    run: Run,
    outputs: Mapping[str, Sequence[Outputs]],
    references: Mapping[str, Mapping[str, str]],
    rows: Sequence[TableRow],
) -> tuple[str, ...]:
    counts = ", ".join(f"{len(run.corpus.split(s))} {s}" for s in layout.SPLITS)
    notes = [
        f"{counts} clips; {_seeds(run.config)}; {_text(run)}",
        f"BLEU of every row: {rows[0].test.signature}; chrF: {rows[0].test.chrf_signature}; ROUGE: ROUGE-L, beta 1.2"
        f"{_words(run)}; "
        "interval: bootstrap over sentences, 95 %; p: paired bootstrap on test BLEU-4 against the raw row, of "
        "recognised glosses against those of the raw row",
    ]
    if run.rendered:
        pixels = sum(c.source is not None for c in run.corpus.split("train"))
        seen = "rendered broadcast video and the real estimator" if run.config.resynth is None else SIMULATED_EVALUATION
        notes.append(
            f"dev and test: {seen}; train: {pixels} clips from rendered broadcast video and the real estimator, the "
            "others simulated detections of a noise model fitted to those; the unsupervised Skeletor learned from "
            "lifted studio clips, never from the truth; the other one from the training clips' truth"
        )
    wers = [
        f"{row.label}: WER of the recognised glosses {_wer(row.dev)} on dev, {_wer(row.test)} on test"
        for row in rows
        if row.dev.wer is not None and row.test.wer is not None
    ]
    notes += wers
    absent = {n: len(set(references["test"]) - set(o[0]["test"])) for n, o in outputs.items()}
    notes += [
        f"{name}: {count} test clips could not be read and count as empty" for name, count in absent.items() if count
    ]
    return tuple(notes)


def _text(run: Run) -> str:
    """The form of the sentences that are trained on and scored."""
    if run.corpus.protocol:
        return _TEXT[run.config.period]
    lower = run.config.translate.case == "lower"
    return "text as it was written, " + ("but in lower case" if lower else "its case and marks kept")


def _words(run: Run) -> str:
    """What ROUGE's words are, where they are not what stands between spaces."""
    tokens = run.config.translate.score_tokens
    return "" if tokens == "none" else f", words by sacreBLEU's {tokens}"


def _wer(scores: Scores) -> str:
    """The rate and, where they were counted, its substitutions, deletions and insertions."""
    kinds = scores.mistakes
    if kinds is None:
        return f"{scores.wer:.2f}"
    return (
        f"{scores.wer:.2f} ({kinds.substitutions:.2f} substituted, {kinds.deletions:.2f} deleted, "
        f"{kinds.insertions:.2f} inserted)"
    )


def _seeds(config: RunConfig) -> str:
    if config.seeds == 1:
        return "one seed"
    last = config.seed + config.seeds - 1
    return (
        f"mean ± standard deviation of the translators of {config.seeds} seeds ({config.seed} to {last}); corpus and "
        "refiner keep theirs; interval and p are of the mean, over sentences alone"
    )


def _accuracies(run: Run, rows: Sequence[Row], lifted: Done) -> dict[str, Any]:
    stores = {row.label: row.store for row in rows if row.name != "truth"}
    found = {}
    for part in ("dev", "test"):
        found[f"{part}: error against the truth (shoulder widths)"] = accuracy(
            stores, run.corpus.root / "truth" / part, part
        )
        found[f"{part}: error against the lift of the true 2D (shoulder widths)"] = accuracy(
            stores, lifted.folder / f"true-{part}", part
        )
    return found


def _detection_markdown(report: Mapping[str, Any]) -> str:
    lines = ["#### Detection", "", "| | frames | body | left hand | right hand | median hand error (palm lengths) |",
             "|---|---:|---:|---:|---:|---:|"]  # fmt: skip
    for key, d in report.items():
        if key.startswith("detection "):
            lines.append(
                f"| {key.removeprefix('detection ')} | {d['frames']} | {d['body']:.1%} | {d['left_hand']:.1%} | "
                f"{d['right_hand']:.1%} | {d['median_error']:.3f} |"
            )
    return "\n".join(lines) + "\n"


def _timings(folder: Path) -> dict[str, float]:
    """Seconds of each stage when it last ran."""
    markers = sorted([*folder.glob(f"*/{DONE}"), *folder.glob(f"*/*/{DONE}")])
    return {str(m.parent.relative_to(folder)): float(read_json(m).get("seconds", 0.0)) for m in markers}


def _timing_markdown(seconds: Mapping[str, float]) -> str:
    lines = ["#### Seconds of each stage (the systems are trained side by side)", "", "| stage | s |", "|---|---:|"]
    return "\n".join([*lines, *(f"| {name} | {value:.0f} |" for name, value in seconds.items())]) + "\n"


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
