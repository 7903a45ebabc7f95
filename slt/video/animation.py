"""Animated WebP, which FFmpeg does not decode, as a `Video`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL.Image import DecompressionBombError
from PIL.WebPImagePlugin import WebPImageFile

from skeletor.support.errors import InputError
from slt.video.base import Video
from slt.video.clock import grid
from slt.video.container import A_PICTURE
from slt.video.picture import check_size

_UNTOLD = 100  # milliseconds for which browsers show a picture whose time is 10 or less
_SHORTEST = 10


def is_webp(path: Path) -> bool:
    """Whether a file is WebP, whatever it is called; False if it cannot be read: whoever opens it says so."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head[:4] == b"RIFF" and head[8:] == b"WEBP"


class AnimatedWebP(Video):
    """The pictures of an animation at the times that it gives them, on a constant grid as those of a video."""

    def __init__(self, path: Path) -> None:
        try:
            with WebPImageFile(path) as file:
                size, count = file.size, getattr(file, "n_frames", 1)
                check_size(path, *size)
                if count < 2:
                    raise InputError(f"{path}: {A_PICTURE}")
                lengths = []
                for number in range(count):
                    file.seek(number)
                    file.load()
                    lengths.append(int(file.info.get("duration", 0)))
        except _DAMAGED as error:
            raise InputError(f"{path}: an animation that breaks off or is damaged; get the whole file") from error
        seconds = [(length if length > _SHORTEST else _UNTOLD) / 1000 for length in lengths]
        fps, self._places = grid(np.cumsum([0.0, *seconds[:-1]]))
        super().__init__(path, fps, size, int(self._places[-1]) + 1)

    def between(self, first: int, stop: int, stride: int = 1) -> Iterator[np.ndarray | None]:
        """See `Video.between`."""
        slot = first
        numbers = np.searchsorted(self._places, np.arange(first, stop), "right") - 1  # the later one of two in a place
        try:
            with WebPImageFile(self.path) as file:
                for number in numbers:
                    if (slot - first) % stride:
                        yield None
                    else:
                        file.seek(int(number))
                        yield np.asarray(file.convert("RGB"))
                    slot += 1
        except _DAMAGED as error:
            raise InputError(f"{self.path}: an animation that breaks off or is damaged") from error


_DAMAGED = (OSError, ValueError, SyntaxError, EOFError, MemoryError, OverflowError, DecompressionBombError)
