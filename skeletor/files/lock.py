"""A lock on a folder: one run in it at a time."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skeletor.files.atomic import remove_leftovers
from skeletor.support.errors import InputError, as_input_error
from skeletor.support.progress import log

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
_HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


@contextmanager
def locked(folder: Path | str) -> Iterator[None]:
    """Hold a folder, which is made if need be, for this process alone; InputError if another one holds it.

    The system frees it when the process ends, however it ends. What a killed run was writing right in the folder is
    removed. On a disk without locks (some network disks) the work goes on, with a warning.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        refused = as_input_error(error, folder)
        assert refused is not None
        raise refused from error
    try:
        _lock(handle, folder)
        remove_leftovers(folder)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    """Lock the open file and write the process's id into it."""
    if fcntl is None:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip()
            who = f" (pid {holder})" if holder else ""
            raise InputError(
                f"{folder}: another run{who} works in it; wait for it to end, or give another folder"
            ) from error
        log.warning("%s: this disk has no locks (%s); see that no two runs work in it", folder, error.strerror)
        return
    os.ftruncate(handle, 0)
    try:
        os.pwrite(handle, str(os.getpid()).encode(), 0)
    except OSError:  # a full disk: the lock holds all the same, and the first result will tell
        return
