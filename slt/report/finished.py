"""What a finished run has left in its folder, as far as the page shows it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skeletor.files.paths import check_folder
from skeletor.support.errors import InputError
from slt.pipeline.cache.stage import read_json
from slt.pipeline.review import FORMAT, REVIEW

Values = dict[str, Any]
_LOGS = ("*.jsonl", "*/*.jsonl", "systems/*/*.jsonl", "systems/*/model/*.jsonl")
_VALIDATIONS = "systems/*/model/checkpoints/validations.txt"  # JoeyNMT's
_SPEEDS = ("step", "lr", "seconds")  # of a line of a log: no measure of learning


@dataclass(frozen=True)
class Curve:
    """One measure of one training: `name` of the measure, `label` of the training, values at steps."""

    name: str
    label: str
    steps: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Finished:
    """A finished run. review: see `slt.pipeline.review`; table: `table.json`."""

    folder: Path
    review: Values
    table: Values

    def path(self, written: str) -> Path:
        """A path as the review has it: relative to the run's folder, or absolute."""
        return self.folder / written


def read_finished(folder: Path) -> Finished:
    """The files of a run. Raises InputError, one line, if it is none, or not finished."""
    check_folder(folder, "the folder of a finished run, e.g. runs/demo")
    table, review = read_json(folder / "table.json"), read_json(folder / REVIEW)
    if not isinstance(table.get("rows"), list):
        raise InputError(f"{folder}: no table.json of a finished run in it; `slt run` writes one at its end")
    if review.get("format") != FORMAT:
        raise InputError(
            f"{folder}: no {REVIEW} of this version in it; `slt run` with the same config and --run-dir writes it, and "
            "keeps all stages that are done"
        )
    return Finished(folder, review, table)


def curves(folder: Path) -> list[Curve]:
    """All measures of the trainings whose logs lie in the folder of a run, by training and measure."""
    found: list[Curve] = []
    for log in sorted({file for pattern in _LOGS for file in folder.glob(pattern)}):
        found += _of_lines(_training_of(log, folder), _json_lines(log))
    for log in sorted(folder.glob(_VALIDATIONS)):
        found += _of_lines(_training_of(log, folder), _validation_lines(log))
    return found


def _training_of(log: Path, folder: Path) -> str:
    """The name of the stage's folder, whatever lies between it and the log."""
    parts = log.relative_to(folder).parts
    return parts[1] if parts[0] == "systems" and len(parts) > 2 else parts[0]


def _of_lines(label: str, lines: Sequence[Mapping[str, float]]) -> list[Curve]:
    names = dict.fromkeys(n for line in lines for n in line if _tells(n))
    made = []
    for name in names:
        points = [(line["step"], line[name]) for line in lines if name in line]
        points = [p for p in points if all(map(math.isfinite, p))]
        if len(points) > 1:
            steps, values = zip(*points, strict=True)
            made.append(Curve(name.replace("_", " "), label, steps, values))
    return made


def _tells(name: str) -> bool:
    return name not in _SPEEDS and "per_second" not in name and "wait" not in name


def _json_lines(log: Path) -> list[dict[str, float]]:
    """The numbers of each line of a log; a line that is cut off is left out."""
    found = []
    for line in _lines(log):
        try:
            values = json.loads(line)
        except ValueError:
            continue
        if isinstance(values, dict) and isinstance(values.get("step"), (int, float)):
            found.append({k: float(v) for k, v in values.items() if isinstance(v, (int, float))})
    return found


def _validation_lines(log: Path) -> list[dict[str, float]]:
    """JoeyNMT's lines: "Steps: 500<tab>loss: 0.3<tab>bleu: 57.4<tab>..."."""
    found = []
    for line in _lines(log):
        pairs = [field.partition(":") for field in line.split("\t")]
        values = {name.strip().lower(): _number(value) for name, colon, value in pairs if colon}
        step = values.pop("steps", None)
        if step is not None:
            wanted = {f"validation {k}": v for k, v in values.items() if v is not None and k in ("bleu", "loss")}
            found.append({"step": step, **wanted})
    return found


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _lines(log: Path) -> Iterator[str]:
    try:
        yield from log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
