"""Many inputs, one after the other: a bad one neither stops the others nor is hidden."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from skeletor.errors import InputError, NothingToTranslate, SkeletorError
from skeletor.progress import progress

T = TypeVar("T")


def for_each(paths: Sequence[Path], work: Callable[[Path], None], what: str) -> int:
    """Call `work` for every path; list the failures on stderr at the end.

    Returns 0, or the exit code of the worst failure: 2 (bad input) before 3 (nothing to translate).
    """
    failures: list[tuple[Path, SkeletorError]] = []
    items = progress(paths, what, unit="file") if len(paths) > 1 else paths
    for path in items:
        try:
            work(path)
        except SkeletorError as error:
            failures.append((path, error))
    for path, failure in failures:
        message = str(failure)
        print(message if str(path) in message else f"{path}: {message}", file=sys.stderr)
    nothing = sum(isinstance(failure, NothingToTranslate) for _, failure in failures)
    counts = ((len(failures) - nothing, "files failed"), (nothing, "not translated"))
    if len(paths) > 1 and failures:
        print(", ".join(f"{count} of {len(paths)} {what}" for count, what in counts if count), file=sys.stderr)
    codes = {failure.exit_code for _, failure in failures}
    return next((code for code in (1, InputError.exit_code, NothingToTranslate.exit_code) if code in codes), 0)
