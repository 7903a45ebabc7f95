"""Progress bars on a terminal, lines elsewhere, and a log that also goes to a file."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from io import TextIOBase
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Any, TextIO, TypeVar

from tqdm import tqdm

from skeletor.support.errors import as_input_error, printable
from skeletor.support.listening import is_heard, listening

T = TypeVar("T")
log = logging.getLogger("skeletor")
_DELAY, _TICK = 2.0, 1.0  # seconds until a bar is shown, and between two of its ticks
# Without a terminal: seconds between two lines, or this share of the time that a work has taken, if that is more.
_EVERY, _SHARE = 15.0, 0.05


def progress(
    items: Iterable[T], what: str, total: int | None = None, unit: str = "it", log_every: float | None = None
) -> Iterator[T]:
    """Pass `items` through, with a bar on a terminal once it takes more than 2 seconds, be it for the first one alone.

    Where stderr is no terminal, a line goes there every 15 seconds, and less often the longer it takes.
    total: number of items, for iterables without a length. log_every: for what takes hours, seconds between two lines
    in the log that say how many of `total` are done and how long the rest will take at that pace. Where the log is
    told such lines, they are the only ones.
    """
    on_terminal = sys.stderr.isatty()
    logs = log_every is not None and bool(total) and log.isEnabledFor(logging.INFO)
    bar = tqdm(items, desc=what, total=total, unit=unit, delay=_DELAY, leave=False, disable=not on_terminal)
    plain = None if on_terminal or logs else _Plain(desc=what, total=_length(items, total), unit=unit)
    start = logged = monotonic()
    with _ticking(bar) if on_terminal else nullcontext() if plain is None else _clock(plain.tell, _TICK, _TICK):
        for count, item in enumerate(bar, 1):
            yield item
            if plain is not None:
                plain.n = count
            now = monotonic()
            if log_every is not None and total and count < total and now - logged >= log_every:
                logged = now
                log.info("%s", _how_far(what, count, total, unit, now - start))


def _length(items: Iterable[Any], total: int | None) -> int | None:
    return len(items) if total is None and isinstance(items, Sized) else total


@contextmanager
def _ticking(bar: Any) -> Iterator[None]:
    """In the block the bar's clock goes on while an item is in work: by itself it is drawn between two of them only."""

    def tick() -> None:
        with bar.get_lock():  # as `close` has it when it wipes the bar out
            if not bar.disable:
                bar.refresh(nolock=True)
                bar.last_print_t = max(bar.last_print_t, bar.start_t + _DELAY)  # else it would not wipe it out

    with _clock(tick, _DELAY, _TICK):
        yield


@contextmanager
def _clock(tick: Callable[[], None], first: float, then: float) -> Iterator[None]:
    """In the block a thread calls `tick` after `first` seconds, and then every `then` seconds."""
    ended = Event()

    def run() -> None:
        waits = first
        while not ended.wait(waits):
            waits = then
            tick()

    thread = Thread(target=run, name="bar", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def shown() -> Iterator[None]:
    """In the block, what work says of itself (`said`) is a bar on a terminal, once it takes more than 2 seconds.

    There is one bar: of what is said within a work that has a bar and goes on, nothing is shown. Where stderr is no
    terminal, it is lines, as of `progress`.
    """
    on_terminal = sys.stderr.isatty()
    bar = _Heard(tqdm if on_terminal else _Plain)
    try:
        with listening(bar.hear) if on_terminal or not is_heard() else nullcontext():
            yield
    finally:
        bar.close()


@contextmanager
def above_bars() -> Iterator[None]:
    """In the block, what is printed stands above the bars, not in their line, if both are on a terminal."""
    out = sys.stdout
    if not (out.isatty() and sys.stderr.isatty()):
        yield
        return
    lines = _Lines(out)
    try:
        with redirect_stdout(lines):
            yield
    finally:
        lines.end()


def tell(line: str) -> None:
    """Print a line on stderr, above the bars if there are any."""
    with _without_bars():
        print(line, file=sys.stderr, flush=True)


@contextmanager
def _without_bars() -> Iterator[None]:
    """In the block no bar is on the terminal. Bars that were not shown yet (tqdm's own way shows them) stay so."""
    with tqdm.get_lock():  # type: ignore[no-untyped-call]
        bars = [bar for bar in getattr(tqdm, "_instances", ()) if hasattr(bar, "start_t") and not bar.disable]
        bars = [bar for bar in bars if bar.last_print_t >= bar.start_t + bar.delay]
        for bar in bars:
            bar.clear(nolock=True)
        try:
            yield
        finally:
            for bar in bars:
                bar.refresh(nolock=True)


class _Lines(TextIOBase):
    """A terminal on which whole lines are written, with no bar in them."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._begun = out, ""

    def write(self, text: str) -> int:
        """See the base class; the end of the text waits for its line's end."""
        whole, newline, self._begun = (self._begun + text).rpartition("\n")
        self._put(whole + newline)
        return len(text)

    def end(self) -> None:
        """Write what has no end of line."""
        begun, self._begun = self._begun, ""
        self._put(begun)

    def isatty(self) -> bool:
        """It is a terminal."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Of the terminal."""
        return self._out.encoding

    def _put(self, text: str) -> None:
        if text:
            with _without_bars():
                self._out.write(text)
                self._out.flush()


class _Plain:
    """In a bar's place where there is no terminal: a line on stderr now and then."""

    def __init__(
        self, desc: str = "", total: float | None = None, unit: str = "", disable: bool = False, **_: object
    ) -> None:
        self.n, self.total, self.disable = 0, total, disable
        self._what, self._unit = desc, unit
        self._start = self._told = monotonic()

    def update(self, count: int) -> None:
        """So many more are done."""
        self.n += count
        self.tell()

    def tell(self) -> None:
        """Say how far it is, if that is due and something is left."""
        now = monotonic()
        if now - self._told < max(_EVERY, _SHARE * (now - self._start)) or self.disable or self.n == self.total:
            return
        self._told = now
        with suppress(OSError, ValueError):  # nobody reads it
            print(_how_far(self._what, self.n, self.total, self._unit, now - self._start), file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing is told any more."""
        self.disable = True


def _how_far(what: str, count: int, total: float | None, unit: str, took: float) -> str:
    """For example "poses: 2 of 10 clips in 60 s, about 4 min left"; took: seconds."""
    done = f"{count} of {total:.0f}" if total else f"{count}"
    left = f", about {span(took / count * (total - count))} left" if total and count else ""
    return printable(f"{what}: {done}{f' {unit}s' if unit else ''} in {span(took)}{left}")


class _Heard:
    """A bar of what work says of itself, or what has a bar's place."""

    def __init__(self, kind: Callable[..., Any]) -> None:
        self._what, self._kind = "", kind
        self._bar = kind(disable=True)

    def hear(self, what: str, count: int, total: int) -> None:
        """See `Listener`."""
        goes_on = not self._bar.disable and self._bar.n < (self._bar.total or 0)
        if what != self._what and goes_on:
            return
        if what != self._what or count <= self._bar.n:
            self._bar.close()
            self._what, self._bar = what, self._kind(desc=what, total=total, unit="", delay=_DELAY, leave=False)
        self._bar.update(count - self._bar.n)
        if self._bar.n >= total:  # results that are printed now do not stand behind it, in its line
            self._bar.close()

    def close(self) -> None:
        """Wipe it out."""
        self._bar.close()


def span(seconds: float) -> str:
    """A duration given in seconds as text in its two largest units: "40 s", "12 min", "3 h 05 min", "2 d 04 h"."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24:02d} h"


def log_to(path: Path | str | None = None, level: int = logging.INFO) -> None:
    """Send the house's log to stderr, and to a file if `path` is given (appended); InputError if that is impossible."""
    handlers: list[logging.Handler] = [_AboveBars()]
    handlers[0].setFormatter(_Shown("%(message)s"))
    if path is not None:
        handlers.append(LogFile(path))
        handlers[1].setFormatter(_Shown("%(asctime)s %(levelname)s %(message)s"))
    for old in list(log.handlers):
        log.removeHandler(old)
        with suppress(OSError):  # a full disk
            old.close()
    for handler in handlers:
        log.addHandler(handler)
    log.setLevel(level)
    log.propagate = False


class LogFile(logging.FileHandler):
    """A file of messages. If it cannot be written any more (a full disk), that is said once, and the work goes on.

    Raises InputError if it cannot be opened; its folder is made.
    """

    def __init__(self, path: Path | str) -> None:
        self._told = False
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            super().__init__(path, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            refused = as_input_error(error, path)
            assert refused is not None
            raise refused from error

    def handleError(self, record: logging.LogRecord) -> None:
        """Called where a message could not be written. The first OSError is logged, later ones are dropped."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._told:
            self._told = True
            log.warning("%s (the log; the work goes on without it)", as_input_error(error, self.baseFilename))


class _Shown(logging.Formatter):
    """Lines as they can be shown: no control characters, as they come with names of files."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(printable, super().format(record).split("\n")))


class _AboveBars(logging.StreamHandler[TextIO]):
    """To stderr, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            with _without_bars():
                self.stream.write(f"{self.format(record)}\n")
                self.flush()
        except OSError:  # the terminal is gone: nobody reads it
            return
        except Exception:
            self.handleError(record)
