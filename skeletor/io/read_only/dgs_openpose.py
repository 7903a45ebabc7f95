"""OpenPose of a whole transcript in one file, as the public DGS Korpus has it; read only.

`<id>_openpose.json.gz`, or unpacked, a list of cameras (DGS-Korpus OpenPose wrapper, v1.0):

    [{"id": "1413485", "camera": "a1", "width": 1280, "height": 720, "frames": {"0": {"people": [...]}, ...}}, ...]

a1 and b1 show persons A and B, c both. Frames are counted from 0; one in which nobody was found is not there. All
cameras have the time of the conversation. A file may hold hundreds of megabytes of text, so it is read frame by frame.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from skeletor.files.outside import UNFOLDED_BYTES, UNFOLDED_TIMES, existing_file, reading
from skeletor.io.openpose_frames import LARGEST_FRAME, Frames, everybody
from skeletor.io.people import People, Take, check_crowd, select
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord, file_sha256
from skeletor.support.errors import InputError

WHAT = "OpenPose file of a transcript (DGS Korpus)"
FPS = 50.0  # of the corpus' videos; the files do not tell
SUFFIXES = tuple(f"{mark}openpose.json{packed}" for mark in "_." for packed in (".gz", ""))
_GZIP = b"\x1f\x8b"
_PIECE = 1 << 20  # characters that are read at once
_FRAMES_PER_ENTRY, _FRAMES_MORE = 20, 30_000  # a camera may have so many frames an entry, and ten minutes more
_MOST_CAMERAS = 16
_MOST_PIXELS = 1 << 16


@dataclass(frozen=True)
class _Camera:
    """name, size: as the file says them. frames: None of a camera that is not wanted. last: its last frame's number."""

    name: str
    size: tuple[int, int]
    frames: Frames | None
    last: int


def read_cameras(
    path: Path | str, wanted: Collection[str] | None = None, fps: float = FPS, take: Take = select
) -> dict[str, PoseSequence]:
    """Camera -> its signer, (T, 67, 2) in pixels on BODY25_HANDS; T is the same for all cameras of the file.

    wanted: names of cameras; None: all. Those that the file lacks are not in the answer. take: who of several people.
    Memory is that of the wanted cameras' body and hands, about 1 MB for 1,000 frames of one person, whatever the
    file's size. Raises InputError, one line, for anything that is not such a file.
    """
    path = existing_file(Path(path), WHAT)
    found: dict[str, PoseSequence] = {}
    lasts: dict[str, int] = {}
    with reading(path, WHAT):
        about = Provenance(path.name, file_sha256(path), "openpose")
        for camera in _cameras(path, wanted):
            if camera.name in lasts:
                raise InputError(f"camera {camera.name!r:.40} stands there twice")
            lasts[camera.name] = camera.last
            if camera.frames is not None:
                found[camera.name] = take(_people(camera, camera.frames, fps, about, path))
        count = max(lasts.values(), default=-1) + 1
        if not count:
            raise InputError("has no frames in any camera")
        return {name: _lengthened(pose, count) for name, pose in found.items()}


def _people(camera: _Camera, frames: Frames, fps: float, about: Provenance, path: Path) -> People:
    """Everybody whom a camera shows; of one without frames there is a missing one."""
    record = StageRecord("camera", config={"camera": camera.name})
    about = dataclasses.replace(about.then(record), image_size=camera.size)
    return everybody(frames, max(camera.last, 0) + 1, fps, about, None, path)


def _lengthened(pose: PoseSequence, count: int) -> PoseSequence:
    """The pose with missing frames behind, so that it has `count`: the camera found nobody at the end."""
    more = count - len(pose)
    if not more:
        return pose
    keypoints = np.pad(pose.keypoints, ((0, more), (0, 0), (0, 0)), constant_values=np.nan)
    return pose.replace(keypoints, np.pad(pose.confidence, ((0, more), (0, 0))))


def _cameras(path: Path, wanted: Collection[str] | None) -> Iterator[_Camera]:
    """The cameras of a file, one after the other. InputError, ValueError or KeyError for what is none."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    most = max(UNFOLDED_BYTES, UNFOLDED_TIMES * path.stat().st_size)
    with gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8") as file:
        text = _Text(file, most)
        for number, _ in enumerate(text.entries("[", "]")):
            if number == _MOST_CAMERAS:
                raise InputError(f"has more than {_MOST_CAMERAS} cameras")
            yield _camera(text, wanted)
        text.end()


def _camera(text: _Text, wanted: Collection[str] | None) -> _Camera:
    """The camera whose object begins here."""
    said: dict[str, Any] = {}
    frames: Frames | None = None
    last = -1
    for key in text.entries("{", "}"):
        if key in said:
            raise InputError(f"a camera says its {key!r:.40} twice")
        if key == "frames":
            name = said.get("camera")
            frames = Frames() if wanted is None or name is None or name in wanted else None
            last = _read_frames(text, frames, name)
            said[key] = None
        else:
            said[key] = text.value()
    name, width, height = said.get("camera"), said.get("width"), said.get("height")
    if not isinstance(name, str) or not name or "frames" not in said:
        raise InputError("has an entry without camera and frames; is it the DGS Korpus' form?")
    if not (type(width) is type(height) is int and 0 < width <= _MOST_PIXELS and 0 < height <= _MOST_PIXELS):
        raise InputError(f"camera {name!r:.40} has a picture of {width!r:.20} x {height!r:.20}, expected pixels")
    return _Camera(name, (width, height), frames if wanted is None or name in wanted else None, last)


def _read_frames(text: _Text, frames: Frames | None, camera: object) -> int:
    """Put the object of frames that begins here into `frames`, if given; the number of the last frame, -1 if none."""
    seen: set[int] = set()
    most = 0
    for key in text.entries("{", "}"):
        if not (key.isascii() and key.isdigit() and len(key) < 10):
            raise InputError(f"camera {camera!r:.40} has a frame called {key!r:.40}, expected its number from 0")
        number = int(key)
        if number in seen:
            raise InputError(f"camera {camera!r:.40} has frame {number} twice")
        seen.add(number)
        raw = text.value()
        if frames is None:
            continue
        try:
            frames.add(number, raw)
            most = max(most, len(raw["people"]))
            check_crowd(len(seen), most)
        except (InputError, KeyError, TypeError, AttributeError) as error:
            told = error if isinstance(error, InputError) else f"is no frame of OpenPose ({error!r:.60})"
            raise InputError(f"camera {camera!r:.40}: frame {number} {told}") from error
    last = max(seen, default=-1)
    if last >= _FRAMES_PER_ENTRY * len(seen) + _FRAMES_MORE:
        raise InputError(f"camera {camera!r:.40} has {len(seen)} frames numbered up to {last}; that is no video")
    return last


class _Text:
    """JSON of which only the value that is asked for is in memory. ValueError where it is none."""

    def __init__(self, file: IO[str], most: int) -> None:
        self._file, self._most = file, most
        self._decoder = json.JSONDecoder()
        self._buffer, self._at, self._read, self._ended = "", 0, 0, False

    def entries(self, first: str, last: str) -> Iterator[str]:
        """Go through a list ("[", "]") or an object ("{", "}"): whoever asks takes each value before the next.

        Gives the key of each entry, "" in a list.
        """
        self._expect(first)
        if self._peek() == last:
            self._at += 1
            return
        while True:
            key = ""
            if first == "{":
                key = self.value()
                if not isinstance(key, str):
                    raise ValueError(f"{key!r:.40} where a name should be")
                self._expect(":")
            yield key
            if self._peek() == last:
                self._at += 1
                return
            self._expect(",")

    def value(self) -> Any:
        """The whole value that begins here."""
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
                if end < len(self._buffer) or self._ended:  # else a number may go on
                    self._at = end
                    return value
            except json.JSONDecodeError:
                if self._ended:
                    raise
            if len(self._buffer) - self._at > LARGEST_FRAME:
                raise ValueError(
                    f"what stands behind character {self._read - len(self._buffer) + self._at:,} is no JSON"
                )
            self._more()

    def end(self) -> None:
        """ValueError if something stands behind."""
        if self._peek():
            raise ValueError("something stands behind its end")

    def _peek(self) -> str:
        """The next character that is no space, "" at the end."""
        while True:
            while self._at < len(self._buffer) and self._buffer[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._buffer) or self._ended:
                return self._buffer[self._at : self._at + 1]
            self._more()

    def _expect(self, char: str) -> None:
        found = self._peek()
        if found != char:
            raise ValueError(f"{found!r} where {char!r} should be" if found else "it ends too early")
        self._at += 1

    def _more(self) -> None:
        piece = self._file.read(_PIECE)
        self._ended = not piece
        self._read += len(piece)
        if self._read > self._most:
            raise InputError(
                f"unfolds to more than {UNFOLDED_TIMES} times its size; if it is sound, unpack it (gunzip)"
            )
        self._buffer, self._at = self._buffer[self._at :] + piece, 0
