"""`Video`, the base class of all sources of pictures."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np

from skeletor.support.errors import InputError

DEFAULT_FPS = 25.0
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # one slash: a Path has only one left


def check_regular(path: Path) -> None:
    """Raises InputError unless `path` is a file that can be read more than once.

    An address is none, nor is a pipe (reading it would block).
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        if _ADDRESS.match(str(path)):
            raise InputError(f"{path}: an address is not read, give a file") from error
        raise InputError(f"{path}: no such file; give a video file or a directory of frames") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if not stat.S_ISREG(mode):
        kind = "pipe" if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else "device"
        raise InputError(f"{path}: a {kind} is not read, give a file")


class Video:
    """An open video; iterate over it for its frames, as often as needed.

    fps: frames per second of the constant grid. width, height: of the upright frames. frame_count: how many
    frames iteration gives. Frames are (height, width, 3) uint8 RGB. Iteration raises InputError if the file turns out
    to be damaged beyond use. begins: seconds by which the first frame comes after the recording's beginning as players
    show it, where its sound begins 0.1 s or more before its pictures; else 0. `every(stride)` gives the same frames,
    but makes pictures of frames 0, stride, 2 stride, ... only: None stands for the others, which cost little, and for
    pictures that a folder of frames lacks. rate_assumed: whether fps is only the usual one, for want of any other.
    """

    rate_assumed = False

    def __init__(self, path: Path, fps: float, size: tuple[int, int], frame_count: int, begins: float = 0.0) -> None:
        self.path = path
        self.fps = fps
        self.width, self.height = size
        self.frame_count = frame_count
        self.begins = begins

    def __iter__(self) -> Iterator[np.ndarray]:
        held: np.ndarray | None = None
        for frame in self.every(1):
            held = frame if frame is not None else held
            if held is not None:
                yield held

    def every(self, stride: int) -> Iterator[np.ndarray | None]:
        """Each frame in its place, (H, W, 3) uint8 RGB; None for those that are no multiple of the stride or not there.

        Raises InputError if the file turns out to be damaged beyond use.
        """
        return self.between(0, self.frame_count, stride)

    def between(self, first: int, stop: int, stride: int = 1) -> Iterator[np.ndarray | None]:
        """Frames `first` to `stop` - 1, each as in `every`; the stride counts from `first`.

        What lies before and behind is not decoded where the format allows to do without.
        """
        raise NotImplementedError

    def __enter__(self) -> Video:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open between iterations."""
