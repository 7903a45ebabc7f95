"""Clips of every kind, made with PyAV; each picture shows its number in eight squares, bright for a bit that is set."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from skeletor.support.progress import log

HEIGHT, WIDTH = 96, 128


@dataclass(frozen=True)
class Clips:
    """Writes clips into a folder."""

    folder: Path

    def picture(self, number: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        frame = np.full((height, width, 3), 60, np.uint8)
        frame[::7] = np.random.default_rng(number // 3).integers(0, 120, frame[::7].shape)
        for bit in range(8):
            frame[4:12, 4 + 12 * bit : 12 + 12 * bit] = 255 if number >> bit & 1 else 0
        return frame

    def numbers(self, frames: Iterable[np.ndarray | None]) -> list[int | None]:
        """Those of the pictures, None where there is none."""
        return [
            None if f is None else sum(1 << b for b in range(8) if f[6:10, 6 + 12 * b : 10 + 12 * b].mean() > 128)
            for f in frames
        ]

    def write(
        self,
        name: str,
        codec: str = "libx264",
        count: int = 40,
        ticks: Iterable[int] | None = None,
        time_base: Fraction = Fraction(1, 25),
        size: tuple[int, int] = (HEIGHT, WIDTH),
        pixels: str = "yuv420p",
        options: dict[str, str] | None = None,
        muxer: dict[str, str] | None = None,
        format: str | None = None,
        pictures: Iterable[np.ndarray] | None = None,
        aspect: Fraction | None = None,
    ) -> Path:
        """A clip of pictures 0, 1, 2, ... (or those given) at the ticks given."""
        path = self.folder / name
        pictures = [self.picture(k, *size) for k in range(count)] if pictures is None else list(pictures)
        places = list(range(len(pictures))) if ticks is None else list(ticks)
        if options is None:
            options = {"g": "15"}
        with av.open(str(path), "w", format=format, options=muxer or {}) as container:
            stream: Any = container.add_stream(codec, rate=1 / time_base if ticks is None else 25, options=options)
            stream.height, stream.width, stream.pix_fmt = *pictures[0].shape[:2], pixels
            stream.codec_context.time_base = time_base
            if aspect:
                stream.codec_context.sample_aspect_ratio = aspect
            for place, picture in zip(places, pictures, strict=True):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels)
                frame.pts, frame.time_base = place, time_base
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    def copy(
        self,
        source: Path,
        name: str,
        keep: Callable[[int], bool] = lambda number: True,
        shift: Callable[[int, float], float] = lambda number, second: 0.0,
    ) -> Path:
        """The packets for which `keep` says so, each `shift` seconds later."""
        path = self.folder / name
        with av.open(str(source)) as old, av.open(str(path), "w") as new:
            stream = old.streams.video[0]
            copied = new.add_stream_from_template(stream)
            for number, packet in enumerate(old.demux(stream)):
                if packet.dts is None or packet.pts is None or not keep(number):
                    continue
                ticks = round(shift(number, float(packet.pts * packet.time_base)) / packet.time_base)
                packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                packet.stream = copied
                new.mux(packet)
        return path


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    """Writes clips into the test's folder."""
    return Clips(tmp_path)


@pytest.fixture
def said() -> Iterator[list[str]]:
    """The lines of the house's log."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    handler = Keep()
    log.addHandler(handler)
    yield lines
    log.removeHandler(handler)
