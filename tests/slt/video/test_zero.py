"""The first picture is frame 0, whatever the file's clock says then."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from slt.video import open_video


def write(path: Path, first: int, form: str | None = None, ticks: Sequence[int] = range(12)) -> None:
    """Grey pictures whose brightness is their number, the first at tick `first` of 25 a second."""
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "5", "bf": "0"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        for number, tick in enumerate(ticks):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 16 * number + 20, np.uint8), format="rgb24")
            picture.pts, picture.time_base = first + tick, Fraction(1, 25)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def numbers(path: Path) -> list[int]:
    with open_video(path) as video:
        return [round((float(frame.mean()) - 20) / 16) for frame in video]


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mp4"])
@pytest.mark.parametrize("first", [0, 1, 50, 1000])
def test_a_clock_that_begins_late_loses_and_doubles_nothing(tmp_path: Path, suffix: str, first: int) -> None:
    path = tmp_path / f"late{suffix}"
    write(path, first)
    assert numbers(path) == list(range(12))


def test_a_stream_without_a_clock_counts_from_its_first_picture(tmp_path: Path) -> None:
    path = tmp_path / "raw.h264"
    write(path, 0, "h264")
    assert numbers(path) == list(range(12))


def test_a_gap_is_where_it_was_if_the_clock_begins_late(tmp_path: Path) -> None:
    path = tmp_path / "gap.mkv"
    write(path, 40, None, [0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13])
    assert numbers(path) == [0, 1, 2, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11]
