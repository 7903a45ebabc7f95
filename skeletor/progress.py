"""Progress bars on a terminal, and a log that also goes to a file."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")
log = logging.getLogger("skeletor")


def progress(items: Iterable[T], what: str, total: int | None = None, unit: str = "it") -> Iterator[T]:
    """Pass `items` through, with a bar on a terminal once it takes more than 2 seconds."""
    yield from tqdm(items, desc=what, total=total, unit=unit, delay=2, leave=False, disable=not sys.stderr.isatty())


def log_to(path: Path | str | None = None, level: int = logging.INFO) -> None:
    """Send the house's log to stderr, and to a file if `path` is given (appended)."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    handlers[0].setFormatter(logging.Formatter("%(message)s"))
    if path is not None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(path, encoding="utf-8"))
        handlers[1].setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for old in list(log.handlers):
        log.removeHandler(old)
        old.close()
    for handler in handlers:
        log.addHandler(handler)
    log.setLevel(level)
    log.propagate = False
