"""What a live session shows: lines on a terminal, JSON for programs, and a file of subtitles."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, TextIO

from skeletor.files.atomic import write_text
from skeletor.files.plain_json import to_json
from skeletor.support.errors import InputError
from slt.live.session import Fixed, Grey
from slt.live.summary import Tally
from slt.recognise.guess import guess_lines
from slt.segment.written.cues import Cue, clean
from slt.segment.written.subtitles import clock, srt, txt, vtt

_CLEAR, _DIM, _PLAIN = "\r\x1b[2K", "\x1b[2m", "\x1b[0m"
WAITING = "..."  # somebody signs, and nothing is understood yet
SUBTITLES: Mapping[str, Callable[[Sequence[Cue]], str]] = {".srt": srt, ".vtt": vtt, ".txt": txt}


class Shows(Protocol):
    """What is told of a session, as it comes."""

    def show(self, one: Fixed | Grey) -> None:
        """A sentence, grey or fixed."""
        ...

    def end(self, tally: Tally) -> None:
        """Nothing comes any more, or somebody has ended it."""
        ...


class Lines:
    """A line for each fixed sentence, behind its times; below the last one the grey one, on a terminal alone.

    Why something was not understood, and the summary, go to `told`.
    """

    def __init__(self, out: TextIO, told: TextIO) -> None:
        self._out, self._told, self._grey = out, told, out.isatty()

    def show(self, one: Fixed | Grey) -> None:
        """See `Shows`."""
        if isinstance(one, Fixed):
            clear = _CLEAR if self._grey else ""
            times = f"{clock(round(one.start_s * 1000))} - {clock(round(one.end_s * 1000))}"
            self._say(f"{clear}{times}  {one.cue().shown}\n")
            for line in guess_lines(one.text, one.top):
                self._say(f"  {clean(line)}\n")
            if one.reason is not None:
                print(f"{times}  not understood: {one.reason}", file=self._told)
        elif self._grey:
            text = "" if one.start_s is None else clean(one.text or "") or WAITING
            width = shutil.get_terminal_size().columns - 1
            self._say(f"{_CLEAR}{_DIM}{text if len(text) <= width else text[: width - 3] + '...'}{_PLAIN}")

    def end(self, tally: Tally) -> None:
        """See `Shows`."""
        if self._grey:
            self._say(_CLEAR)
        for line in tally.lines():
            print(line, file=self._told)

    def _say(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


class JsonLines:
    """An object a line: `type` is "grey", "fixed" or, at the end, "summary"."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def show(self, one: Fixed | Grey) -> None:
        """See `Shows`."""
        self._say({"type": "fixed" if isinstance(one, Fixed) else "grey", **asdict(one)})

    def end(self, tally: Tally) -> None:
        """See `Shows`."""
        self._say({"type": "summary", **tally.plain()})

    def _say(self, value: Mapping[str, object]) -> None:
        self._out.write(to_json(value) + "\n")
        self._out.flush()


class Subtitles:
    """A file of subtitles that is whole at every moment, written anew with each fixed sentence.

    Raises InputError if its name does not tell a format, or it cannot be written: from the beginning, with none in it.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() not in SUBTITLES:
            raise InputError(f"{path}: subtitles are {', '.join(SUBTITLES)}; give a name that ends so")
        self._path, self._make = path, SUBTITLES[path.suffix.lower()]
        self._cues: list[Cue] = []
        self._write()

    def show(self, one: Fixed | Grey) -> None:
        """See `Shows`."""
        if isinstance(one, Fixed):
            self._cues.append(one.cue())
            self._write()

    def end(self, tally: Tally) -> None:
        """See `Shows`. All is written already."""

    def _write(self) -> None:
        write_text(self._path, self._make(self._cues))
