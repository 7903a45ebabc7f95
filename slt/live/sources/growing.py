"""Bytes that are still being written: a file that grows, a pipe, standard input."""

from __future__ import annotations

import os
import select
import stat
from collections.abc import Callable
from pathlib import Path

from skeletor.support.errors import InputError
from slt.live.clock import Clock

_LOOK = 0.05  # seconds between two looks at a file that does not grow


class Growing:
    """What FFmpeg reads; see `slt.video.container.open_bytes`. It cannot go back: nothing is known of the end.

    A pipe ends when its writer closes it. A file ends when it has not grown for `wait` seconds, a named pipe as well
    that nobody has written to. Nothing more comes once the clock has ended. error: what failed, if the reading did.
    begun: whether anything came. see: is given all that is read, before FFmpeg.
    """

    def __init__(
        self, descriptor: int, name: str, clock: Clock, wait: float, see: Callable[[bytes], None] | None = None
    ) -> None:
        self.name, self._see = name, see
        self.error: OSError | None = None
        self._descriptor, self._clock, self._wait = descriptor, clock, wait
        self._pipe = not stat.S_ISREG(os.fstat(descriptor).st_mode)
        self.begun = self._over = False

    def read(self, size: int) -> bytes:
        """The next bytes, at least one and at most `size`; none at the end."""
        since = self._clock.now()
        while not (self._over or self._clock.ended):
            try:
                if self._pipe and not select.select([self._descriptor], [], [], _LOOK)[0]:
                    continue
                read = os.read(self._descriptor, size)
            except BlockingIOError:  # another reader of the pipe was quicker
                continue
            except OSError as error:
                self.error = error
                return b""
            if read:
                self.begun = True
                if self._see is not None:
                    self._see(read)
                return read
            now = self._clock.now()
            if (self._pipe and self.begun) or now - since >= self._wait:
                self._over = True  # FFmpeg asks again
                break
            self._clock.wait_until(now + _LOOK)
        return b""


def opened(path: Path) -> int:
    """The descriptor of a file or a named pipe, open for reading. Raises InputError for anything else."""
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            kind = "a folder" if stat.S_ISDIR(mode) else "a device that is no camera"
            raise InputError(f"{path}: is {kind}; give a camera, a file that grows, a pipe or -")
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({why}); give a camera, a file that grows, a pipe or -") from error
