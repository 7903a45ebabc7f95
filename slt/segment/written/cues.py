"""What every subtitle file is made of: a time, a text, and how sure the system is of it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from slt.recognise.decoding.align import Sign

NOT_UNDERSTOOD = "[not understood]"
LINE, LINES = 42, 2  # characters of a line and lines of a subtitle, as broadcasters have them
# What XML 1.0 cannot hold, not even escaped: controls (those that are white space become spaces before), halves of
# surrogate pairs, two codes that are no characters. And the controls that it holds, but nobody can see.
_FORBIDDEN = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Cue:
    """A sentence from start_s up to end_s, in seconds. text: None if the system abstained.

    confidence: geometric mean of the probabilities of its tokens, 0 to 1; None if there is none. signs: the glosses
    that were read, in seconds of the same clock. signer: number of who signs, from 1, where several people do.
    """

    start_s: float
    end_s: float
    text: str | None
    confidence: float | None = None
    signs: tuple[Sign, ...] = ()
    signer: int | None = None

    @property
    def shown(self) -> str:
        """The text in one line without control characters, or `NOT_UNDERSTOOD` where there is none."""
        return clean(self.text or "") or NOT_UNDERSTOOD


@dataclass(frozen=True)
class Lines:
    """A subtitle as it is shown: from start to end, in milliseconds, its lines one below the other; whose it is."""

    start: int
    end: int
    lines: tuple[str, ...]
    confidence: float | None = None
    signer: int | None = None


def clean(text: str) -> str:
    """The text without control characters and what else XML 1.0 forbids, and with single spaces for all white space."""
    return " ".join(_FORBIDDEN.sub("", text).split())


def milliseconds(cues: Sequence[Cue]) -> Iterator[tuple[int, int]]:
    """Start and end of each cue in whole milliseconds: at least one long, none before the end of the one before.

    The cues are in order.
    """
    before = 0
    for cue in cues:
        start = max(before, round(cue.start_s * 1000))
        before = max(start + 1, round(cue.end_s * 1000))
        yield start, before


def in_lines(cues: Sequence[Cue]) -> Iterator[Lines]:
    """Cues in order, as subtitles of at most two lines of 42 characters; words that are longer are broken.

    A longer text becomes several subtitles, one after the other, each as long as its share of the characters. Where
    there are fewer milliseconds than subtitles the last one has more lines.
    """
    for cue, (start, end) in zip(cues, milliseconds(cues), strict=True):
        lines = textwrap.wrap(cue.shown, LINE, break_on_hyphens=False)
        parts = [lines[k : k + LINES] for k in range(0, len(lines), LINES)]
        if len(parts) > end - start:
            kept = end - start
            parts = [*parts[: kept - 1], [line for part in parts[kept - 1 :] for line in part]]
        lengths = [sum(map(len, part)) for part in parts]
        first = start
        for k, part in enumerate(parts):
            last = start + round((end - start) * sum(lengths[: k + 1]) / sum(lengths))
            last = min(max(last, first + 1), end - (len(parts) - 1 - k))  # each has at least a millisecond
            yield Lines(first, last, tuple(part), cue.confidence, cue.signer)
            first = last
