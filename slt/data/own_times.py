"""Times of a part of a recording, in the columns `start` and `end` of a table of clips."""

from __future__ import annotations

import re

from skeletor.poses.span import Span
from skeletor.support.errors import InputError

SPANS = ("start", "end")
_SECONDS = re.compile(r"[0-9]{1,7}([.,][0-9]{1,9})?")
_CLOCK = re.compile(r"([0-9]{1,3}):([0-5][0-9]):([0-5][0-9](?:[.,][0-9]{1,9})?)")
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")  # English for 1234, German for 1.234
_SHOWN = 40  # characters of a wrong value in a message


def read_span(start: str, end: str) -> Span | None:
    """The part of a recording that two cells tell, in seconds; empty ones: from its beginning, to its end.

    Seconds have a point or a comma before their fraction; hours, minutes and seconds (00:01:02.5) are read, too.
    Raises InputError if one is no such time, or may be two (1,234 or 1:02), or the end does not come after the start.
    """
    begin, until = (_time(column, cell) for column, cell in zip(SPANS, (start, end), strict=True))
    return None if begin is None and until is None else Span(begin or 0.0, until)


def _time(column: str, cell: str) -> float | None:
    """The seconds that a cell tells, None if it is empty."""
    if not cell:
        return None
    if clock := _CLOCK.fullmatch(cell):
        hours, minutes, seconds = clock.groups()
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds.replace(",", "."))
    shown = f"the {column} {cell[:_SHOWN]!r}"
    if _THOUSANDS.fullmatch(cell):
        plain = cell.replace(",", ".")
        raise InputError(f"{shown} may be {plain} seconds or {cell.replace(',', '')}; write it so, without a comma")
    if re.fullmatch(r"[0-9]{1,3}:[0-5][0-9]", cell):
        raise InputError(
            f"{shown} may be minutes and seconds, or hours and minutes; write it as 00:01:02, or in seconds"
        )
    if not _SECONDS.fullmatch(cell):
        raise InputError(f"{shown} is no number of seconds, as in 12.48, and no time as 00:01:02.5")
    return float(cell.replace(",", "."))
