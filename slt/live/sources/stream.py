"""Pictures of a stream that grows, decoded as they come."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.live.channel import Frame
from slt.live.clock import Clock
from slt.live.sources.base import STDIN
from slt.live.sources.growing import Growing, opened
from slt.video import frame_rate
from slt.video.container import FFMPEG_ERRORS, Frames, open_bytes, reason
from slt.video.headers.broadcast import CodecWatch
from slt.video.picture import Picture, Turns, fit

# FFmpeg looks at five seconds of a stream before it gives the first picture; that would be five seconds of delay.
_AT_ONCE = {"analyzeduration": "500000", "probesize": "262144"}
_ADVICE = "MPEG-TS, Matroska and fragmented MP4 can; --as-if-live plays a finished file"
_JUMP, _BACK = 10.0, 1.0  # seconds; a longer step of a stream's clock, or one back, is a new start of it


class Stream:
    """See `slt.live.sources.base.Source`. Interlaced pictures stay as they are."""

    def __init__(self, container: Any, stream: Any, bytes_: Growing, path: Path, clock: Clock) -> None:
        self.name = "standard input" if str(path) == STDIN else str(path)
        rates = [float(rate) for rate in (stream.average_rate, stream.guessed_rate) if rate]
        self.fps = frame_rate(np.zeros(1), rates)
        self._container, self._stream, self._bytes, self._path, self._clock = container, stream, bytes_, path, clock

    def frames(self) -> Iterator[Frame]:
        """See `Source`."""
        slots, turns, size = _Slots(self.fps), Turns(), None
        frames = Frames(self._container, self._stream)
        try:
            for decoded in frames:
                if self._clock.ended:
                    return
                slot = slots.of(None if decoded.pts is None else float(decoded.pts * (decoded.time_base or 0)))
                if slot is None:
                    continue
                aspect: Fraction | None = self._stream.sample_aspect_ratio
                image = Picture(decoded, aspect, turns.of(decoded), self._path).image
                size = size or (image.shape[1], image.shape[0])
                yield Frame(slot, fit(image, *size), self._clock.now())
        except FFMPEG_ERRORS as error:
            raise InputError(f"{self.name}: cannot be read ({reason(error)})") from error
        if self._bytes.error is not None:
            raise InputError(f"{self.name}: cannot be read ({reason(self._bytes.error)})")
        if size is None and not self._clock.ended:
            raise InputError(f"{self.name}: not one picture can be decoded while it grows: {_ADVICE}")


class _Slots:
    """Numbers on the grid for frames by their stamps, in seconds; a stream whose clock is set anew goes on."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._zero: float | None = None
        self._last = -1

    def of(self, stamp: float | None) -> int | None:
        """The number of the next frame; None if it falls on the one before."""
        following = (self._last + 1) / self._fps
        if stamp is None:
            stamp = following + (self._zero or 0.0)
        if self._zero is None or not -_BACK <= stamp - self._zero - following <= _JUMP:
            self._zero = stamp - following
        slot = round((stamp - self._zero) * self._fps)
        if slot <= self._last:
            return None
        self._last = slot
        return slot


@contextmanager
def open_stream(name: str, clock: Clock, wait: float) -> Iterator[Stream]:
    """A file that grows, a named pipe, or "-". wait: see `Growing`.

    Raises InputError if nothing comes, or nothing that can be read before its end is known.
    """
    path = Path(name)
    own = name != STDIN
    descriptor = opened(path) if own else 0
    shown = name if own else "standard input"
    try:
        codecs = CodecWatch(partial(_tell_codecs, shown))
        file = Growing(descriptor, name, clock, wait, codecs.see)
        with ExitStack() as stack:
            container, stream = _entered(stack, file, path, shown)
            codecs.follow(stream.id)
            yield Stream(container, stream, file, path, clock)
    finally:
        if own:
            os.close(descriptor)


def _tell_codecs(shown: str, before: str, after: str) -> None:
    log.warning("%s: its pictures change from %s to %s, which is not decoded; start anew for what follows",
                shown, before, after)  # fmt: skip


def _entered(stack: ExitStack, file: Growing, path: Path, shown: str) -> tuple[Any, Any]:
    """The container and its stream, open until the stack is closed; InputError says what is missing."""
    try:
        return stack.enter_context(open_bytes(file, path, _AT_ONCE))
    except InputError as error:
        if file.error is not None:
            raise InputError(f"{shown}: cannot be read ({reason(file.error)})") from error
        if not file.begun:
            raise InputError(f"{shown}: nothing came; is somebody writing to it?") from error
        raise InputError(f"{error}; not every kind can be read while it grows: {_ADVICE}") from error
