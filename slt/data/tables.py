"""Tables of text: columns between separators, with or without the quotation marks of CSV, as they come from anywhere.

PHOENIX14T's own files put `|` between columns and quote nothing: a quotation mark is part of the text. pandas, R and
spreadsheets quote a field as CSV says. Which of the two it is, the whole file tells (`_quoted`).
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skeletor.support.errors import InputError

SEPARATORS = ("|", "\t", ";", ",")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_HINT = "sep="  # first line of some spreadsheets' files
_LONGEST = 1 << 20  # characters of a field


@dataclass(frozen=True)
class Row:
    """One row. number: of its line in the file, from 1 (the last one, if it has several)."""

    number: int
    fields: tuple[str, ...]


def nfc(text: str) -> str:
    """The text with composed characters (Unicode NFC): "ü" is one character, whichever system wrote it."""
    return unicodedata.normalize("NFC", text)


def read_text(path: Path, advice: str) -> str:
    """The text of a file in UTF-8, or in UTF-16 if it begins with that mark, with "\\n" between lines.

    Raises InputError, one line, if it cannot be read, or holds a NUL byte. advice: what to do then, for the message.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {advice}") from error
    try:
        text = data.decode("utf-16" if data.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text; save it as UTF-8") from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:  # as a broken disk leaves them in place of lines
        number = text.count("\n", 0, text.index("\0")) + 1
        why = "damaged, or UTF-16 without its mark? save it as UTF-8"
        raise InputError(f"{path}: line {number}: a NUL byte ({why}); {advice}")
    return text


def unquoted(lines: Sequence[str]) -> list[str]:
    """Lines without the quotation marks of CSV: if all that are not empty stand between them, and none else does."""
    filled = [line for line in lines if line]
    if not filled or any(not _between_marks(line) or '"' in line[1:-1].replace('""', "") for line in filled):
        return list(lines)
    return [line[1:-1].replace('""', '"') for line in lines]


def read_rows(text: str, separators: Sequence[str] = SEPARATORS, unproven: Sequence[str] = ("|",)) -> list[Row]:
    """The rows of a table that are not empty, the heading first. Rows may have different numbers of fields.

    separators: the first of them that occurs in the heading separates the fields. unproven: those at which quotation
    marks are text, unless the whole file tells that they are CSV's.
    """
    skipped = 0
    if text.startswith(_HINT):
        text, skipped = text.partition("\n")[2], 1
    heading = text.partition("\n")[0]
    separator = next((s for s in separators if s in heading), separators[0])
    lines = enumerate(text.split("\n"), 1 + skipped)
    plain = [Row(k, tuple(line.split(separator))) for k, line in lines if line]
    if '"' not in text:
        return plain
    rows = _as_csv(text, separator, skipped)
    return rows if rows is not None and (separator not in unproven or _quoted(plain, rows)) else plain


def _as_csv(text: str, separator: str, skipped: int) -> list[Row] | None:
    """The rows as CSV says, None if the quotation marks are not set as it wants them. skipped: lines before `text`."""
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    limit = csv.field_size_limit(_LONGEST)
    try:
        return [Row(skipped + reader.line_num, tuple(fields)) for fields in reader if fields]
    except csv.Error:
        return None
    finally:
        csv.field_size_limit(limit)


def _quoted(plain: Sequence[Row], rows: Sequence[Row]) -> bool:
    """Whether the quotation marks of a file that can be read both ways are CSV's.

    They are if all of a column is quoted, if a field has doubled ones inside, or if all rows have the heading's number
    of fields only that way. A single sentence between quotation marks among others without is a quotation.
    """
    width = len(rows[0].fields)
    if any(len(row.fields) != width for row in rows):
        return False
    if any(len(row.fields) != width for row in plain):
        return True
    if any(_between_marks(field) and '""' in field[1:-1] for row in plain for field in row.fields):
        return True
    columns = zip(*(row.fields for row in plain[1:]), strict=True)
    return any(filled and all(map(_between_marks, filled)) for filled in ([f for f in c if f] for c in columns))


def _between_marks(field: str) -> bool:
    return len(field) > 1 and field[0] == field[-1] == '"'
