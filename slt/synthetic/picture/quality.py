"""The quality of the picture: size, exposure, noise and compression of a rendered video."""

from __future__ import annotations

from dataclasses import dataclass

from skeletor.support.errors import InputError


@dataclass(frozen=True)
class Quality:
    """Settings of camera electronics and codec.

    width, height: pixels. shutter: share of the frame interval in which light is collected, 0 for none.
    interlaced: odd rows are taken half a frame interval after even ones. sub_times: most instants that are averaged per
    field (per frame if not interlaced). softness: standard deviation of the optical blur in pixels. noise: standard
    deviation of the sensor noise in grey levels. crf: constant rate factor for x264 (larger is coarser). oversample:
    drawing is done at this multiple of the size and averaged down.
    """

    name: str
    width: int
    height: int
    shutter: float = 0.0
    interlaced: bool = False
    sub_times: int = 1
    softness: float = 0.0
    noise: float = 0.0
    crf: int = 18
    oversample: int = 2

    def __post_init__(self) -> None:
        if min(self.width, self.height, self.sub_times, self.oversample) < 1 or not 0 <= self.shutter <= 1:
            raise InputError(f"quality {self.name!r}: sizes and counts start at 1, shutter lies in [0, 1]")


STUDIO = Quality("studio", 400, 480, softness=0.6, noise=1.0, crf=18)
BROADCAST = Quality("broadcast", 210, 260, shutter=1.0, interlaced=True, sub_times=5, softness=0.9, noise=3.0, crf=31)
QUALITIES = {quality.name: quality for quality in (STUDIO, BROADCAST)}
