"""What all readers of pose files share: errors in one line."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skeletor.errors import InputError

# What parsers throw on bytes that are not what they claim to be.
_PARSE_ERRORS: tuple[type[Exception], ...] = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    MemoryError,
    AssertionError,
    struct.error,
)


@contextmanager
def reading(path: Path, what: str, also: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn whatever goes wrong while `path` is read as `what` into one line of InputError.

    also: the errors that the file format's library has of its own.
    """
    errors = _PARSE_ERRORS + also
    try:
        yield
    except InputError as error:
        if str(path) in str(error):
            raise
        raise InputError(f"{path}: {one_line(error)}") from error
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; give the path of a {what}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read as {what}: {error.strerror or one_line(error)}") from error
    except errors as error:
        raise InputError(f"{path}: not a readable {what} (truncated or damaged?): {one_line(error)}") from error


def existing_file(path: Path, what: str) -> Path:
    """`path` if it is a file with content; InputError otherwise."""
    if not path.exists():
        raise InputError(f"{path}: no such file; give the path of a {what}")
    if path.is_dir():
        raise InputError(f"{path}: is a directory, expected a {what}")
    with reading(path, what):
        if path.stat().st_size == 0:
            raise InputError(f"{path}: is empty, expected a {what}")
    return path


def one_line(error: BaseException) -> str:
    """The message of an error without line breaks, at most 200 characters."""
    return (" ".join(str(error).split()) or type(error).__name__)[:200]
