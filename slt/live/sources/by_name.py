"""Which source a name on the command line means."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from skeletor.support.errors import InputError
from slt.live.clock import Clock
from slt.live.sources.base import STDIN, Source

_CAMERAS = "/dev/video"


def open_source(
    name: str, clock: Clock, fps: float | None = None, as_if_live: bool = False, wait: float = 5.0
) -> AbstractContextManager[Source]:
    """The source of that name: the number of a camera or its device, a file that grows, a pipe, or "-".

    fps: of a camera, in place of what it does by itself, and of a folder of pictures that is played. as_if_live: a
    finished file, played at its own rate. wait: seconds after which a file that no longer grows is complete. Raises
    InputError, one line, if it cannot be opened.
    """
    from slt.live.sources.camera import open_camera  # these load OpenCV and FFmpeg
    from slt.live.sources.playback import open_playback
    from slt.live.sources.stream import open_stream

    camera = _is_number(name)
    if camera or name.startswith(_CAMERAS):
        if as_if_live:
            raise InputError(f"{name}: a camera is live; --as-if-live is for finished files")
        return open_camera(int(name) if camera else name, clock, fps)
    if fps is not None and not (as_if_live and os.path.isdir(name)):
        raise InputError(f"{name}: has a frame rate of its own; --fps is for cameras and folders of pictures")
    if as_if_live:
        if name == STDIN:
            raise InputError("-: standard input comes as it comes; --as-if-live is for finished files")
        return open_playback(Path(name), clock, fps)
    return open_stream(name, clock, wait)


def goes_on(name: str) -> bool:
    """Whether the source is there and does not wait for whoever opens it: a camera, a pipe. A file does."""
    if _is_number(name):
        return sys.platform != "linux" or os.path.exists(f"{_CAMERAS}{name}")
    try:
        return name == STDIN or not (stat.S_ISREG(mode := os.stat(name).st_mode) or stat.S_ISDIR(mode))
    except (OSError, ValueError):
        return False


def _is_number(name: str) -> bool:
    return name.isdecimal() and not Path(name).exists()
