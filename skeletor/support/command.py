"""Running a command line: how it ends, its exit code, and its errors in one line."""

from __future__ import annotations

import argparse
import io
import os
import sys
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TextIO

from skeletor.support.errors import InputError, as_input_error, one_line
from skeletor.support.signals import Ended, ending_by_signals, raise_end_behind

INTERRUPTED = 130
_DEBUG: ContextVar[bool] = ContextVar("debug", default=False)


class Parser(argparse.ArgumentParser):
    """argparse's, but help that cannot be written is an error: argparse passes over it."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if message and file is not None and file is sys.stdout:
            file.write(message)
        else:
            super()._print_message(message, file)


def run_command(function: Callable[[], int | None], program: str, debug: bool = False) -> int:
    """Run `function` and return the exit code for the shell. Errors become one line on stderr; none is raised.

    The exit code is the function's own (None is 0) if it ends well; a SkeletorError's exit code; 2 for what the system
    or a library refuses (`errors.as_input_error`); 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP; 1 for any
    other exception, which is a defect of the program. With `debug` the traceback is printed as well.
    A closed pipe (`| head`) ends the command quietly with 0; closed streams (`>&-`) are as /dev/null. Names that the
    terminal cannot show are printed with escapes.
    """
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        show_anything(stream)
    token = _DEBUG.set(debug)
    try:
        with ending_by_signals():
            return _flushed(program, _run(function))
    except BrokenPipeError:
        _forget(sys.stdout)
        return 0
    except KeyboardInterrupt:
        return _told(f"{program}: interrupted", INTERRUPTED)
    except Ended as end:
        what = "interrupted" if end.code == INTERRUPTED else f"ended by {end.signal_name}"
        return _told(f"{program}: {what}", int(end.code or 0))
    except SystemExit as end:  # of argparse, after its help or its line
        return _flushed(program, end.code) if isinstance(end.code, int) else _told(str(end.code or ""), 1)
    except Exception as error:
        tell_where(error)
        known = as_input_error(error)
        if known is not None:
            return _told(f"{program}: {one_line(known)}", known.exit_code)
        return _told(f"{program}: {unexpected(error)}", 1)
    finally:
        _DEBUG.reset(token)


def _open_streams() -> None:
    """Closed standard streams lead nowhere. Else the next file gets their number, and what libraries print."""
    handle = 0
    while handle <= 2:
        handle = os.open(os.devnull, os.O_RDWR)
    os.close(handle)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for the whole process


def _run(function: Callable[[], int | None]) -> int:
    try:
        return function() or 0
    except Exception as error:
        raise_end_behind(error)
        raise


def unexpected(error: BaseException) -> str:
    """One line about an error that is a defect of the program: its class, its message, and how to see the traceback."""
    hint = "" if _DEBUG.get() else "; --debug shows where"
    return f"unexpected {type(error).__name__}: {one_line(error)}{hint}"


def tell_where(error: BaseException) -> None:
    """Print the traceback of an error, if the command was given --debug."""
    if _DEBUG.get():
        traceback.print_exception(error)


def show_anything(stream: TextIO) -> None:
    """Let a stream print names that its encoding does not have, as escapes, instead of raising UnicodeEncodeError."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def _told(line: str, code: int) -> int:
    """Print a line on stderr, if there still is one; the exit code."""
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError):  # the terminal is gone
        _forget(sys.stderr)
    return _flushed("", code)


def _flushed(program: str, code: int) -> int:
    """The exit code, after all that was printed has gone out; 2 if it cannot (a full disk behind `>`)."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget(sys.stdout)
    except (OSError, ValueError) as error:
        _forget(sys.stdout)
        if program:
            reason = as_input_error(error, "standard output") or error
            return _told(f"{program}: {one_line(reason)}", InputError.exit_code)
    return code


def _forget(stream: TextIO) -> None:
    """What a stream still holds goes nowhere: Python would try once more at its end, and print a traceback."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return
