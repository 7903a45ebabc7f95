"""A part of a video as a video of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skeletor.poses.span import Span
from skeletor.support.errors import InputError
from slt.video.base import Video


class Part(Video):
    """A part of a video as a video of its own: its first frame is frame 0, at time 0."""

    def __init__(self, whole: Video, span: Span) -> None:
        try:
            self._frames = span.frames(whole.fps, whole.frame_count, whole.begins)
        except InputError as error:
            raise InputError(f"{whole.path}: {error}") from error
        self._whole = whole
        self.rate_assumed = whole.rate_assumed
        super().__init__(Path(whole.path), whole.fps, (whole.width, whole.height), len(self._frames))

    def every(self, stride: int) -> Iterator[np.ndarray | None]:
        """See `Video.every`; the stride counts from the part's first frame."""
        return self._whole.between(self._frames.start, self._frames.stop, stride)
