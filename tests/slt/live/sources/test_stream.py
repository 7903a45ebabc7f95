"""Pictures of what is still being written: through a pipe, and from a file that grows."""

import logging
import os
import threading
from pathlib import Path

import av
import numpy as np
import pytest

from skeletor.support.errors import InputError
from slt.live.sources.by_name import open_source
from slt.live.sources.growing import Growing
from slt.live.sources.stream import _Slots
from tests.slt.live.fakes import FakeClock

COUNT, FPS = 60, 25


def film(path: Path, form: str, options: dict[str, str] | None = None, codec: str = "libx264") -> bytes:
    """Grey pictures 64x48 that grow lighter, as bytes."""
    with av.open(str(path), "w", format=form, options=options or {}) as container:
        stream = container.add_stream(codec, rate=FPS, options={"tune": "zerolatency", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(COUNT):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 4 * k, np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path.read_bytes()


def check(came: list, begin: int = 0) -> None:
    assert [one.slot for one in came] == list(range(len(came))) and len(came) == COUNT - begin
    means = [float(one.image.mean()) for one in came]
    assert means == pytest.approx([4 * k for k in range(begin, COUNT)], abs=6)


@pytest.mark.parametrize("kind", ["mpegts", "matroska", "mp4"])
def test_a_pipe_is_read_as_it_is_written(tmp_path, kind):
    flags = {"movflags": "frag_keyframe+empty_moov"} if kind == "mp4" else {}
    data, pipe, clock = film(tmp_path / "film", kind, flags), tmp_path / "pipe", FakeClock()
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("wb", buffering=0) as file:
            for k in range(0, len(data), 700):
                file.write(data[k : k + 700])

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    with open_source(str(pipe), clock, wait=60.0) as source:
        assert source.fps == FPS
        came = list(source.frames())
    writer.join(5)
    check(came)


def test_a_codec_that_changes_midway_is_told_once(tmp_path, caplog):
    whole = film(tmp_path / "a", "mpegts") + film(tmp_path / "b", "mpegts", codec="mpeg2video")
    path = tmp_path / "recording.ts"
    path.write_bytes(whole)
    with caplog.at_level(logging.WARNING, "skeletor"), open_source(str(path), FakeClock(), wait=0.1) as source:
        came = list(source.frames())
    assert len(came) >= COUNT - 1
    (told,) = [line for line in caplog.messages if "change" in line]
    assert told.startswith(f"{path}: its pictures change from H.264 to MPEG-2, which is not decoded")


class Growth(FakeClock):
    """Whenever somebody waits, a file grows."""

    def __init__(self, path: Path, data: bytes, piece: int) -> None:
        super().__init__()
        self._path, self._data, self._piece = path, data, piece

    def wait_until(self, moment: float) -> None:
        super().wait_until(moment)
        with self._path.open("ab") as file:
            file.write(self._data[: self._piece])
        self._data = self._data[self._piece :]


def test_a_file_that_grows_is_followed_until_it_grows_no_more(tmp_path):
    data, path = film(tmp_path / "whole.ts", "mpegts"), tmp_path / "grows.ts"
    path.write_bytes(data[:2000])
    clock = Growth(path, data[2000:], 900)
    with open_source(str(path), clock, wait=1.0) as source:
        check(list(source.frames()))
    waited = (len(data) - 2000) / 900 * 0.05
    assert clock.time == pytest.approx(100 + waited + 1.0, abs=0.2)


def test_what_cannot_be_read_while_it_grows_is_refused_in_one_line(tmp_path):
    data = film(tmp_path / "end.mp4", "mp4")  # its index stands at the end
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    (tmp_path / "empty.ts").write_bytes(b"")
    (tmp_path / "text.ts").write_bytes(b"nothing " * 5000)
    for name, told in (
        ("cut.mp4", "cut.mp4: not a video.*--as-if-live plays a finished file"),
        ("empty.ts", "empty.ts: nothing came; is somebody writing to it"),
        ("text.ts", "text.ts: not a video"),
    ):
        with pytest.raises(InputError, match=told) as refused, open_source(str(tmp_path / name), FakeClock()) as source:
            list(source.frames())
        assert "\n" not in str(refused.value)


def test_a_pipe_that_breaks_off_gives_what_came(tmp_path):
    data, pipe = film(tmp_path / "film.ts", "mpegts"), tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(data[: 3 * len(data) // 4]), daemon=True)
    writer.start()
    with open_source(str(pipe), FakeClock(), wait=60.0) as source:
        came = list(source.frames())
    writer.join(5)
    assert COUNT // 2 < len(came) < COUNT and [one.slot for one in came] == list(range(len(came)))


def test_reading_ends_with_the_clock():
    reader, writer = os.pipe()
    clock = FakeClock()
    growing = Growing(reader, "pipe", clock, 5.0)
    os.write(writer, b"abc")
    assert growing.read(2) == b"ab" and growing.read(9) == b"c" and growing.begun
    clock.end()
    assert growing.read(9) == b""
    os.close(writer)
    os.close(reader)


def test_frames_lie_where_their_stamps_say_and_a_clock_that_is_set_anew_goes_on():
    slots = _Slots(10.0)
    stamps = [7.0, 7.1, 7.3, 7.3, 7.31, 7.4, None, 3.0, 3.1, 90.0, 90.1]
    assert [slots.of(stamp) for stamp in stamps] == [0, 1, 3, None, None, 4, 5, 6, 7, 8, 9]
    late = _Slots(10.0)
    assert [late.of(stamp) for stamp in (0.0, 5.0)] == [0, 50]  # nothing came for a while
