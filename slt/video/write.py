"""Writing of H.264 in mp4, with the same bytes for the same frames."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from skeletor.files.atomic import atomic_path
from skeletor.support.errors import InputError
from slt.video.container import FFMPEG_ERRORS, reason

# One encoder thread (below), and no macroblock tree: with it, x264's output differed from process to process for the
# same frames, by up to 92 grey levels once decoded.
_SAME_BYTES = {"x264-params": "mbtree=0"}
_FINEST = 10000  # denominator of a rate


def write_video(
    path: Path | str, frames: Iterable[np.ndarray], fps: float, crf: int = 18, preset: str = "medium"
) -> int:
    """Write (H, W, 3) uint8 RGB frames as H.264 (yuv420p), atomically; gives the number of frames.

    crf: 0 (lossless) to 51 (worst). An odd width or height gets its last column or row doubled, since yuv420p
    needs even ones. The same frames give the same bytes, in any process (see `_SAME_BYTES`).
    Raises InputError if there is no frame, fps is not above 0 or the file cannot be written; ValueError if frames
    differ in shape or type.
    """
    if not (np.isfinite(fps) and 1 / _FINEST <= fps <= 1e6):
        raise InputError(f"{path}: fps is {fps}, it has to be above {1 / _FINEST} and below a million")
    with atomic_path(path) as temporary:
        # An absolute path, since FFmpeg takes what stands before a colon for the name of a protocol.
        with _library(path):
            container = av.open(os.path.abspath(temporary), "w")
        try:
            count = _encode(path, container, frames, fps, {"crf": str(crf), "preset": preset, **_SAME_BYTES})
        finally:
            with _library(path):
                container.close()
    return count


def _encode(path: Path | str, container: Any, frames: Iterable[np.ndarray], fps: float, options: dict[str, str]) -> int:
    count, shape, stream = 0, None, None
    for frame in frames:
        if stream is None:
            shape = frame.shape
        if frame.shape != shape or frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise ValueError(f"{path}: frame {count} is {frame.dtype} {frame.shape}, expected uint8 {shape}")
        with _library(path):
            if stream is None:
                stream = _new_stream(container, frame.shape, fps, options)
            even = np.pad(frame, ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0)), mode="edge")
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
            for packet in stream.encode(picture):
                container.mux(packet)
        count += 1
    if stream is None:
        raise InputError(f"{path}: there is no frame to write")
    with _library(path):
        for packet in stream.encode():
            container.mux(packet)
    return count


def _new_stream(container: Any, shape: tuple[int, ...], fps: float, options: dict[str, str]) -> Any:
    stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(_FINEST), options=options)
    stream.height, stream.width = (n + n % 2 for n in shape[:2])
    stream.pix_fmt = "yuv420p"
    stream.codec_context.thread_count = 1
    return stream


@contextmanager
def _library(path: Path | str) -> Iterator[None]:
    """What FFmpeg raises in the block becomes InputError."""
    try:
        yield
    except FFMPEG_ERRORS as error:
        raise InputError(f"{path}: cannot be written ({reason(error)})") from error
