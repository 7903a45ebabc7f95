"""Videos whose frames are numbered in the picture, so that it is known what each place has to show."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import av
import numpy as np

WIDTH, HEIGHT, FPS, COUNT = 160, 128, 25, 30
_BITS = 8
TS_PACKET = 188  # bytes
CUTS = 12


@dataclass(frozen=True)
class Clip:
    """A file as bytes, and what each frame of the constant grid has to show.

    numbers: drawn numbers in order (of the whole file, where this is a part of it). refuse: it must be refused, or what
    is lacking must be said. turns: quarter turns to the left that put a frame as it was drawn. unread: some numbers may
    not be readable, though the frames are there.
    """

    suffix: str
    content: bytes
    numbers: tuple[int, ...]
    refuse: bool = False
    turns: int = 0
    unread: bool = False


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(H, W, 3): dark, with the number's bits as bright squares in two rows, and a mark at the top left."""
    image = np.full((height, width, 3), 40, np.uint8)
    side = width // (_BITS + 2)
    image[: side // 2, : side // 2] = 250
    for bit in range(_BITS):
        for top, on in zip(_rows(height, side), (1, 0), strict=True):
            if (number >> bit & 1) == on:
                image[top : top + side, (bit + 1) * side : (bit + 2) * side] = 220
    return image


def _rows(height: int, side: int) -> tuple[int, int]:
    """Where the two rows begin: the bits, and below them their opposites, so that damage is not read as a number."""
    return height // 2, height // 2 + side + side // 8


def number_of(image: np.ndarray) -> int | None:
    """The number drawn in a frame; None if it is not to be read."""
    height, width = image.shape[:2]
    side = width // (_BITS + 2)
    inner = side // 4
    number = 0
    for bit in range(_BITS):
        left = (bit + 1) * side
        levels = [
            float(image[top + inner : top + side - inner, left + inner : left + side - inner].mean())
            for top in _rows(height, side)
        ]
        if min(levels) > 90 or max(levels) < 170:
            return None
        number |= (levels[0] > levels[1]) << bit
    return number


def encode(
    frames: Iterable[tuple[int, int]],
    form: str,
    codec: str,
    pixel: str = "yuv420p",
    size: tuple[int, int] = (WIDTH, HEIGHT),
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> bytes:
    """frames: (tick at FPS, number). The file's bytes."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form, options=container_options or {}) as container:
        stream: Any = container.add_stream(codec, rate=FPS, options=options or {})
        stream.width, stream.height = size
        stream.pix_fmt = pixel
        stream.codec_context.time_base = Fraction(1, FPS)
        stream.codec_context.thread_count = 1
        container.start_encoding()  # the header is there even if no frame follows
        for tick, number in frames:
            frame = av.VideoFrame.from_ndarray(picture(number, *size), format="rgb24")
            frame.pts, frame.time_base = tick, Fraction(1, FPS)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return buffer.getvalue()


def steady(count: int = COUNT, first: int = 1) -> list[tuple[int, int]]:
    """One frame a tick."""
    return [(t, first + t) for t in range(count)]


_X264 = {"crf": "18", "g": "10", "bf": "0", "x264-params": "threads=1"}
_B_FRAMES = _X264 | {"bf": "2", "x264-params": "threads=1:b-adapt=0"}


def plain(form: str = "mp4", codec: str = "libx264", **more: Any) -> bytes:
    """A sound file."""
    return encode(steady(), form, codec, options=_X264 if codec == "libx264" else {}, **more)


def remux(
    content: bytes, form: str, change: Callable[[int, Any], bool], options: dict[str, str] | None = None
) -> bytes:
    """Packets put into another file, as `ffmpeg -c copy` does; `change(k, packet)` may shift one, or leave it out."""
    buffer = io.BytesIO()
    source: Any = av.open(io.BytesIO(content))
    with source, av.open(buffer, "w", format=form, options=options or {}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for k, packet in enumerate(p for p in source.demux(source.streams.video[0]) if p.size):
            if change(k, packet):
                packet.stream = stream
                target.mux(packet)
    return buffer.getvalue()


def _numbers(count: int = COUNT, first: int = 1) -> tuple[int, ...]:
    return tuple(range(first, first + count))


def _empty() -> Iterator[Clip]:
    for suffix in (".mp4", ".avi", ".mkv", ".ts"):
        yield Clip(suffix, b"", (), refuse=True)


def _truncated() -> Iterator[Clip]:
    for form, suffix in (("mp4", ".mp4"), ("matroska", ".mkv"), ("mpegts", ".ts"), ("avi", ".avi")):
        content = plain(form)
        for k in range(CUTS):
            end = len(content) * (k + 1) // (CUTS + 2)
            if form == "mpegts" and end % TS_PACKET == 0 and content[end + 1] & 0x40:
                end -= TS_PACKET // 2  # where the next packet begins a picture, what is before is a whole stream
            yield Clip(suffix, content[:end], _numbers(), refuse=True)


def _wrong_suffix() -> Iterator[Clip]:
    for suffix in (".avi", ".mkv", ".mov", ".webm"):
        yield Clip(suffix, plain(), _numbers())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", "no video")
    for content in (b"This is a text, not a video.\n" * 400, b'{"people": []}', bytes(5000), archive.getvalue()):
        yield Clip(".mp4", content, (), refuse=True)


def _audio() -> Iterator[Clip]:
    for form, codec, suffix in (("mp4", "aac", ".mp4"), ("wav", "pcm_s16le", ".avi"), ("matroska", "aac", ".mkv")):
        buffer = io.BytesIO()
        with av.open(buffer, "w", format=form) as container:
            stream: Any = container.add_stream(codec, rate=44100)
            for k in range(20):
                tone = (3000 * np.sin(np.arange(1024) / 20)).astype(np.int16)[None]
                frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
                frame.sample_rate, frame.pts = 44100, 1024 * k
                for packet in stream.encode(frame):
                    container.mux(packet)
            for packet in stream.encode():
                container.mux(packet)
        yield Clip(suffix, buffer.getvalue(), (), refuse=True)


def _no_frames() -> Iterator[Clip]:
    for form, suffix in (("mp4", ".mp4"), ("matroska", ".mkv"), ("avi", ".avi")):
        yield Clip(suffix, encode([], form, "mpeg4"), (), refuse=True)


def _variable() -> Iterator[Clip]:
    ticks: list[int] = []
    places: list[int] = []
    for t in range(COUNT):  # every fifth picture stands for two ticks
        places.append(len(ticks))
        ticks += [t + 1] * (2 if t % 5 == 4 and t < COUNT - 1 else 1)
    frames = [(places[t], t + 1) for t in range(COUNT)]
    for form, codec, suffix in (("mp4", "libx264", ".mp4"), ("matroska", "libx264", ".mkv"), ("avi", "mpeg4", ".avi")):
        yield Clip(suffix, encode(frames, form, codec, options=_X264 if codec == "libx264" else {}), tuple(ticks))


def _rotated() -> Iterator[Clip]:
    one = 1 << 16
    for turns, quarter in enumerate([(0, one, -one, 0), (-one, 0, 0, -one), (0, -one, one, 0)], 1):
        data = bytearray(plain())
        at = data.find(b"tkhd") + 4 + 40
        a, b, c, d = (v.to_bytes(4, "big", signed=True) for v in quarter)
        data[at : at + 36] = a + b + bytes(4) + c + d + bytes(12) + (1 << 30).to_bytes(4, "big")
        yield Clip(".mp4", bytes(data), _numbers(), turns=turns)


def _one_frame() -> Iterator[Clip]:
    for form, suffix in (("mp4", ".mp4"), ("matroska", ".mkv"), ("avi", ".avi"), ("mpegts", ".ts")):
        yield Clip(suffix, encode([(0, 5)], form, "mpeg4"), (5,))


def _large() -> Iterator[Clip]:
    yield Clip(".mp4", encode(steady(6), "mp4", "mpeg4", size=(3840, 2160)), _numbers(6))


def _deep() -> Iterator[Clip]:
    yield Clip(".mkv", encode(steady(), "matroska", "ffv1", "yuv420p10le"), _numbers())
    yield Clip(".mp4", encode(steady(), "mp4", "libx264", "yuv420p10le", options=_X264), _numbers())


def _alpha() -> Iterator[Clip]:
    yield Clip(".mov", encode(steady(), "mov", "qtrle", "argb"), _numbers())
    yield Clip(".mkv", encode(steady(), "matroska", "ffv1", "bgra"), _numbers())


def _odd() -> Iterator[Clip]:
    for size in ((161, 127), (173, 99)):
        yield Clip(".mkv", encode(steady(), "matroska", "ffv1", "bgr0", size=size), _numbers())
        yield Clip(".mov", encode(steady(), "mov", "qtrle", "rgb24", size=size), _numbers())


def _edit_list() -> Iterator[Clip]:
    """Cut without re-encoding: from the key frame before the wanted one, which lies before 0."""
    for cut in (3, 7, 13):
        key = cut - cut % 10

        def shift(k: int, packet: Any, key: int = key, cut: int = cut) -> bool:
            ticks = round(cut / FPS / float(packet.time_base))
            packet.pts -= ticks
            packet.dts -= ticks
            return k >= key

        for form, suffix in (("mp4", ".mp4"), ("mov", ".mov")):
            yield Clip(suffix, remux(plain(), form, shift), _numbers(COUNT - cut, 1 + cut))


def _b_frames() -> Iterator[Clip]:
    for form, suffix in (("avi", ".avi"), ("asf", ".asf"), ("mp4", ".mp4"), ("mpegts", ".ts"), ("matroska", ".mkv")):
        yield Clip(suffix, encode(steady(), form, "libx264", options=_B_FRAMES), _numbers())


def _jumps() -> Iterator[Clip]:
    """Clocks that start again or leap: nothing is lost or invented."""
    one = encode(steady(15), "mpegts", "libx264", options=_X264)
    two = encode(steady(15, 16), "mpegts", "libx264", options=_X264)
    yield Clip(".ts", one + two, _numbers())
    for ticks in (90_000 * 3600, 90_000 * 20):

        def leap(k: int, packet: Any, ticks: int = ticks) -> bool:
            if k >= 15:
                packet.pts += ticks
                packet.dts += ticks
            return True

        yield Clip(".ts", remux(plain("mpegts"), "mpegts", leap), _numbers())


def _turning() -> Iterator[Clip]:
    """The size changes in the middle; the number stays to be read in the whole picture or is not compared."""
    one = encode(steady(15), "mpegts", "libx264", options=_X264)
    for size in ((128, 160), (320, 256)):
        two = encode([(t, 1 + t) for t in range(15, 30)], "mpegts", "libx264", size=size, options=_X264)
        yield Clip(".ts", one + two, _numbers(), unread=True)


KINDS: dict[str, Callable[[], Iterator[Clip]]] = {
    "0 bytes": _empty, "truncated": _truncated, "wrong extension": _wrong_suffix, "audio only": _audio,
    "0 frames": _no_frames, "variable rate": _variable, "rotated": _rotated, "1 frame": _one_frame, "4K": _large,
    "10 bit": _deep, "alpha": _alpha, "odd sizes": _odd, "edit lists": _edit_list, "B-frames": _b_frames,
    "TS jumps": _jumps, "size changes": _turning,
}  # fmt: skip


@lru_cache(maxsize=len(KINDS))
def clips(kind: str) -> Sequence[Clip]:
    """The files of a kind."""
    return tuple(KINDS[kind]())


def damage(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """A file with bytes changed, cut off or cut out; and what was done."""
    if not content:
        return rng.randbytes(rng.choice((1, 100, 5000))), "noise"
    kind = rng.choice(("flip", "flip", "head", "cut", "hole", "zeros"))
    data = bytearray(content)
    at = rng.randrange(len(data))
    if kind == "cut":
        return content[:at], kind
    if kind == "hole":
        return bytes(data[:at] + data[at + rng.choice((1, 188, 1000)) :]), kind
    if kind == "zeros":
        data[at : at + 500] = bytes(len(data[at : at + 500]))
        return bytes(data), kind
    for _ in range(rng.choice((1, 4, 20))):
        data[rng.randrange(min(len(data), 1024) if kind == "head" else len(data))] = rng.randrange(256)
    return bytes(data), kind
