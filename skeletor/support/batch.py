"""A loop over many inputs, in which a bad one neither stops the others nor is hidden."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from skeletor.support.command import tell_where, unexpected
from skeletor.support.errors import InputError, NothingToTranslate, as_input_error, one_line, printable
from skeletor.support.progress import above_bars, progress, shown, tell
from skeletor.support.signals import raise_end_behind

_DEFECT = 1


def for_each(paths: Sequence[Path], work: Callable[[Path], None], what: str, nothing: str = "not translated") -> int:
    """Call `work` for every path, and list the failures on stderr at the end, one line each.

    A failure stops only its own input: bad input, a full disk, a file name that is not text, an error of a library,
    and also a defect of the program. Only BrokenPipeError, KeyboardInterrupt and SystemExit are raised further, even
    out of another error. nothing: what the summary calls inputs that raised `NothingToTranslate`. Returns 0, or the
    exit code of the worst failure: 1 (a defect), 2 (bad input), 3 (nothing to translate).
    """
    lines: list[tuple[int, str]] = []
    for path in progress(paths, what, unit="file") if len(paths) > 1 else _alone(paths):
        try:
            with above_bars():
                work(path)
            sys.stdout.flush()  # what is finished is told before the next begins
        except BrokenPipeError:
            raise
        except Exception as error:
            raise_end_behind(error)
            tell_where(error)
            lines.append(failure(path, error))
    for _, line in lines:
        tell(line)
    codes = [code for code, _ in lines]
    if len(paths) > 1 and codes:
        tell(_summary(codes, len(paths), nothing))
    return next((code for code in (_DEFECT, InputError.exit_code, NothingToTranslate.exit_code) if code in codes), 0)


def _alone(paths: Sequence[Path]) -> Iterator[Path]:
    """The only path; how far the work on it is, is shown, as it says it."""
    with shown():
        yield from paths


def failure(path: Path, error: Exception) -> tuple[int, str]:
    """Exit code and line of what went wrong with an input, which the line names."""
    name = printable(str(path))
    known = as_input_error(error, path)
    code, message = (_DEFECT, unexpected(error)) if known is None else (known.exit_code, one_line(known))
    return code, message if message.startswith(name) or f"{name}: " in message else f"{name}: {message}"


def _summary(codes: Sequence[int], total: int, nothing: str) -> str:
    """For example "2 of 9 files failed, 3 of 9 not translated"."""
    silent = codes.count(NothingToTranslate.exit_code)
    failed = len(codes) - silent
    parts = [f"{failed} of {total} files failed"] if failed else []
    return ", ".join(parts + ([f"{silent} of {total} {nothing}"] if silent else []))
