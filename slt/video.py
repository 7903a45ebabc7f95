"""Videos in and out: upright RGB frames on a constant grid of time.

Reading is by PyAV (its bundled FFmpeg, whose own messages it keeps silent). A directory of PNG or JPEG
frames, as PHOENIX14T has them, reads like a video.

- Rotation and mirroring stored in the file (phones do that) are applied; so is a pixel aspect ratio.
- Frames are put on a constant grid by their timestamps: a gap repeats the frame before it, of two frames
  in one place the later one stays. So frame `t` of what comes out is the picture at `t / fps` seconds.
- A file that breaks off is an error, not a short video: less than 90 % of the frames that the header
  promises (or that the file holds as packets) can be read. Single damaged frames are bridged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np

from skeletor.atomic import atomic_path
from skeletor.errors import InputError

FRAME_SUFFIXES = (".png", ".jpg", ".jpeg")
DEFAULT_FPS = 25.0
_MAXIMUM_FPS = 240.0
_MINIMUM_SHARE = 0.9  # of the promised frames, below which a file counts as broken off
_STEADY = 0.05  # usual and mean rate differ by less: the rate is constant
_TEXT_FORMATS = ("tty", "bin", "xbin", "adf", "idf")  # FFmpeg "plays" any text file with these
_FFMPEG_ERRORS = (av.FFmpegError, ValueError, EOFError, UnicodeDecodeError)


@dataclass(frozen=True)
class _Scan:
    """What is known of a file before a frame of it is used."""

    fps: float
    packets: int
    start: float  # seconds of the first picture
    slots: int  # frames on the constant grid


class Video:
    """An open video; iterate over it for its frames, as often as needed.

    fps: frames per second of the constant grid. width, height: of the upright frames. frame_count: how many
    frames iteration will give (an estimate: damaged frames at the end may be missing). Frames are
    (height, width, 3) uint8 RGB. Iteration raises InputError if the file turns out to be broken off.
    `every(stride)` gives the same frames, but makes pictures of frames 0, stride, 2 stride, ... only: None stands for
    the others, which cost little.
    """

    def __init__(self, path: Path, fps: float, size: tuple[int, int], frame_count: int) -> None:
        self.path = path
        self.fps = fps
        self.width, self.height = size
        self.frame_count = frame_count

    def __iter__(self) -> Iterator[np.ndarray]:
        return (frame for frame in self.every(1) if frame is not None)

    def every(self, stride: int) -> Iterator[np.ndarray | None]:
        """Each frame in its place; None for those that are no multiple of the stride."""
        raise NotImplementedError

    def __enter__(self) -> Video:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open between iterations."""


def open_video(path: Path | str, fps: float | None = None) -> Video:
    """Open a video file, or a directory of PNG or JPEG frames (sorted by the numbers in their names).

    fps: frame rate of a directory, default 25; it may not be given for a file, which has its own.
    Raises InputError, one line, if there is nothing at `path`, or no readable video.
    """
    path = Path(path)
    if path.is_dir():
        return _FrameFolder(path, DEFAULT_FPS if fps is None else fps)
    if not path.exists():
        raise InputError(f"{path}: no such file; give a video file or a directory of frames")
    if fps is not None:
        raise InputError(f"{path}: a video file has its own frame rate; fps is for directories of frames")
    return _VideoFile(path)


class _VideoFile(Video):
    def __init__(self, path: Path) -> None:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: the file is empty")
        self._scan = _scan(path)
        first = next(self._decode(path), None)
        if first is None:
            raise InputError(f"{path}: no frame can be decoded; the file is damaged or not a video")
        height, width = first[1].image.shape[:2]
        super().__init__(path, self._scan.fps, (width, height), self._scan.slots)

    def every(self, stride: int) -> Iterator[np.ndarray | None]:
        """See `Video.every`; a frame that is lost repeats the one before it, so that time stays what it was."""
        slot, decoded = 0, 0
        held: _Picture | None = None
        for seconds, picture in self._decode(self.path):
            decoded += 1
            place = round((seconds - self._scan.start) * self.fps)
            if held is not None:
                for k in range(slot, min(place, self._scan.slots)):
                    yield None if k % stride else _fit(held.image, self.width, self.height)
            slot = max(slot, place)
            held = picture
        if decoded < _MINIMUM_SHARE * self._scan.packets:
            raise InputError(
                f"{self.path}: breaks off, {decoded} of {self._scan.packets} frames can be read; get the whole file"
            )
        if held is not None:
            yield None if slot % stride else _fit(held.image, self.width, self.height)

    @staticmethod
    def _decode(path: Path) -> Iterator[tuple[float, _Picture]]:
        """(seconds, picture) of every frame that can be decoded, in order of display."""
        with _container(path) as (container, stream):
            stream.codec_context.thread_count = 1  # parallel over clips, not within one
            step = 1 / float(stream.guessed_rate or DEFAULT_FPS)
            seconds = -step
            for packet in _packets(container, stream):
                try:
                    frames = packet.decode()
                except _FFMPEG_ERRORS:
                    continue  # a damaged frame; the one before stays in its place
                for frame in frames:
                    seconds = seconds + step if frame.time is None else frame.time
                    yield seconds, _Picture(frame, stream.sample_aspect_ratio)


class _Picture:
    """A decoded frame; it is turned into RGB, which costs more than decoding it, only if somebody looks at it."""

    def __init__(self, frame: av.VideoFrame, pixel_aspect: Fraction | None) -> None:
        self._frame, self._pixel_aspect = frame, pixel_aspect

    @cached_property
    def image(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB, upright."""
        return _upright(self._frame, self._pixel_aspect)


class _FrameFolder(Video):
    def __init__(self, path: Path, fps: float) -> None:
        if not (np.isfinite(fps) and fps > 0):
            raise InputError(f"{path}: fps is {fps}, it has to be above 0")
        self.files = frame_files(path)
        if not self.files:
            raise InputError(f"{path}: a directory without frames; expected {', '.join(FRAME_SUFFIXES)} files")
        height, width = _read_frame(self.files[0]).shape[:2]
        super().__init__(path, fps, (width, height), len(self.files))

    def every(self, stride: int) -> Iterator[np.ndarray | None]:
        """See `Video.every`. InputError if a frame has another size than the first one."""
        for number, file in enumerate(self.files):
            if number % stride:
                yield None
                continue
            frame = _read_frame(file)
            if frame.shape[:2] != (self.height, self.width):
                size = f"{frame.shape[1]}x{frame.shape[0]}"
                raise InputError(f"{file}: {size}, but the first frame is {self.width}x{self.height}")
            yield frame


def frame_files(path: Path | str) -> list[Path]:
    """The PNG and JPEG files of a directory, sorted by the numbers in their names (2 before 10)."""
    files = [f for f in Path(path).iterdir() if f.suffix.lower() in FRAME_SUFFIXES and not f.name.startswith(".")]
    return sorted(files, key=lambda f: [int(s) if s.isdigit() else s for s in re.split(r"(\d+)", f.name)])


# One encoder thread (below), and no macroblock tree: with it, x264's output differed from process to process for the
# same frames, by up to 92 grey levels once decoded.
_SAME_BYTES = {"x264-params": "mbtree=0"}


def write_video(
    path: Path | str, frames: Iterable[np.ndarray], fps: float, crf: int = 18, preset: str = "medium"
) -> int:
    """Write (H, W, 3) uint8 RGB frames as H.264 (yuv420p), atomically; gives the number of frames.

    crf: 0 (lossless) to 51 (worst). An odd width or height gets its last column or row doubled, since yuv420p
    needs even ones. The same frames give the same bytes, in any process (see `_SAME_BYTES`).
    Raises InputError if there is no frame or fps is not above 0; ValueError if frames differ in shape or type.
    """
    if not (np.isfinite(fps) and fps > 0):
        raise InputError(f"{path}: fps is {fps}, it has to be above 0")
    count, shape = 0, None
    with atomic_path(path) as temporary, av.open(str(temporary), "w") as container:
        stream: Any = None
        for frame in frames:
            if stream is None:
                shape = frame.shape
                rate = Fraction(fps).limit_denominator(10000)
                stream = container.add_stream(
                    "libx264", rate=rate, options={"crf": str(crf), "preset": preset, **_SAME_BYTES}
                )
                stream.height, stream.width = (n + n % 2 for n in shape[:2])
                stream.pix_fmt = "yuv420p"
                stream.codec_context.thread_count = 1
            if frame.shape != shape or frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
                raise ValueError(f"{path}: frame {count} is {frame.dtype} {frame.shape}, expected uint8 {shape}")
            even = np.pad(frame, ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0)), mode="edge")
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
            for packet in stream.encode(picture):
                container.mux(packet)
            count += 1
        if stream is None:
            raise InputError(f"{path}: there is no frame to write")
        for packet in stream.encode():
            container.mux(packet)
    return count


@contextmanager
def _container(path: Path) -> Iterator[tuple[Any, Any]]:
    """The open file and its first video stream; FFmpeg's errors become InputError."""
    try:
        container = av.open(str(path))
    except (*_FFMPEG_ERRORS, OSError) as error:
        raise InputError(f"{path}: not a video, or one that breaks off ({_reason(error)})") from error
    with container:
        if not container.streams.video or container.format.name in _TEXT_FORMATS:
            raise InputError(f"{path}: not a video (it has no picture stream)")
        yield container, container.streams.video[0]


def _packets(container: Any, *streams: Any) -> Iterator[Any]:
    """Packets of these streams (default all) up to where the file can be read, then empty ones that flush decoders."""
    source = container.demux(*streams)
    while True:
        try:
            packet = next(source, None)
        except (*_FFMPEG_ERRORS, OSError):
            return
        if packet is None:
            return
        yield packet


def _scan(path: Path) -> _Scan:
    """Timestamps of all packets, without decoding them; InputError if the file breaks off."""
    stamps: list[float | None] = []
    end = 0.0  # of the last packet of any stream
    with _container(path) as (container, video):
        for packet in _packets(container):
            ticks = packet.dts if packet.pts is None else packet.pts
            seconds = None if ticks is None else float(ticks * packet.time_base)
            end = max(end, seconds or 0.0)
            if packet.stream_index == video.index and packet.size and not packet.is_discard:
                stamps.append(seconds)
        promised = int(video.frames)
        # Matroska counts no frames, but has its length in front
        length = (container.duration or 0) / 1e6 if "matroska" in container.format.name else 0.0
        rates = [float(rate) for rate in (video.guessed_rate, video.average_rate) if rate]
    if not stamps:
        raise InputError(f"{path}: no frame can be read; the file is damaged or breaks off")
    if len(stamps) < _MINIMUM_SHARE * promised:
        raise InputError(f"{path}: breaks off, {len(stamps)} of {promised} frames are there; get the whole file")
    if end < _MINIMUM_SHARE * length - 1 / min(rates, default=DEFAULT_FPS):
        raise InputError(f"{path}: breaks off, {end:.1f} of {length:.1f} seconds are there; get the whole file")
    times = np.sort(np.array([t for t in stamps if t is not None]))
    if len(times) < len(stamps):  # a raw stream without a clock
        fps = next((rate for rate in rates if rate <= _MAXIMUM_FPS), DEFAULT_FPS)
        return _Scan(fps, len(stamps), 0.0, len(stamps))
    fps = frame_rate(times, rates)
    slots = round((times[-1] - times[0]) * fps) + 1
    if slots > 100 * len(times) + 1000:
        raise InputError(f"{path}: its timestamps are broken ({len(times)} frames over {times[-1] - times[0]:.0f} s)")
    return _Scan(fps, len(stamps), float(times[0]), slots)


def frame_rate(times: np.ndarray, header: Sequence[float] = ()) -> float:
    """Frames per second of the grid for frames at these sorted times (seconds).

    Constant rate (the usual distance of two frames is near the mean one): the header's rate that fits the times
    best, if the grid then strays from them by less than half a frame over the whole clip, else the mean rate.
    Variable rate: one frame per usual distance.
    """
    distances = np.diff(times)
    distances = distances[distances > 0]
    sound = [rate for rate in header if 0 < rate <= _MAXIMUM_FPS]
    if len(distances) == 0:
        return next(iter(sound), DEFAULT_FPS)
    usual = float(1 / np.median(distances))
    mean = float(len(distances) / distances.sum())
    if abs(usual / mean - 1) > _STEADY and usual <= _MAXIMUM_FPS:
        return usual
    nearest = min(sound, key=lambda rate: abs(rate / mean - 1), default=0.0)
    if abs(nearest / mean - 1) * len(distances) < 0.5:
        return nearest
    return min(mean, _MAXIMUM_FPS)


def _upright(frame: av.VideoFrame, pixel_aspect: Fraction | None) -> np.ndarray:
    """(H, W, 3) uint8 RGB with square pixels, turned as the file says."""
    width = frame.width
    if pixel_aspect and pixel_aspect > 0 and abs(pixel_aspect - 1) > 0.01:
        width = max(2, round(width * float(pixel_aspect)))
    image = frame.to_ndarray(format="rgb24", width=width)
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    return image if matrix is None else turn(image, np.frombuffer(bytes(matrix), np.int32))


def turn(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Apply an FFmpeg display matrix (9 integers, 16.16) to an image: quarter turns and mirrorings.

    The matrix sends stored pixel (x, y) to (a x + c y, b x + d y), with a, b = matrix[0:2], c, d = matrix[3:5].
    """
    a, b, c, d = (int(matrix[k]) for k in (0, 1, 3, 4))
    if abs(b) > abs(a):  # x and y change places
        image, a, d = image.transpose(1, 0, 2), c, b
    image = image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
    return np.ascontiguousarray(image)


def _fit(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """The image at the size of the first one (a stream may change its size midway)."""
    if image.shape[:2] == (height, width):
        return image
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def _read_frame(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB of a picture file; InputError if it cannot be read."""
    data = np.fromfile(path, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if image is None:
        raise InputError(f"{path}: not a picture, or a damaged one")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _reason(error: BaseException) -> str:
    """The first line of an error, without the file name that PyAV repeats."""
    return str(getattr(error, "strerror", None) or error).splitlines()[0]
