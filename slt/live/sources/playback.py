"""A finished file, played at its own rate: what a camera would have seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slt.live.channel import Frame
from slt.live.clock import Clock
from slt.video import Video, open_video


class Playback:
    """See `slt.live.sources.base.Source`. The frames are those of `slt.video.open_video`, each at its time."""

    def __init__(self, video: Video, clock: Clock) -> None:
        self.name, self.fps = str(video.path), video.fps
        self._video, self._clock = video, clock

    def frames(self) -> Iterator[Frame]:
        """See `Source`. The first one comes at once."""
        start = None
        for slot, image in enumerate(self._video):
            start = self._clock.now() if start is None else start
            self._clock.wait_until(start + slot / self.fps)
            if self._clock.ended:
                return
            yield Frame(slot, image, self._clock.now())


@contextmanager
def open_playback(path: Path, clock: Clock, fps: float | None = None) -> Iterator[Playback]:
    """A video file or a folder of frames. fps: of a folder; None: the usual, which is told.

    Raises InputError as `open_video` does."""
    with open_video(path, fps) as video:
        yield Playback(video, clock)
