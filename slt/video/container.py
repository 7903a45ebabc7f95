"""A video file opened through FFmpeg: that one file is read and nothing else, and FFmpeg's errors become InputError.

The file is opened here and handed over as bytes, so its name may be anything that the system takes; FFmpeg may open
neither a file nor an address, whatever the content says (play lists, references to other files).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import av

from skeletor.files.kinds.mistaken import never_data, packed, table_of_points
from skeletor.files.suffixes import POSE_SUFFIXES
from skeletor.support.errors import InputError
from slt.video.base import check_regular
from slt.video.headers.edits import read_edits
from slt.video.headers.mp4 import cut_fragment
from slt.video.picture import MAXIMUM_PIXELS, check_aspect, check_size

# The last two: PyAV, of streams that appear midway; and of a library error that it does not know.
FFMPEG_ERRORS = (
    av.FFmpegError, OSError, ValueError, EOFError, MemoryError, OverflowError, IndexError, RuntimeError,
)  # fmt: skip
_TEXT_FORMATS = ("tty", "bin", "xbin", "adf", "idf")  # FFmpeg "plays" any text file with these
_LIST_FORMATS = ("hls", "concat", "dash", "sdp", "rtsp", "rtp", "imf")
_PICTURE_FORMATS = ("image2", "tiff_pipe", "webp_pipe", "psd_pipe", "svg_pipe")  # of one picture, for FFmpeg
_PICTURE_BRANDS = ("avif", "avis", "heic", "heix", "heim", "heis", "mif1", "msf1")  # of MP4 files: photos
A_PICTURE = "a picture, not a video; give the folder of the video's frames"
_LISTS = (b"#EXTM3U", b"ffconcat ", b"<MPD", b"[playlist]", b"[Reference]", b"v=0\r\n", b"v=0\n")
_NO_PICTURES = "attached_pic", "timed_thumbnails", "still_image"
_DEFAULT_STREAM = 5_000_000  # pixels that the mark "default" is worth when FFmpeg chooses a stream
_BUFFER = 1 << 16


def check_file(path: Path) -> None:
    """Raises InputError unless `path` is a regular file with content that is no play list."""
    check_regular(path)
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: the file is empty")
        with path.open("rb") as file:
            begin = file.read(1024)
            head = begin.lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)})") from error
    if path.suffix.lower() in POSE_SUFFIXES:
        raise InputError(f"{path}: poses, not a video; `slt poses` and `slt run` read them with --estimator poses")
    if (mistaken := never_data(begin) or packed(begin) or table_of_points(path)) is not None:
        raise InputError(f"{path}: {mistaken}")
    if head.startswith(_LISTS) or (head.startswith(b"<?xml") and b"<MPD" in head):
        raise InputError(f"{path}: a play list, not a video; give the video file itself")


class _Bytes:
    """The file as PyAV reads it. Nothing is raised, since PyAV prints what it cannot pass on: `error` has it.

    name: a hint at the format only. end: place behind which nothing is read; None for the file's end.
    """

    def __init__(self, path: Path, end: int | None = None) -> None:
        self._file = path.open("rb", buffering=0)
        self._end = end
        self.name = path.name
        self.error: OSError | None = None
        self.tell, self.close = self._file.tell, self._file.close

    def read(self, size: int) -> bytes:
        """The next bytes; none at the end, or where the disk fails."""
        try:
            return self._file.read(size if self._end is None else max(0, min(size, self._end - self._file.tell())))
        except OSError as error:
            self.error = error
            return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        """The new place; below 0 if there is none (a damaged file sends FFmpeg anywhere)."""
        try:
            if whence == 2 and self._end is not None:
                offset, whence = self._end + offset, 0
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise PermissionError("a video that refers to other files is not read")


@contextmanager
def open_container(path: Path) -> Iterator[tuple[Any, Any]]:
    """The open file and its main video stream. FFmpeg's errors become InputError.

    An MP4 in fragments that ends within the head of one is read up to it: FFmpeg would not open it at all. One whose
    edit list shows nothing, or cannot be followed, is read without it.
    """
    try:
        file = _Bytes(path, cut_fragment(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)})") from error
    try:
        useless = any(edits.show_nothing or edits.misread for edits in read_edits(path).values())
        with open_bytes(file, path, {"ignore_editlist": "1"} if useless else {}) as opened:
            yield opened
        if file.error is not None:
            raise InputError(f"{path}: cannot be read ({reason(file.error)})")
    finally:
        file.close()


@contextmanager
def open_bytes(file: Any, path: Path, options: Mapping[str, str]) -> Iterator[tuple[Any, Any]]:
    """`open_container` of what `file` reads: an object with `read`, and `seek` and `tell` if it can go back.

    path: how it is called. options: more of FFmpeg's.
    """
    # The limit is FFmpeg's own too: some formats are decoded to find out what is in them, before anyone can look.
    options = {**options, "protocol_whitelist": "none", "max_pixels": str(MAXIMUM_PIXELS)}
    try:
        container = av.open(file, options=options, metadata_errors="replace", buffer_size=_BUFFER, io_open=_refuse)
    except FFMPEG_ERRORS as error:
        raise InputError(f"{path}: not a video, or one that breaks off ({reason(error)})") from error
    with container:
        yield container, _main_stream(path, container)


def _main_stream(path: Path, container: Any) -> Any:
    """The stream that FFmpeg and players show: the most pixels, if none is marked as the default one."""
    streams = [s for s in container.streams.video if s.codec_context is not None and not _is_still(s)]
    if any(s.codec_context is None and not _is_still(s) for s in container.streams.video) and not streams:
        raise InputError(f"{path}: its pictures are of a codec that FFmpeg does not know; convert it to H.264")
    if not streams or container.format.name in _TEXT_FORMATS:
        raise InputError(f"{path}: not a video (it has no picture stream)")
    if any(name in _LIST_FORMATS for name in container.format.name.split(",")):
        raise InputError(f"{path}: a play list, not a video; give the video file itself")
    moving = [s for s in streams if s.frames != 1]  # a picture beside a video has a count; most videos have none
    photo = container.metadata.get("major_brand", "").strip() in _PICTURE_BRANDS
    if container.format.name in _PICTURE_FORMATS or (photo and not moving):
        raise InputError(f"{path}: {A_PICTURE}")
    stream = max(moving or streams, key=lambda s: s.width * s.height + _DEFAULT_STREAM * ("default" in _marks(s)))
    check_size(path, stream.width, stream.height)
    check_aspect(path, stream.sample_aspect_ratio)
    stream.codec_context.thread_count = 1  # parallel over clips, not within one
    stream.codec_context.options = {"max_pixels": str(MAXIMUM_PIXELS)}
    return stream


def others(container: Any, stream: Any) -> int:
    """How many streams of moving pictures there are beside this one."""
    streams = [s for s in container.streams.video if s.codec_context is not None and not _is_still(s) and s.frames != 1]
    return len([s for s in streams if s.index != stream.index])


def _marks(stream: Any) -> tuple[str, ...]:
    """The names of FFmpeg's marks of a stream (its disposition)."""
    return tuple(flag.name for flag in type(stream.disposition) if flag.name and flag & stream.disposition)


def _is_still(stream: Any) -> bool:
    """Whether the stream is a cover picture or the like."""
    return any(mark in _NO_PICTURES for mark in _marks(stream))


class Packets:
    """The packets of a container, as far as it can be read, then the empty ones that flush decoders.

    error: why it cannot be read further, None at its regular end.
    """

    def __init__(self, container: Any, *streams: Any) -> None:
        self._source = container.demux(*streams)
        self.error: str | None = None

    def __iter__(self) -> Iterator[Any]:
        while True:
            try:
                packet = next(self._source, None)
            except FFMPEG_ERRORS as error:
                self.error = reason(error)
                return
            if packet is None:
                return
            yield packet


class Frames:
    """The frames that the decoder makes of packets of one stream, in order of display.

    errors: packets that could not be decoded; early_errors: those before the first frame, as a recording that was begun
    in the middle has. damaged: frames that are decoded in part. last_damaged: whether the last one is.
    """

    def __init__(self, container: Any, stream: Any) -> None:
        self._packets = Packets(container, stream)
        self._stream = stream
        self.errors = self.early_errors = self.damaged = 0
        self.last_damaged = False

    @property
    def error(self) -> str | None:
        """Why the container cannot be read further; None at its regular end."""
        return self._packets.error

    def __iter__(self) -> Iterator[av.VideoFrame]:
        begun, flushed = False, False
        for packet in self._packets:
            flushed = packet.size == 0 and packet.dts is None
            for frame in self._decode(packet, begun):
                begun = True
                yield frame
        if not flushed:  # the container broke: what the decoder still holds
            yield from self._decode(None, begun)

    def _decode(self, packet: Any, begun: bool) -> Iterator[av.VideoFrame]:
        try:
            frames = self._stream.codec_context.decode(packet) if packet is None else packet.decode()
        except FFMPEG_ERRORS:
            self.errors += begun  # the frame before stays in the place of a damaged one
            self.early_errors += not begun
            return
        for frame in frames:
            self.last_damaged = bool(frame.is_corrupt)
            self.damaged += self.last_damaged
            yield frame


def reason(error: BaseException) -> str:
    """The first line of an error's message, without the file name that PyAV repeats."""
    text = str(getattr(error, "strerror", None) or error) or type(error).__name__
    return text.splitlines()[0]
