"""Pictures of a video: decoded frames turned upright, to RGB with square pixels, and the limits of their size."""

from __future__ import annotations

import zlib
from fractions import Fraction
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from skeletor.support.errors import InputError

# MediaPipe aborts the process on pictures wider than about 33,600; no camera or codec in use goes beyond 16,384.
MAXIMUM_SIDE = 16384
MAXIMUM_PIXELS = 2**26  # twice 8K; 200 MB as RGB
_PQ, _WHITE = 16, 203.0  # FFmpeg's number of that curve; cd/m2 of diffuse white
_PNG = b"\x89PNG\r\n\x1a\n"
# Pixels of real recordings are between 0.45 (portrait anamorphic) and 2.2 (half-width DV) times as wide as high.
_WIDEST_PIXEL = 4


def check_size(path: Path, width: int, height: int) -> None:
    """Raises InputError if a picture of width x height pixels is too large to be decoded."""
    if max(width, height) > MAXIMUM_SIDE or width * height > MAXIMUM_PIXELS:
        raise InputError(
            f"{path}: pictures of {width}x{height} are too large (at most {MAXIMUM_SIDE} a side and "
            f"{MAXIMUM_PIXELS // 10**6} megapixels); scale them down"
        )


def check_aspect(path: Path, aspect: Fraction | None) -> None:
    """Raises InputError if pixels are said to be more than 4 times as wide as high, or as high as wide.

    Such a value is an error of the file. Whether its pixels are square cannot be known, and the limbs' lengths depend
    on it, so it is not ignored.
    """
    if aspect and not 1 / _WIDEST_PIXEL <= aspect <= _WIDEST_PIXEL:
        raise InputError(
            f"{path}: its pixels are said to be {float(aspect):.3g} times as wide as high, which no camera makes; "
            "write the file again with the right aspect ratio"
        )


def png_fault(data: bytes) -> str | None:
    """Why these bytes of a PNG file are not all of it (chunks, their checksums); None if they are, or of another kind.

    To be asked before OpenCV decodes it: its PNG reader writes to stderr itself, and gives no reason.
    """
    if not data.startswith(_PNG):
        return None
    view, place = memoryview(data), len(_PNG)
    while place + 12 <= len(data):
        end = place + 12 + int.from_bytes(view[place : place + 4], "big")
        if end > len(data):
            break
        if zlib.crc32(view[place + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            return "damaged (a check sum is wrong)"
        if data[place + 4 : place + 8] == b"IEND":
            return None
        place = end
    return "breaks off"


class Turns:
    """The display matrices of a stream's frames.

    A frame's own is read only where its angle is new: PyAV's side data refer to their frame and the frame to them, so
    that each frame (12 MB in 4K) would stay until Python looks for such circles.
    """

    def __init__(self) -> None:
        self._known: dict[int, np.ndarray | None] = {}

    def of(self, frame: av.VideoFrame) -> np.ndarray | None:
        """(9,) int32, None for a frame that is upright as it is."""
        angle = frame.rotation
        if angle not in self._known:
            matrix: Any = frame.side_data.get("DISPLAYMATRIX")
            self._known[angle] = None if matrix is None else np.frombuffer(bytes(matrix), np.int32)
        return self._known[angle]


def displayed_size(frame: av.VideoFrame, aspect: Fraction | None) -> tuple[int, int]:
    """(width, height) in pixels of the upright picture with square pixels, without making it."""
    width, height = _square_width(frame, aspect), frame.height
    matrix = Turns().of(frame)
    if matrix is not None and _crossed(matrix):
        return height, width
    return width, height


@cache
def _sdr_of_pq() -> np.ndarray:
    """(256,) uint8: the sRGB value of each of PQ (SMPTE ST 2084), with white at 203 cd/m2 (ITU-R BT.2408).

    Without it HDR of this kind is pale, and hands are lost. HLG looks nearly right as it is.
    """
    code = (np.arange(256) / 255) ** (32 / 2523)
    light = (np.maximum(code - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * code)) ** (16384 / 2610)  # of 10,000 cd/m2
    linear = np.minimum(light * 10000 / _WHITE, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    table: np.ndarray = np.rint(255 * srgb).astype(np.uint8)
    return table


class Picture:
    """A decoded frame; it is turned into RGB, which costs more than decoding it, only if somebody looks at it."""

    def __init__(self, frame: av.VideoFrame, aspect: Fraction | None, matrix: np.ndarray | None, path: Path) -> None:
        self._frame, self._aspect, self._matrix, self._path = frame, aspect, matrix, path

    @cached_property
    def image(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB, upright."""
        width = _square_width(self._frame, self._aspect)
        check_size(self._path, width, self._frame.height)
        try:
            image = self._frame.to_ndarray(format="rgb24", width=width)
        except (av.FFmpegError, ValueError, MemoryError, OSError) as error:
            raise InputError(f"{self._path}: a picture cannot be turned into RGB ({_first_line(error)})") from error
        if self._frame.color_trc == _PQ:
            toned: Any = cv2.LUT(image, _sdr_of_pq())
            image = toned
        return image if self._matrix is None else turn(image, self._matrix)


def _square_width(frame: av.VideoFrame, aspect: Fraction | None) -> int:
    """The width in square pixels."""
    if aspect and aspect > 0 and abs(aspect - 1) > 0.01:
        return max(2, round(frame.width * float(aspect)))
    return frame.width


def _crossed(matrix: np.ndarray) -> bool:
    """Whether x and y change places."""
    return abs(int(matrix[1])) > abs(int(matrix[0]))


def turn(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Apply an FFmpeg display matrix (9 integers, 16.16) to an image: quarter turns and mirrorings.

    The matrix sends stored pixel (x, y) to (a x + c y, b x + d y), with a, b = matrix[0:2], c, d = matrix[3:5].
    """
    a, b, c, d = (int(matrix[k]) for k in (0, 1, 3, 4))
    if _crossed(matrix):
        image, a, d = image.transpose(1, 0, 2), c, b
    image = image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
    return np.ascontiguousarray(image)


def fit(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """The whole image (H, W, 3), scaled in proportion, in the middle of a (height, width, 3) uint8 one.

    The rest is black.
    """
    h, w = image.shape[:2]
    if (h, w) == (height, width):
        return image
    scale = min(width / w, height / h)
    inner = (min(width, max(1, round(w * scale))), min(height, max(1, round(h * scale))))
    small = cv2.resize(image, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    out = np.zeros((height, width, 3), np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    out[top : top + inner[1], left : left + inner[0]] = small
    return out


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
