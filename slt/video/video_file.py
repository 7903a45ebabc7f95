"""A video file as a `Video`: its frames put on the grid that `scan` found, lost ones repeated."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.video.base import Video
from slt.video.container import FFMPEG_ERRORS, Frames, check_file, open_container, reason
from slt.video.deinterlace import Deinterlacer
from slt.video.picture import Picture, Turns, check_aspect, fit
from slt.video.scan import Scan, damage_notes, scan


class VideoFile(Video):
    """A file that FFmpeg reads."""

    def __init__(self, path: Path) -> None:
        check_file(path)
        try:
            self._scan = scan(path)
        except (MemoryError, OverflowError, ValueError, av.FFmpegError, OSError) as error:
            raise InputError(f"{path}: cannot be read as a video ({reason(error)})") from error
        self._said: set[str] = set()
        super().__init__(path, self._scan.fps, self._scan.size, self._scan.count, self._scan.begins)

    def between(self, first: int, stop: int, stride: int = 1) -> Iterator[np.ndarray | None]:
        """See `Video.between`. A frame that is lost repeats the one before it, so that time stays what it was.

        Raises InputError if no frame can be decoded, or too many are damaged.
        """
        for note in self._scan.notes:
            self._say(note)
        slot = first
        held: Picture | None = None
        for place, picture in self._reached(first, stop):
            shown = picture if held is None else held  # before the first one that can be decoded, that one
            while slot < min(place, stop):
                yield None if (slot - first) % stride else self._fitted(shown, slot)
                slot += 1
            held = picture
        if held is None:
            raise InputError(f"{self.path}: no frame can be decoded; the file is damaged or not a video")
        while slot < stop:
            yield None if (slot - first) % stride else self._fitted(held, slot)
            slot += 1

    def _fitted(self, picture: Picture, slot: int) -> np.ndarray:
        image = picture.image
        if image.shape[:2] != (self.height, self.width):
            self._say(
                f"from frame {slot} on its pictures are {image.shape[1]}x{image.shape[0]}; they are shown whole within "
                f"{self.width}x{self.height}",
                "size",
            )
        return fit(image, self.width, self.height)

    def _reached(self, first: int, stop: int) -> Iterator[tuple[int, Picture]]:
        """`_placed` from the key frame on that place `first` needs; from the file's first where that is not met."""
        key = self._key_before(first)
        try:
            yield from self._placed(stop, key)
        except _KeyMissed:  # it is told before anything is given
            yield from self._placed(stop, None)

    def _key_before(self, place: int) -> tuple[int, int] | None:
        """Number of a key frame from which the picture at that place can be decoded, and its stamp of sending.

        None if that is the first one, or keys cannot be sought. Two frames more are taken, for the deinterlacer.
        """
        if self._scan.keys is None or self._scan.stamps is None:
            return None
        number = int(np.searchsorted(self._scan.places, place, "right")) - 3
        before = self._scan.keys[self._scan.keys[:, 0] <= self._scan.stamps[max(0, number)]]
        begin = int(np.searchsorted(self._scan.stamps, before[-1, 0])) if len(before) else 0
        return (begin, int(before[-1, 1])) if begin else None

    def _placed(self, stop: int, key: tuple[int, int] | None) -> Iterator[tuple[int, Picture]]:
        """(place on the grid, picture) of every frame that can be decoded, in order of display.

        It ends with the first one at or behind place `stop`. key: see `_key_before`. Raises _KeyMissed, before the
        first frame, if the container does not lead to that one.
        """
        deinterlacer: Deinterlacer[tuple[int, Fraction | None]] = Deinterlacer()
        finder, turns = _Places(self._scan, 0 if key is None else key[0]), Turns()
        with open_container(self.path) as (container, stream):
            frames = Frames(container, stream)
            aspect = _Aspect(self.path, stream)
            try:
                for frame in _from_key(frames, container, stream, self._scan, key):
                    place = finder.of(frame)
                    for out, (at, pixel) in deinterlacer.feed(frame, (place, aspect.now())):
                        yield at, Picture(out, pixel, turns.of(out), self.path)
                    if place >= stop:
                        break
                for out, (at, pixel) in deinterlacer.flush():
                    yield at, Picture(out, pixel, turns.of(out), self.path)
            except FFMPEG_ERRORS as error:
                raise InputError(f"{self.path}: cannot be read ({reason(error)})") from error
        if deinterlacer.seen:
            self._say("interlaced, its frames are deinterlaced")
        if self._scan.stamps is not None:  # else the scan has decoded all and said so
            for note in damage_notes(self.path, finder.lost(stop), frames.damaged, finder.count):
                self._say(note)

    def _say(self, note: str, key: str | None = None) -> None:
        """A warning in the log, once."""
        if (key or note) not in self._said:
            self._said.add(key or note)
            log.warning("%s: %s", self.path, note)


class _KeyMissed(Exception):
    """The container does not lead to the key frame that was sought."""


def _from_key(
    frames: Frames, container: Any, stream: Any, known: Scan, key: tuple[int, int] | None
) -> Iterator[av.VideoFrame]:
    """The frames from the key frame on (its number and stamp of sending); all of them if it is None."""
    if key is None:
        yield from frames
        return
    assert known.stamps is not None, "keys are known by their stamps"
    container.seek(key[1], stream=stream, backward=True)
    wanted, met = int(known.stamps[key[0]]), False
    for frame in frames:
        if not met and frame.pts is not None and frame.pts < wanted:
            continue  # of the part before, or made of frames that were not decoded
        if not met and frame.pts != wanted:
            raise _KeyMissed
        met = True
        yield frame
    if not met:
        raise _KeyMissed


class _Places:
    """Finds the place of each decoded frame: by its stamp, or by its number. begin: the number of the first."""

    def __init__(self, known: Scan, begin: int = 0) -> None:
        self._places, self._stamps = known.places, known.stamps
        self._begin = self._next = begin
        self.count = 0

    def of(self, frame: av.VideoFrame) -> int:
        """The place of this frame, which comes after those that were asked for before."""
        number = self._next
        if self._stamps is not None and frame.pts is not None:
            found = int(np.searchsorted(self._stamps, frame.pts))
            if self._next <= found < len(self._stamps) and self._stamps[found] == frame.pts:
                number = found
        self._next = number + 1
        self.count += 1
        return int(self._places[min(number, len(self._places) - 1)])

    def lost(self, stop: int) -> int:
        """How many frames before place `stop` have not come."""
        due = max(self._next, int(np.searchsorted(self._places, stop)))
        return max(0, due - self._begin - self.count)


class _Aspect:
    """The pixels' aspect ratio: the file's, until the stream changes its own in the middle."""

    def __init__(self, path: Path, stream: Any) -> None:
        self._path, self._context = path, stream.codec_context
        self._of_file: Fraction | None = stream.sample_aspect_ratio
        self._first: Fraction | None = None
        self._begun = False

    def now(self) -> Fraction | None:
        """Of the frame that was decoded last."""
        current: Fraction | None = self._context.sample_aspect_ratio
        if not self._begun:
            self._first, self._begun = current, True
        if current == self._first:
            return self._of_file
        check_aspect(self._path, current)
        return current
