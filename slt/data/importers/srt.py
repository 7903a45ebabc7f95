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
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|\{\\[^{}]*\}")  # <i>, {\an8}


@dataclass(frozen=True)
class Subtitle:
    """start, end: seconds. text: its lines with single spaces between, without marks of style."""

    start: float
    end: float
    text: str


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
        if "-->" not in line:
            continue
        match = _TIMES.fullmatch(line)
        if match is None:
            raise InputError(f"{path}: line {number + 1}: {line.strip()[:40]!r} has no times as 00:01:02,500 --> ...")
        text = _block(lines, number + 1)
        found.append(Subtitle(_seconds(match.groups()[:4]), _seconds(match.groups()[4:8]), text))
    if not found:
        raise InputError(f"{path}: no subtitles in it, as 00:00:01,000 --> 00:00:02,500")
    return found


def _block(lines: list[str], first: int) -> str:
    """The lines up to the next empty one."""
    stop = next((k for k in range(first, len(lines)) if not lines[k].strip()), len(lines))
    return tidy(" ".join(_MARKUP.sub("", line) for line in lines[first:stop]))


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return 3600 * int(hours) + 60 * int(minutes) + int(seconds) + int(fraction.ljust(3, "0")) / 1000
