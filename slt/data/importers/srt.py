"""SubRip subtitles (.srt) as they come from others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from skeletor.support.errors import InputError
from slt.data.own import tidy
from slt.data.tables import read_text

_LARGEST = 16 << 20  # bytes
_CLOCK = r"(\d{1,4}):(\d{2}):(\d{2})[,.](\d{1,3})"
_TIMES = re.compile(rf"\s*{_CLOCK}\s*-->\s*{_CLOCK}(\s.*)?")
_BEGINS = re.compile(r"\s*([\d:.,]+|\S*\d:\S*)\s*-->")  # of times, mistyped ones too; a text may have an arrow
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|\{\\[^{}]*\}")  # <i>, {\an8}


@dataclass(frozen=True)
class Subtitle:
    """start, end: seconds. lines: without marks of style, none of them empty."""

    start: float
    end: float
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """Its lines with single spaces between."""
        return tidy(" ".join(self.lines))


def read_srt(path: Path) -> list[Subtitle]:
    """The subtitles in order of the file. Raises InputError, one line, if it holds none or has other lines of times."""
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path}: larger than {_LARGEST >> 20} MB; are these subtitles?")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    lines = read_text(path, "these are subtitles").split("\n")
    found: list[Subtitle] = []
    for number, line in enumerate(lines):
        if "-->" not in line or (_is_text(lines, number) and not _BEGINS.match(line)):
            continue
        match = _TIMES.fullmatch(line)
        if match is None:
            raise InputError(f"{path}: line {number + 1}: {line.strip()[:40]!r} has no times as 00:01:02,500 --> ...")
        shown = _block(lines, number + 1)
        found.append(Subtitle(_seconds(match.groups()[:4]), _seconds(match.groups()[4:8]), shown))
    if not found:
        raise InputError(f"{path}: no subtitles in it, as 00:00:01,000 --> 00:00:02,500")
    return found


def _is_text(lines: list[str], number: int) -> bool:
    """Whether a line follows one of times or of text: it is no first line of a subtitle."""
    before = lines[number - 1].strip() if number else ""
    return bool(before) and not before.isdecimal()


def _block(lines: list[str], first: int) -> tuple[str, ...]:
    """The lines up to the next empty one, or to the next subtitle where none is between."""
    stop = next((k for k in range(first, len(lines)) if not lines[k].strip() or _BEGINS.match(lines[k])), len(lines))
    if stop < len(lines) and lines[stop].strip() and stop > first and lines[stop - 1].strip().isdecimal():
        stop -= 1  # the number of the next one
    plain = (tidy(_MARKUP.sub("", line)) for line in lines[first:stop])
    return tuple(line for line in plain if line)


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return 3600 * int(hours) + 60 * int(minutes) + int(seconds) + int(fraction.ljust(3, "0")) / 1000
