"""Recordings whose sound begins before their pictures: times are those that players show, frames stay what they are."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from skeletor.support.errors import InputError
from slt.video import Span, open_video
from tests.slt.video.conftest import Clips

RATE = 48000


def _with_sound(clips: Clips, name: str, begin: float, sound: float, count: int = 40) -> Path:
    """Pictures from `begin`, sound from `sound` seconds on."""
    path = clips.folder / name
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 128, 96, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        audio = out.add_stream("aac", rate=RATE)
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(clips.picture(number), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = round(1000 * begin) + 40 * number, Fraction(1, 1000)
            out.mux(video.encode(frame))
        out.mux(video.encode())
        for block in range(60):
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate, silence.time_base = RATE, Fraction(1, RATE)
            silence.pts = round(RATE * sound) + 1024 * block
            out.mux(audio.encode(silence))
        out.mux(audio.encode())
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize(("begin", "sound", "late"), [(2, 0, 2), (3.4, 3, 0.4), (0, 1, 0), (2, 2, 0), (2.04, 2, 0)])
def test_pictures_may_begin_later_than_sound(
    clips: Clips, suffix: str, begin: float, sound: float, late: float
) -> None:
    with open_video(_with_sound(clips, f"a{suffix}", begin, sound)) as video:
        assert video.begins == (pytest.approx(late, abs=0.03) if late else 0), "0.02 s are the encoder's own silence"
        assert (video.fps, clips.numbers(video)) == (25, list(range(40)))


def test_parts_go_by_the_clock_of_players(clips: Clips) -> None:
    path = _with_sound(clips, "a.mkv", 2, 0)
    with open_video(path, span=Span(2.4, 2.8)) as part:
        assert clips.numbers(part) == list(range(10, 20)) and part.begins == 0
    with open_video(path, span=Span(0, 2.2)) as part:
        assert clips.numbers(part) == list(range(5)), "nothing is seen before the first picture"
    with pytest.raises(InputError, match=r"not within its 3.60 s \(40 frames, the first at 2.00 s\)"):
        open_video(path, span=Span(3, 3.8))
    with pytest.raises(InputError, match="holds no frame"):
        open_video(path, span=Span(0, 1))
