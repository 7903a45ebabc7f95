"""`review.json`: what the page of a run needs beside its tables: each clip of test with its sentence, and where the
poses lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skeletor.files.atomic import write_text
from skeletor.files.plain_json import to_json
from skeletor.files.suffixes import is_poses
from slt.data import layout
from slt.pipeline.context import Detected, Row, Run
from slt.pipeline.stages.cascades import labels_of
from slt.pipeline.stages.translators import TrainedTranslator
from slt.score.bootstrap import statistics

REVIEW, FORMAT = "review.json", "slt-review-1"
SPLIT = "test"


@dataclass(frozen=True)
class Reading:
    """What one system makes of the clips: a sentence or, of isolated signs, its first label.

    row: whose poses it reads. label: of the system. glosses: what it recognised, or its guesses, best first.
    """

    row: Row
    label: str
    outputs: Mapping[str, str]
    glosses: Mapping[str, Sequence[str]]


def reading(row: Row, name: str, system: TrainedTranslator) -> Reading:
    """The reading of a row's translator, or of its cascade. name: of the system."""
    return Reading(
        row, labels_of(row.name, row.label)[name], system.outputs.get(SPLIT, {}), system.glosses.get(SPLIT, {})
    )


def last_reading(rows: Sequence[Row], systems: Mapping[str, Sequence[TrainedTranslator]]) -> Reading | None:
    """Of a run without its own row: that of the last row that has a system, truth only if there is nothing else."""
    named = [(row, name) for row in rows for name in labels_of(row.name, "") if systems.get(name)]
    named.sort(key=lambda pair: pair[0].name != "truth")
    return reading(*named[-1], systems[named[-1][1]][0]) if named else None


def guesses(row: Row, found: Mapping[str, Sequence[str]]) -> Reading:
    """The reading of a recogniser of isolated signs: clip -> labels, best first."""
    return Reading(row, row.label, {name: labels[0] for name, labels in found.items() if labels}, found)


def write_review(run: Run, rows: Sequence[Row], detected: Detected, lifted: Path, read: Reading | None) -> None:
    """Write `review.json` into the run's folder. Raises InputError if it cannot be written.

    lifted: the folder of all parts' poses before any repair. Paths are relative to the run's folder where they lie in
    it, so that a run can be moved.
    """
    clips = run.corpus.split(SPLIT)
    values: dict[str, Any] = {
        "format": FORMAT,
        "task": run.config.task,
        "split": SPLIT,
        "fps": run.corpus.description.fps,
        "own": None if read is None else {"row": read.row.name, "label": read.label},
        "rows": [{"name": r.name, "label": r.label, "poses": _place(r.store / SPLIT, run.folder)} for r in rows],
        "lifted": _place(lifted / SPLIT, run.folder),
        "detected": _place(detected.parts[SPLIT], run.folder) if SPLIT in detected.parts else None,
        "truth": _place(run.corpus.root / "truth" / SPLIT, run.folder) if run.rendered else None,
        "clips": [] if read is None else _clips(run, clips, read),
    }
    write_text(run.folder / REVIEW, to_json(values, indent=1))


def _clips(run: Run, clips: Sequence[layout.Clip], read: Reading) -> list[dict[str, Any]]:
    if run.config.task == "recognise":
        scores = [_rank_score(clip.text, read.glosses.get(clip.name, ())) for clip in clips]
    else:
        lines = [read.outputs.get(clip.name, "") for clip in clips]
        tokens = run.config.translate.score_tokens
        scores = statistics(lines, [clip.text for clip in clips], tokens)[:, -1].tolist() if clips else []
    return [_clip(run, clip, read, score) for clip, score in zip(clips, scores, strict=True)]


def _clip(run: Run, clip: layout.Clip, read: Reading, score: float) -> dict[str, Any]:
    """hypothesis: None if the clip has no poses. score: ROUGE of the sentence, or of signs 100 / rank, 0 to 100."""
    return {
        "name": clip.name,
        "reference": clip.text,
        "hypothesis": read.outputs.get(clip.name),
        "glosses": list(clip.glosses),
        "read": list(read.glosses[clip.name]) if clip.name in read.glosses else None,
        "score": round(score, 3),
        "video": None if clip.source is None or is_poses(clip.source) else _place(clip.source, run.folder),
        "start": None if clip.span is None else clip.span.start,
        "end": None if clip.span is None else clip.span.end,
    }


def _rank_score(label: str, labels: Sequence[str]) -> float:
    return 100 / (1 + labels.index(label)) if label in labels else 0.0


def _place(path: Path, folder: Path) -> str:
    """A path as it is written down: relative to the folder if it lies in it."""
    whole, base = path.resolve(), folder.resolve()
    return str(whole.relative_to(base) if whole.is_relative_to(base) else whole)
