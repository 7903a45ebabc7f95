"""What all command lines of the house share: how a command ends."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

from skeletor.errors import SkeletorError

INTERRUPTED = 130


def run_command(function: Callable[[], int | None], program: str, debug: bool = False) -> int:
    """Run `function` and return the exit code for the shell; errors become one line on stderr.

    Its own return value (None is 0) if it ends well; a SkeletorError's exit code; 130 after Ctrl-C; 1 for
    any other exception, which is a defect of the program. With `debug` the traceback is printed as well.
    A closed pipe (`| head`) ends the command quietly with 0.
    """
    try:
        return function() or 0
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except SkeletorError as error:
        if debug:
            traceback.print_exc()
        print(f"{program}: {one_line(error)}", file=sys.stderr)
        return error.exit_code
    except Exception as error:
        if debug:
            traceback.print_exc()
        hint = "" if debug else "; --debug shows where"
        print(f"{program}: unexpected {type(error).__name__}: {one_line(error)}{hint}", file=sys.stderr)
        return 1


def one_line(error: BaseException) -> str:
    """The message of an exception without line breaks."""
    return " ".join(str(error).split()) or "(no message)"
