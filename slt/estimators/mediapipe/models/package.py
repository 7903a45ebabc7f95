"""MediaPipe as it is installed: where its models lie, and quiet while they are loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock


def package_folder() -> Path:
    """The folder of the package, with its models in `modules/`."""
    import mediapipe

    return Path(mediapipe.__file__).parent


class _Silence:
    """Of this process: threads may be silent at once, the last one ends it."""

    def __init__(self) -> None:
        self._lock, self._depth, self._kept = Lock(), 0, -1

    def begin(self) -> None:
        with self._lock:
            if self._depth == 0:
                self._kept = os.dup(2)
                sink = os.open(os.devnull, os.O_WRONLY)
                os.dup2(sink, 2)
                os.close(sink)
            self._depth += 1

    def end(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                os.dup2(self._kept, 2)
                os.close(self._kept)


_SILENCE = _Silence()  # the descriptor is the process's, too


@contextmanager
def silence() -> Iterator[None]:
    """Send file descriptor 2 elsewhere for a moment: TFLite and abseil write to it whatever one asks for."""
    _SILENCE.begin()
    try:
        yield
    finally:
        _SILENCE.end()
