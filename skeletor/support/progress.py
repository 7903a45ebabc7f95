"""Progress bars on a terminal, and a log that also goes to a file."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TextIO, TypeVar

from tqdm import tqdm

from skeletor.support.errors import as_input_error, printable

T = TypeVar("T")
log = logging.getLogger("skeletor")


def progress(
    items: Iterable[T], what: str, total: int | None = None, unit: str = "it", log_every: float | None = None
) -> Iterator[T]:
    """Pass `items` through, with a bar on a terminal once it takes more than 2 seconds.

    total: number of items, for iterables without a length. log_every: for what takes hours, seconds between two lines
    in the log that say how many of `total` are done and how long the rest will take at that pace.
    """
    bar = tqdm(items, desc=what, total=total, unit=unit, delay=2, leave=False, disable=not sys.stderr.isatty())
    start = logged = monotonic()
    for count, item in enumerate(bar, 1):
        yield item
        now = monotonic()
        if log_every is not None and total and count < total and now - logged >= log_every:
            logged = now
            left = (now - start) / count * (total - count)
            log.info("%s: %d of %d %ss in %s, about %s left", what, count, total, unit, span(now - start), span(left))


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
            tqdm.write(self.format(record), file=self.stream)
            self.flush()
        except OSError:  # the terminal is gone: nobody reads it
            return
        except Exception:
            self.handleError(record)
