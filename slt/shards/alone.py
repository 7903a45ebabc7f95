"""One input in a process of its own: whether that ends over it is seen by a worker that lives on."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from skeletor.support.errors import NothingToTranslate, as_input_error, is_full, one_line, printable
from skeletor.support.signals import raise_end_behind
from skeletor.support.workers import worker_pool

Results = Mapping[str, Any]
Stage = Callable[[Path], Results]


class Nobody(str):
    """A line about an input that is sound, but nobody is in it."""


def attempt(stage: Stage, path: Path) -> Results | str:
    """What a stage makes of an input, by clip, or a line about why that is nothing (`Nobody`: it is no fault).

    An error that is no input's fault, a full disk, is raised.
    """
    try:
        return stage(path)
    except NothingToTranslate as error:
        return Nobody(_line(error, path))
    except Exception as error:
        raise_end_behind(error)
        if is_full(error):
            raise
        return _line(error, path)


def attempt_alone(make: Callable[[], Stage], path: Path) -> Results | str:
    """The same in a process that does nothing else; a line as well if that process ends. make: can be pickled."""
    try:
        with worker_pool(1) as pool:
            return pool.submit(_there, make, path).result()
    except BrokenProcessPool:
        return f"{printable(str(path))}: ended a process that did nothing else (a crash, or no memory); left out"


def _there(make: Callable[[], Stage], path: Path) -> Results | str:
    try:
        return attempt(make(), path)
    except Exception as error:
        if is_full(error):  # which causes it had is lost on the way
            raise OSError(errno.ENOSPC, one_line(error)) from error
        raise


def _line(error: Exception, path: Path) -> str:
    """One line that names the input."""
    known = as_input_error(error, path)
    text = one_line(known) if known else f"{type(error).__name__}: {one_line(error)} (a defect of the program)"
    return text if str(path) in text or path.name in text else f"{printable(str(path))}: {text}"
