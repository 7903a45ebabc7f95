"""The end of a run: scores of all rows, pose accuracy, detection rates, timings, and the model folder."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skeletor.atomic import write_text
from skeletor.io.store import open_store
from slt.corpus import build, layout
from slt.pipeline import model
from slt.pipeline.accuracy import accuracy, detection_rates, markdown
from slt.pipeline.context import Detected, Row, Run
from slt.pipeline.stage import DONE, Done, read_json
from slt.pipeline.table import Table, TableRow
from slt.pipeline.training import GLOSS, System
from slt.score import Scores, score
from slt.score.bleu import corpus_bleu
from slt.score.bootstrap import paired_bootstrap
from slt.score.content import content_accuracy

_FLOOR_CANDIDATES = 300
_PACKAGES = ("torch", "numpy", "joeynmt", "mediapipe", "sacrebleu", "rouge-score", "pose-format", "safetensors", "av")


def versions() -> str:
    """JSON text: versions of Python, the machine and the packages that decide the numbers."""
    found = {name: importlib.metadata.version(name) for name in _PACKAGES if _installed(name)}
    return json.dumps({"python": platform.python_version(), "platform": platform.platform(), **found}, indent=1)


def write_report(
    run: Run,
    table: Table,
    rows: Sequence[Row],
    detected: Detected,
    lifted: Done,
    rejections: Mapping[str, model.Rejections],
) -> None:
    """Write report.md and report.json into the run's folder."""
    report: dict[str, Any] = {"table": dataclasses.asdict(table), "seconds": _timings(run.folder)}
    report["rejections"] = {kind: dataclasses.asdict(r) for kind, r in rejections.items()}
    sections = [table.markdown(), model.markdown(rejections)]
    if run.rendered:
        for part in ("dev", "test", "studio"):
            report[f"detection {part}"] = dataclasses.asdict(
                detection_rates(open_store(detected.parts[part]), build.open_truth(run.corpus.root, part, planar=True))
            )
        sections.append(_detection_markdown(report))
        for title, errors in _accuracies(run, rows, lifted).items():
            report[title] = {label: e.as_dict() for label, e in errors.items()}
            sections.append(markdown(title, errors))
    sections.append(_timing_markdown(report["seconds"]))
    write_text(run.folder / "report.md", "\n".join(sections))
    write_text(run.folder / "report.json", json.dumps(report, indent=1, ensure_ascii=False, default=str))


def make_table(run: Run, rows: Sequence[Row], systems: Mapping[str, System]) -> Table:
    """Scores of the constant sentence and of every trained row, on dev and test."""
    references = {s: {c.name: c.text for c in run.corpus.split(s)} for s in ("dev", "test")}
    content = dict(build.content_words(run.config.corpus)) if run.rendered else {}
    constant = constant_sentence(
        [c.text for c in run.corpus.split("train")], list(references["dev"].values()), _FLOOR_CANDIDATES
    )
    outputs: dict[str, Mapping[str, Mapping[str, str]]] = {
        "constant": {s: dict.fromkeys(references[s], constant) for s in references}
    }
    outputs |= {name: system.outputs for name, system in systems.items()}
    labels = {"constant": "one constant sentence (the floor)", **{row.name: row.label for row in rows}}
    if GLOSS in systems:
        labels[GLOSS] = "gloss to text (for comparison)"
    table_rows = []
    for name, label in labels.items():
        scores = {s: _score(outputs[name][s], references[s], run.config.seed) for s in references}
        p = None
        if name not in ("constant", "raw") and "raw" in outputs:
            p = _p_value(outputs["raw"]["test"], outputs[name]["test"], references["test"], run.config.seed)
        right = None
        if content:
            names = list(references["test"])
            right = content_accuracy(
                [outputs[name]["test"].get(n, "") for n in names], [content[n] for n in names]
            ).accuracy
        table_rows.append(TableRow(label, scores["dev"], scores["test"], p, right))
    return Table(_title(run), tuple(table_rows), _notes(run, outputs, references, table_rows))


def constant_sentence(train: Sequence[str], dev: Sequence[str], candidates: int) -> str:
    """The training sentence (of at most so many, evenly drawn) that scores best on dev as the answer to everything."""
    unique = list(dict.fromkeys(train))
    step = max(1, len(unique) // candidates)
    return max(unique[::step], key=lambda text: corpus_bleu([text] * len(dev), dev).bleu[3])


def _score(outputs: Mapping[str, str], references: Mapping[str, str], seed: int) -> Scores:
    """A clip that was left out counts as an empty translation."""
    return score([outputs.get(name, "") for name in references], list(references.values()), seed)


def _p_value(a: Mapping[str, str], b: Mapping[str, str], references: Mapping[str, str], seed: int) -> float:
    names = list(references)
    paired = paired_bootstrap([a.get(n, "") for n in names], [b.get(n, "") for n in names],
                              [references[n] for n in names], seed)  # fmt: skip
    return paired["bleu4"].p


def _title(run: Run) -> str:
    kind = "rendered signer" if run.rendered else run.corpus.description.kind
    c = run.config
    flat = "" if c.refine2d.name == "none" else f"refine2d {c.refine2d.name}, "
    return f"{kind}; estimator {c.estimator.name}, {flat}lift {c.lift.mode}, refine {c.refine.name}, seed {c.seed}"


def _notes(
    run: Run,
    outputs: Mapping[str, Mapping[str, Mapping[str, str]]],
    references: Mapping[str, Mapping[str, str]],
    rows: Sequence[TableRow],
) -> tuple[str, ...]:
    counts = ", ".join(f"{len(run.corpus.split(s))} {s}" for s in layout.SPLITS)
    notes = [
        f'{counts} clips; one seed; text lower case with the final " ." token',
        f"BLEU: {rows[0].test.signature}; ROUGE: ROUGE-L, beta 1.2; interval: bootstrap over sentences, 95 %; "
        "p: paired bootstrap on test BLEU-4 against the raw row",
    ]
    if run.rendered:
        pixels = sum(c.source is not None for c in run.corpus.split("train"))
        notes.append(
            f"dev and test: rendered broadcast video and the real estimator; train: {pixels} clips likewise, the "
            "others simulated detections of a noise model fitted to those; the unsupervised Skeletor learned from "
            "lifted studio clips, never from the truth; the other one from the training clips' truth"
        )
    absent = {n: len(set(references["test"]) - set(o["test"])) for n, o in outputs.items()}
    notes += [
        f"{name}: {count} test clips could not be read and count as empty" for name, count in absent.items() if count
    ]
    return tuple(notes)


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
