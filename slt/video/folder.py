"""Folders of numbered pictures, as PHOENIX14T and most data sets of sign language have them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from math import gcd
from pathlib import Path

import cv2
import numpy as np
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from skeletor.files.kinds.mistaken import never_data
from skeletor.files.suffixes import PICTURE_SUFFIXES, VIDEO_SUFFIXES, poses_beside
from skeletor.support.errors import InputError, printable
from skeletor.support.progress import log
from slt.video.base import DEFAULT_FPS, Video
from slt.video.picture import check_size, png_fault

_USUAL = (".png", ".jpg", ".jpeg")
_MOST_GAPS = (10, 1000)  # a folder may lack at most 10 times as many pictures as it has, and 1000
_DEPTHS = (8, 10, 12, 14)  # bits of cameras, whose values some programs put into 16 bits as they are


class FrameFolder(Video):
    """A folder of pictures; a gap in their numbering is a missing picture, None in `every`.

    fps: frames per second; None: the usual rate, which is told.
    """

    def __init__(self, path: Path, fps: float | None) -> None:
        self.rate_assumed = fps is None
        fps = DEFAULT_FPS if fps is None else fps
        if not (np.isfinite(fps) and fps > 0):
            raise InputError(f"{path}: fps is {fps}, it has to be above 0")
        self.files = frame_files(path)
        if not self.files:
            raise InputError(f"{path}: {_nothing(path)}")
        self._places, self._notes = number_places(path, self.files)
        if self.rate_assumed:
            self._notes.append(
                f"pictures tell no frame rate; {fps:g} frames a second are assumed (--fps says otherwise)"
            )
        if beside := poses_beside(path):
            self._notes.append(f"pictures and poses; the pictures are read, {printable(beside[0])} and others are not")
        self._dark_told = False
        self._brightest = 0  # of the 16-bit pictures that were read, of 65535
        height, width = _decoded(self.files[0]).shape[:2]
        super().__init__(path, fps, (width, height), self._places[-1] + 1)

    def between(self, first: int, stop: int, stride: int = 1) -> Iterator[np.ndarray | None]:
        """See `Video.between`. Raises InputError if a frame has another size than the folder's first one."""
        for note in self._notes:
            log.warning("%s: %s", self.path, note)
        self._notes = []
        slot = first
        for place, file in zip(self._places, self.files, strict=True):
            if not first <= place < stop:
                continue
            yield from (None for _ in range(slot, place))
            slot = place + 1
            if (place - first) % stride:
                yield None
                continue
            frame = self._picture(file)
            if frame.shape[:2] != (self.height, self.width):
                size = f"{frame.shape[1]}x{frame.shape[0]}"
                raise InputError(f"{file}: {size}, but the first frame is {self.width}x{self.height}")
            yield frame
        if (dark := _dark(self._brightest)) is not None and not self._dark_told:
            self._dark_told = True
            log.warning("%s: %s", self.path, dark)
        yield from (None for _ in range(slot, stop))

    def _picture(self, file: Path) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        image = _decoded(file)  # (H, W, 3) BGR
        if image.dtype == np.uint16:
            self._brightest = max(self._brightest, int(image.max()))
            image = (image >> 8).astype(np.uint8)  # (H, W, 3)
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _dark(brightest: int) -> str | None:
    """What to say of 16-bit pictures whose values all are within the range of fewer bits; None if they are not.

    They are not made brighter by a guess: a dark scene in 16 bits looks the same. A PNG's sBIT chunk does not settle
    it, since its values are to be scaled to all 16 bits whatever it says (PNG specification, 11.3.2.4).
    """
    bits = next((bits for bits in _DEPTHS if 0 < brightest < 2**bits), None)
    if bits is None:
        return None
    return (
        f"its 16-bit pictures reach {brightest} of 65535 only, so they are read as dark; if their values are of "
        f"{bits} bits, multiply them by {2 ** (16 - bits)}"
    )


def _nothing(path: Path) -> str:
    """What to say of a folder without pictures."""
    if any(f.suffix.lower() in VIDEO_SUFFIXES and f.name[0] != "." for f in path.iterdir()):
        return f"a folder of videos; give these, as {path}/*"
    if any(f.is_dir() and frame_files(f) for f in path.iterdir() if f.name[0] != "."):
        return f"a folder of folders of pictures; give these, as {path}/*"
    return f"a directory without frames; expected {', '.join(PICTURE_SUFFIXES)} files"


def frame_files(path: Path | str) -> list[Path]:
    """The pictures of a directory (PNG, JPEG, BMP, WebP), sorted by the numbers in their names (2 before 10).

    BMP and WebP beside PNG or JPEG are previews, and left out. So are hidden files, among them the `._` companions that
    macOS writes. InputError if it cannot be listed.
    """
    try:
        files = [
            f for f in Path(path).iterdir()
            if f.suffix.lower() in PICTURE_SUFFIXES and not f.name.startswith(".") and (f.is_file() or not f.exists())
        ]  # fmt: skip
    except OSError as error:
        raise InputError(f"{path}: cannot be listed ({error.strerror or error})") from error
    files = [f for f in files if f.suffix.lower() in _USUAL] or files
    return sorted(files, key=lambda f: ([int(s) if s.isdigit() else s for s in _parts(f.name)], f.name))


def number_places(path: Path, files: Sequence[Path]) -> tuple[list[int], list[str]]:
    """The place in time of each of these sorted pictures, from 0, by the numbers in their names; and notes.

    Of the numbers in the names, the one that differs in every name counts. If all are multiples of a step apart, the
    folder holds every N-th frame of its source, and those are its frames. Raises InputError if the names are of more
    than one series, or if the numbers leap.
    """
    names = [_parts(f.stem) for f in files]
    kinds = Counter(tuple(s for s in name if not s.isdigit()) for name in names)
    if len(files) == 1:
        return [0], []
    if not any(s.isdigit() for name in names for s in name):
        return list(range(len(files))), ["its pictures have no numbers; they are taken by name"]
    if len(kinds) > 1:
        odd = next(f for f, name in zip(files, names, strict=True) if _kind(name) == kinds.most_common()[-1][0])
        other = next(f for f, name in zip(files, names, strict=True) if _kind(name) == kinds.most_common()[0][0])
        raise InputError(
            f"{path}: more than one series of pictures ({other.name} and {odd.name}); put each into a folder of its own"
        )
    numbers = _numbering(path, files, names)
    steps = np.diff(numbers)
    step = gcd(*steps.tolist())
    places = ((numbers - numbers[0]) // step).tolist()
    missing = places[-1] + 1 - len(files)
    if missing > _MOST_GAPS[0] * len(files) + _MOST_GAPS[1]:
        k = int(steps.argmax())
        raise InputError(
            f"{path}: the numbers leap from {files[k].name} to {files[k + 1].name}; take out what is no frame"
        )
    notes = []
    if step > 1:
        notes.append(f"its pictures' numbers are {step} apart; they are taken as all frames, at the frame rate given")
    if missing:
        first = files[int(np.flatnonzero(steps > step)[0])].name
        notes.append(f"{missing} of {places[-1] + 1} frames are missing in its numbering, first after {first}")
    return places, notes


def _numbering(path: Path, files: Sequence[Path], names: Sequence[Sequence[str]]) -> np.ndarray:
    """(N,) increasing numbers of the sorted pictures."""
    columns = [k for k, part in enumerate(names[0]) if part.isdigit()]
    values = {k: [int(name[k]) for name in names] for k in columns}
    if any(max(column) >= 2**62 for column in values.values()):
        raise InputError(f"{path}: {files[0].name} and others have numbers too large to count frames with")
    found = [np.array(column, np.int64) for column in values.values() if len(set(column)) == len(column)]
    found = [column for column in found if (np.diff(column) > 0).all()]
    if not found:
        raise InputError(
            f"{path}: no number in the pictures' names counts them ({files[0].name}, {files[1].name}); "
            "put each series into a folder of its own"
        )
    return min(found, key=lambda column: int(column[-1] - column[0]))


def _parts(name: str) -> list[str]:
    """Text and numbers in turn; only ASCII digits make numbers."""
    return re.split(r"([0-9]+)", name)


def _kind(name: Sequence[str]) -> tuple[str, ...]:
    return tuple(s for s in name if not s.isdigit())


def _decoded(path: Path) -> np.ndarray:
    """(H, W, 3) BGR of a picture file, uint8 or uint16 as it is; InputError if it cannot be read or is too large."""
    try:
        data = np.fromfile(path, np.uint8)
        if (mistaken := never_data(data[:512].tobytes())) is not None:
            raise InputError(f"{path}: {mistaken}")
        check_size(path, *_told_size(path))
        image = None if png_fault(data.tobytes()) else cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except (cv2.error, OSError, ValueError, SyntaxError, MemoryError, OverflowError) as error:
        raise InputError(f"{path}: not a picture, or a damaged one") from error
    if image is None:
        raise InputError(f"{path}: not a picture, or a damaged one")
    return image


def _told_size(path: Path) -> tuple[int, int]:
    """(width, height) by the header; no pixel is read. SyntaxError if it is none of these formats."""
    for kind in (PngImageFile, JpegImageFile, WebPImageFile, BmpImageFile):  # whatever the file's suffix says
        try:
            with kind(path) as header:
                return header.size
        except SyntaxError:
            continue
    raise SyntaxError("no known picture")
