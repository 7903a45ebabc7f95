"""SubRip subtitles (.srt) as they come from others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from skeletor.support.errors import InputError
from slt.data.own import tidy
from slt.data.tables import read_text

_LARGEST = 16 << 20  # bytes
_DIGITS = 9  # of the number of a subtitle
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
    found: list[tuple[int, float, float]] = []  # number of the line of times, start and end
    for number, line in enumerate(lines):
        if "-->" not in line or (_is_text(lines, number) and not _BEGINS.match(line)):
            continue
        match = _TIMES.fullmatch(line)
        if match is None:
            raise InputError(f"{path}: line {number + 1}: {line.strip()[:40]!r} has no times as 00:01:02,500 --> ...")
        found.append((number, _seconds(match.groups()[:4]), _seconds(match.groups()[4:8])))
    if not found:
        raise InputError(f"{path}: no subtitles in it, as 00:00:01,000 --> 00:00:02,500")
    stops = [*_stops(lines, [number for number, *_ in found]), len(lines)]
    return [Subtitle(start, end, _plain(lines[number + 1 : stop]))
            for (number, start, end), stop in zip(found, stops, strict=True)]  # fmt: skip


def _is_text(lines: list[str], number: int) -> bool:
    """Whether a line follows one of times or of text: it is no first line of a subtitle."""
    before = lines[number - 1].strip() if number else ""
    return bool(before) and not before.isdecimal()


def _stops(lines: list[str], times: list[int]) -> Iterator[int]:
    """Where the text of each subtitle but the last ends: before the next one's number, or before its line of times.
    Empty lines may stand between number and times, as files have them whose lines were doubled.

    times: the numbers of the lines of times. Digits before such a line are its number where all of the file have some
    that rise, or begin anew at 1, where they count on from the number before, and where an empty line parts them from
    the text, in a file whose first subtitle has a number; else they are the last line of a text.
    """
    places = [next((j for j in range(k - 1, -1, -1) if lines[j].strip()), 0) for k in times]
    before = ["" if k == 0 else lines[j].strip() for j, k in zip(places, times, strict=True)]
    before = [line if len(line) <= _DIGITS else "" for line in before]  # longer ones are no numbers
    numbered = all(digits.isdecimal() for digits in before) and all(
        int(one) < int(other) or int(other) <= 1 for one, other in pairwise(before)
    )
    last = int(before[0]) if before[0].isdecimal() else None
    first = last is not None
    for digits, place, at in zip(before[1:], places[1:], times[1:], strict=True):
        apart = first and at == place + 1 and not lines[place - 1].strip()
        its_own = digits.isdecimal() and (numbered or apart or (last is not None and int(digits) == last + 1))
        last = int(digits) if its_own else last
        yield place if its_own else at


def _plain(lines: list[str]) -> tuple[str, ...]:
    """Those with text, without marks of style. Empty lines may stand between lines of one subtitle."""
    plain = (tidy(_MARKUP.sub("", line)) for line in lines)
    return tuple(line for line in plain if line)


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return 3600 * int(hours) + 60 * int(minutes) + int(seconds) + int(fraction.ljust(3, "0")) / 1000
