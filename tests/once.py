"""What takes long to make and is the same for all: made by one of the processes of a suite, and read by all."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name` that `make` has filled; not to be changed. Who asks while it is made waits.

    Of pytest-xdist each process has a folder of its own below one that they share.
    """
    base = factory.getbasetemp()
    return made_once((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name, make)


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """The same for a folder anywhere. What a `make` that failed has left is removed."""
    done = folder.with_name(f"{folder.name}.done")
    with open(folder.with_name(f"{folder.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
