"""MediaPipe as it is installed: where its models lie, and quiet while they are loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def package_folder() -> Path:
    """The folder of the package, with its models in `modules/`."""
    import mediapipe

    return Path(mediapipe.__file__).parent


@contextmanager
def silence() -> Iterator[None]:
    """Send file descriptor 2 elsewhere for a moment: TFLite and abseil write to it whatever one asks for."""
    keep = os.dup(2)
    try:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 2)
        os.close(sink)
        yield
    finally:
        os.dup2(keep, 2)
        os.close(keep)
