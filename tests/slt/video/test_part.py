"""A part of a video is what the whole shows at that time, to the bit; and what does not matter is not decoded."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import slt.video.video_file as video_file
from skeletor.support.errors import InputError
from slt.video import Span, open_video
from tests.slt.video.conftest import Clips
from tests.slt.video.test_scan import KINDS

PARTS = [(0, 3), (13, 17), (15, 16), (31, 40)]  # key frames are 15 apart


@pytest.mark.parametrize(("name", "codec", "more"), KINDS, ids=[kind[0] for kind in KINDS])
def test_a_part_shows_what_the_whole_shows_there(clips: Clips, said: list[str], name: str, codec: str, more: dict):
    path = clips.write(name, codec, 40, **more)
    whole = list(open_video(path))
    for first, stop in PARTS:
        with open_video(path, span=Span(first / 25, stop / 25)) as part:
            assert (part.fps, part.frame_count, part.width, part.height) == (25, stop - first, 128, 96)
            shown = list(part)
        assert len(shown) == stop - first
        assert all(np.array_equal(a, b) for a, b in zip(shown, whole[first:stop], strict=True)), (first, stop)
    assert said == []


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_gaps_and_strides_within_a_part(clips: Clips, suffix: str):
    kept = [k for k in range(40) if k not in (7, 20, 21, 22, 30)]
    path = clips.write(f"a{suffix}", ticks=kept, pictures=[clips.picture(k) for k in kept], options={"g": "10"})
    expected = [max(k for k in kept if k <= t) for t in range(40)]
    for first, stop in ((20, 26), (21, 23), (22, 40), (30, 31)):
        with open_video(path, span=Span(first / 25, stop / 25)) as part:
            assert clips.numbers(part) == expected[first:stop]
            assert clips.numbers(part.every(3)) == [
                number if k % 3 == 0 else None for k, number in enumerate(expected[first:stop])
            ]


@pytest.mark.parametrize(("suffix", "most"), [(".mp4", 19), (".mkv", 19), (".ts", 150)])
def test_only_the_part_is_decoded_where_the_format_allows(clips: Clips, monkeypatch, suffix: str, most: int):
    path = clips.write(f"a{suffix}", count=200, options={"g": "10", "bf": "2"})
    decoded = []

    class Counting(video_file.Frames):
        def __iter__(self):
            for frame in super().__iter__():
                decoded.append(frame.pts)
                yield frame

    monkeypatch.setattr(video_file, "Frames", Counting)
    with open_video(path, span=Span(132 / 25, 136 / 25)) as part:
        assert clips.numbers(part) == [132, 133, 134, 135]
    assert len(decoded) <= most, "a group of pictures, two frames before it and what the decoder holds"


def test_a_container_that_does_not_lead_there_is_read_from_its_beginning(clips: Clips, monkeypatch):
    path = clips.write("a.mp4", count=40)
    read = video_file.scan(path)
    wrong = read.keys + np.array([0, 10**6])  # as of a broken table: it leads to the last key frame
    monkeypatch.setattr(video_file, "scan", lambda path: video_file.Scan(**{**vars(read), "keys": wrong}))
    with open_video(path, span=Span(18 / 25, 21 / 25)) as part:
        assert clips.numbers(part) == [18, 19, 20]


def test_a_part_of_a_folder_of_frames(clips: Clips, tmp_path: Path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for k in (0, 1, 2, 5, 6, 7, 8):
        cv2.imwrite(str(folder / f"{k:04}.png"), clips.picture(k))
    with open_video(folder, 10, Span(0.3, 0.7)) as part:
        assert (part.frame_count, clips.numbers(part.every(1))) == (4, [None, None, 5, 6])
    assert clips.numbers(open_video(folder, 10, Span(0.2)).every(2)) == [2, None, None, None, 6, None, 8]
    (folder / "0008.png").write_bytes(b"torn")
    assert clips.numbers(open_video(folder, 10, Span(0.5, 0.8))) == [5, 6, 7], "no other picture is opened"


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (1.7, None, r"1.7 s to the end is not within its 1.60 s \(40 frames\)"),
        (1.0, 1.8, "not within"),
        (0.5, 0.51, "holds no frame at 25 frames a second"),
    ],
)
def test_what_is_not_there_is_one_line(clips: Clips, start: float, end: float | None, message: str):
    path = clips.write("a.mp4", count=40)
    with pytest.raises(InputError, match=message) as error:
        open_video(path, span=Span(start, end))
    assert str(path) in str(error.value) and "\n" not in str(error.value)
