"""Tables as Markdown, numbers as text, and both files of a result."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.portable import portable
from skeletor.files.atomic import write_text
from skeletor.support.progress import log


@dataclass(frozen=True)
class Result:
    """What a table's module makes: Markdown sections, and all numbers."""

    sections: list[str]
    numbers: dict[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> list[str]:
    """The lines of a Markdown table. The first `texts` columns are text, the others numbers, to the right."""
    ruler = ["---"] * texts + ["---:"] * (len(head) - texts)
    return ["| " + " | ".join(cells) + " |" for cells in (head, ruler, *rows)]


def markdown(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> str:
    """A table with a title and a note below; the first column is text."""
    return "\n".join([f"#### {title}", "", *table(head, rows), *(["", note] if note else [])]) + "\n"


def number(value: float | None, digits: int = 3) -> str:
    """`digits` significant digits, without an exponent; "" for None or NaN."""
    if value is None or value != value:
        return ""
    if value == 0:
        return "0"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def interval(pair: Sequence[float], form: str = ".1f", between: str = ", ") -> str:
    """The two ends of an interval."""
    low, high = pair
    return f"{low:{form}}{between}{high:{form}}"


def bold(text: str) -> str:
    """In bold, if there is anything."""
    return f"**{text}**" if text else ""


def bold_best(rows: Sequence[Sequence[float | None]], digits: int = 3) -> list[list[str]]:
    """The numbers as text, the smallest of each column in bold."""
    columns = list(zip(*rows, strict=True))
    best = [min((v for v in column if v is not None and v == v), default=None) for column in columns]
    return [
        [
            bold(number(v, digits)) if v is not None and v == b else number(v, digits)
            for v, b in zip(row, best, strict=True)
        ]
        for row in rows
    ]


def labelled(rows: Mapping[str, Sequence[float | None]]) -> list[list[str]]:
    """Rows of a table: each label and its numbers, the smallest of each column in bold."""
    return [[label, *cells] for label, cells in zip(rows, bold_best(list(rows.values())), strict=True)]


def write_files(folder: Path, name: str, text: str, values: Mapping[str, Any], show: bool = True) -> None:
    """`<name>.md` and `<name>.json` in `folder`, see `portable`. show: the text goes to the log, too."""
    plain, told = portable([json.loads(json.dumps(values, default=_plain)), text])
    write_text(folder / f"{name}.json", json.dumps(plain, indent=1, ensure_ascii=False) + "\n")
    write_text(folder / f"{name}.md", told.rstrip("\n") + "\n")
    if show:
        log.info("\n%s", text)


def write_result(result: Result, folder: Path, name: str, title: str, about: Mapping[str, Any]) -> None:
    """The files of a table. about: see `Request.about`."""
    foot = f"`{about['command']}`; seed {about['seed']}; all numbers are in {name}.json."
    text = "\n".join([f"### {title}\n", *result.sections, foot])
    write_files(folder, name, text, {"title": title, **about, "numbers": result.numbers})


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON")
