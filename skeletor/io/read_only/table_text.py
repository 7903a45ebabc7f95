"""Text of tables as spreadsheets and pandas write it: which code, what parts the columns, which mark decimals have."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from skeletor.support.errors import InputError

SEPARATORS = (",", ";", "\t")  # a spreadsheet's semicolon where decimals have a comma; tabs of its "Unicode text"
_LONGEST_LINE = 1 << 20  # characters: of 1,630 numbers 32,000
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_WORD = re.compile(r"[A-Za-z0-9_]+")
_TOLD = re.compile(r"[\"']?sep=(.)[\"']?\s*", re.IGNORECASE)  # a spreadsheet's line above the names: what parts columns
_GROUPED = re.compile(r"[+-]?[1-9][0-9]?[.,][0-9]{3}")  # 1.234: 1234 as well, up to where pictures end


def open_text(path: Path, errors: str = "strict") -> TextIO:
    """The file as text: UTF-16 by its mark of order, or by the zeros between its letters, else UTF-8.

    errors: what is done with bytes that are no text, as of `open`.
    """
    with path.open("rb") as file:
        head = file.read(4)
    zeros = [byte == 0 for byte in head]
    code = "utf-8-sig"
    if head[:2] in _UTF_16:
        code = "utf-16"
    elif zeros in ([False, True] * 2, [True, False] * 2):
        code = "utf-16-be" if zeros[0] else "utf-16-le"
    return path.open(encoding=code, errors=errors, newline="")


def lines_of(file: TextIO) -> Iterator[str]:
    """The lines of a table. InputError for one that no table has: a file of one line would take its size many times."""
    for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), ""), 1):
        if len(line) == _LONGEST_LINE:
            raise InputError(f"line {number}: has more than {_LONGEST_LINE} characters; damaged?")
        yield line


def first_line(lines: Iterator[str]) -> tuple[str, str, int]:
    """The line of the columns' names, what a line `sep=;` above it says that parts them ("": none), and its number."""
    line = next(lines, "")
    told = _TOLD.fullmatch(line)
    return (line, "", 1) if told is None else (next(lines, ""), told[1], 2)


def separator(line: str, known: Callable[[Sequence[str]], bool], told: str = "") -> str:
    """The character that parts the columns of a first line, so that their names are known; told: tried before others.

    Raises InputError if that is another one than those of `SEPARATORS`, and ValueError if they are not known anyhow.
    """
    marks: tuple[str, ...] = (*told, *SEPARATORS)
    for character in marks:
        if known(next(csv.reader([line], delimiter=character), [])):
            return character
    if known(_WORD.findall(line)):
        other = next((c for c in line if not _WORD.match(c) and c not in "\"'"), "")
        raise InputError(f"its columns are parted by {other!r}; save it with commas, semicolons or tabs between them")
    raise ValueError("no such columns")


class Numbers:
    """Numbers of a table's cells. All of a table have the same mark of decimals, a point or a comma."""

    def __init__(self) -> None:
        self._mark = ""  # as the first that has one has it
        self._all_grouped, self._one = True, ""  # of the coordinates with a mark: whether all are as 1.234; one of them

    def coordinate(self, cell: str) -> float:
        """The number of a cell that holds a coordinate; errors as of a call."""
        if self._all_grouped and ("." in cell or "," in cell):
            self._all_grouped, self._one = _GROUPED.fullmatch(cell.strip()) is not None, cell.strip()
        return self(cell)

    def doubt_groups(self) -> None:
        """InputError if all coordinates with a mark may be thousands: shares of a picture are below 1 somewhere."""
        if self._all_grouped and self._one:
            raise InputError(
                f"all its coordinates with a mark are as {self._one!r}, which may be thousands; save it without marks "
                "of thousands, or with more decimals"
            )

    def __call__(self, cell: str) -> float:
        """The number. ValueError if it is none, or has the other mark: which may be one of thousands."""
        mark = "." if "." in cell else "," if "," in cell else ""
        if mark:
            self._mark = self._mark or mark
            if mark != self._mark:
                raise ValueError(f"{cell!r:.40} stands among decimals with {self._mark!r}")
            cell = cell.replace(",", ".") if mark == "," else cell
        return float(cell)
