"""Paths from the command line: inputs are files and folders, but neither addresses nor pipes; outputs have a name."""

from __future__ import annotations

import argparse
import re
import stat
from pathlib import Path

from skeletor.support.errors import InputError

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_SPECIAL = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def address_fault(text: str) -> str | None:
    """One line that refuses `text` if it is an address ("https://..."), else None.

    Takes the text as it was given: a `Path` would drop one of the two slashes.
    """
    if _ADDRESS.match(text):
        return f"{text}: an address is not read; save what is there, and give the file"
    return None


def special_fault(path: Path) -> str | None:
    """One line that refuses standard input ("-"), a pipe, a socket or a device, else None.

    Inputs are read twice (for their hash and for their content), and these can be read only once.
    """
    if str(path) == "-":
        return "-: standard input is not read; give a file"
    try:
        mode = path.stat().st_mode
    except OSError:  # whoever reads it says why it cannot be
        return None
    what = next((name for test, name in _SPECIAL if test(mode)), None)
    return f"{path}: {what} is not read; give a file" if what else None


def input_path(text: str) -> Path:
    """The path that a person named; InputError if it is an address, a pipe, a socket or a device."""
    fault = address_fault(text) or special_fault(Path(text))
    if fault is not None:
        raise InputError(fault)
    return Path(text)


def check_folder(path: Path, wanted: str) -> None:
    """Raises InputError unless `path` is a folder; of a file in one, the line names that one.

    wanted: which folder is to be given, for the line.
    """
    if path.is_dir():
        return
    if path.exists():
        raise InputError(f"{path}: is a file; give {wanted} (it lies in {path.parent})")
    raise InputError(f"{path}: no such folder; give {wanted}")


def output_path(text: str) -> Path:
    """The path of a result, as the type of an option.

    Raises ArgumentTypeError for "", as `-o "$OUT"` gives it where the variable is not set: that would be the folder
    that one stands in.
    """
    if not text:
        raise argparse.ArgumentTypeError("an empty name; give a file or folder")
    return Path(text)
