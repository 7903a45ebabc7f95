"""Parts of the experiment that were made before: they stay when others are made anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.scale.costs import Cost, Sharing
from experiments.scale.engines import LABELS, Name
from experiments.scale.gaps import Gaps
from experiments.scale.trials import Trial

Parts = dict[str, list[Any]]
MADE_BY = "made_by"  # in the file: the command, by part
_ROWS: Mapping[str, Callable[[Any], Any]] = {
    "bytes": list,
    "failures": lambda row: Trial(**row),
    "costs": lambda row: Cost(**row),
    "sharing": lambda row: Sharing(**row),
    "ray": lambda row: Gaps(**row),
}
_ENGINE: Mapping[str, Callable[[Any], str]] = {"bytes": lambda row: row[1], "failures": lambda row: LABELS[row.engine]}


def read_parts(file: Path) -> tuple[Parts, dict[str, str]]:
    """The rows of each part in a file of results, and by which command they came about; nothing if it is not there."""
    if not file.exists():
        return {}, {}
    values = json.loads(file.read_text(encoding="utf-8"))
    parts = {name: [row(one) for one in values[name]] for name, row in _ROWS.items() if name in values}
    made_by = values.get(MADE_BY) or dict.fromkeys(parts, values["command"])
    return parts, {name: by for name, by in made_by.items() if name != "sharing"}  # it comes with the costs


def by_part(made_by: Mapping[str, str], part: str, engines: Sequence[Name], command: str) -> dict[str, str]:
    """With one more command: of a part, or of some engines' rows of it."""
    if part not in _ENGINE or set(engines) == set(LABELS):
        return {name: by for name, by in made_by.items() if name.split(" by ")[0] != part} | {part: command}
    return {**made_by, f"{part} by {', '.join(engines)}": command}


def together(old: Parts, new: Parts) -> Parts:
    """New parts in the place of old ones. Rows of bytes and failures are of an engine each: those of others stay; all
    others are comparisons of what was measured together, and are replaced as a whole."""
    found = old | new
    for name, engine in _ENGINE.items():
        if name in old and name in new:
            made = {engine(row) for row in new[name]}
            found[name] = [row for row in old[name] if engine(row) not in made] + new[name]
    return {name: found[name] for name in _ROWS if name in found}
