"""Tables as Markdown, and every number with how it came about as JSON."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skeletor.files.atomic import write_text

_PACKAGES = ("torch", "numpy", "scipy", "safetensors")


@dataclass(frozen=True)
class Result:
    """What a table's module makes: Markdown sections, and all numbers."""

    sections: list[str]
    numbers: dict[str, Any]


def markdown(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> str:
    """A Markdown table with a title and a note below; the first column is text, the others are numbers."""
    lines = [f"#### {title}", "", "| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([*lines, *(["", note] if note else [])]) + "\n"


def number(value: float | None, digits: int = 3) -> str:
    """`digits` significant digits, without an exponent; "" for None or NaN."""
    if value is None or value != value:
        return ""
    if value == 0:
        return "0"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


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


def write_result(result: Result, folder: Path, name: str, about: Mapping[str, Any]) -> None:
    """`<name>.md` and `<name>.json` in `folder`. about: title, command, seed, config."""
    about = {**about, "versions": versions()}
    numbers = json.dumps({**about, "numbers": result.numbers}, indent=1, ensure_ascii=False, default=_plain)
    write_text(folder / f"{name}.json", numbers + "\n")
    foot = f"`{about['command']}`; seed {about['seed']}; all numbers are in {name}.json."
    text = "\n".join([f"### {about['title']}\n", *result.sections, foot])
    write_text(folder / f"{name}.md", text + "\n")


def versions() -> dict[str, str]:
    """Python's, the machine's and those of the packages that decide the numbers."""
    found = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "platform": platform.platform(), **found}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is no JSON")
