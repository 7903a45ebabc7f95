"""What is opened and what is not: names, pipes, play lists, sizes."""

from __future__ import annotations

import os
import zlib
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from skeletor.support.errors import InputError
from slt.video import open_video, write_video
from slt.video.container import open_container
from slt.video.picture import MAXIMUM_PIXELS, MAXIMUM_SIDE, check_aspect, check_size

if TYPE_CHECKING:
    from tests.slt.video.conftest import Clips


def refused(path: Path | str, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        list(open_video(path))
    assert "\n" not in str(error.value) and Path(path).name in str(error.value)


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    """Nor waited for: nobody writes into this one."""
    os.mkfifo(tmp_path / "a.mp4")
    refused(tmp_path / "a.mp4", "a pipe is not read, give a file")
    refused("/dev/null", "a device is not read, give a file")


@pytest.mark.parametrize("address", ["https://example.org/a.mp4", "rtsp://10.0.0.1/live", "s3://bucket/a.mp4"])
def test_an_address_is_not_read(address: str) -> None:
    refused(address, "an address is not read, give a file")
    refused(Path(address), "an address is not read, give a file")


def test_a_folder_that_cannot_be_there(tmp_path: Path, clips: Clips) -> None:
    path = clips.write("a.mp4", count=2)
    refused(path / "b.mp4", "cannot be read")
    refused(tmp_path / ("x" * 300), "cannot be read")
    refused(tmp_path / "none.mp4", "no such file")


@pytest.mark.parametrize(
    "name",
    [
        b"a:b.mp4",
        b"%03d.mp4",
        b"\xe4\xf6 \xfc.mp4",
        b"no_suffix",
        b"wrong.png",
        b"wrong.m3u8",
        b"-i.mp4",
        "手.mp4".encode(),
    ],
)
def test_any_name_is_read(clips: Clips, monkeypatch: pytest.MonkeyPatch, name: bytes) -> None:
    path = clips.folder / os.fsdecode(name)
    clips.write("a.mp4", count=5).rename(path)
    monkeypatch.chdir(clips.folder)
    for given in (path, Path(path.name)):
        assert clips.numbers(open_video(given)) == list(range(5))


def test_any_name_is_written(clips: Clips, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clips.folder)
    for name in ("a:b.mp4", os.fsdecode(b"\xe4.mp4")):
        assert write_video(name, [clips.picture(0)] * 3, 25) == 3
        assert len(list(open_video(name))) == 3


def play_lists(other: Path) -> dict[str, str]:
    mpd = f'<MPD type="static"><Period><AdaptationSet><Representation><BaseURL>{other}</BaseURL>'
    return {
        "a.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:3,\n{other}\n#EXT-X-ENDLIST\n",
        "hls.mp4": f"\n#EXTM3U\n#EXTINF:3,\n{other}\n",
        "concat.mp4": f"ffconcat version 1.0\nfile '{other}'\n",
        "a.mpd": f'<?xml version="1.0"?>\n{mpd}',
        "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        "a.pls": f"[playlist]\nFile1={other}\n",
    }


@pytest.mark.parametrize("name", sorted(play_lists(Path())))
def test_play_lists_open_no_other_file(clips: Clips, name: str) -> None:
    other = clips.write("other.ts", count=5)
    path = clips.folder / name
    path.write_text(play_lists(other)[name])
    refused(path, "a play list, not a video")
    with pytest.raises(InputError), open_container(path):  # FFmpeg itself may not open it either
        pass


def test_a_text_in_latin_1_is_no_obstacle(clips: Clips) -> None:
    path = clips.write("a.mkv", count=5, muxer={"metadata": "x"})
    data = path.read_bytes().replace(b"Lavf", b"\xe4\xf6\xfc\xff", 1)
    path.write_bytes(data)
    assert len(list(open_video(path))) == 5


@pytest.mark.parametrize("aspect", [Fraction(90), Fraction(1, 90), Fraction(9, 2)])
def test_pixels_that_no_camera_makes(clips: Clips, aspect: Fraction) -> None:
    refused(clips.write("a.mp4", count=2, aspect=aspect), "times as wide as high")


def test_limits_of_aspect_and_size() -> None:
    for sound in (None, Fraction(0), Fraction(1, 4), Fraction(4), Fraction(16, 11)):
        check_aspect(Path("a"), sound)
    check_size(Path("a"), 7680, 4320)
    check_size(Path("a"), MAXIMUM_SIDE, MAXIMUM_PIXELS // MAXIMUM_SIDE)
    for width, height in ((MAXIMUM_SIDE + 1, 2), (2, MAXIMUM_SIDE + 1), (MAXIMUM_SIDE, MAXIMUM_SIDE)):
        with pytest.raises(InputError, match="too large"):
            check_size(Path("a"), width, height)


@pytest.mark.parametrize("told_by_container", [True, False])
def test_a_huge_size_is_refused_before_it_is_decoded(clips: Clips, told_by_container: bool) -> None:
    """30,000 x 30,000 in the header of the picture (and of the container) of a small file."""
    path = clips.write("a.mov", "png", count=1, pixels="rgb24", options={})
    data, big = bytearray(path.read_bytes()), 30_000
    place = data.find(b"IHDR")
    data[place + 4 : place + 12] = big.to_bytes(4, "big") * 2
    data[place + 17 : place + 21] = zlib.crc32(data[place : place + 17]).to_bytes(4, "big")
    if told_by_container:
        place = data.find(b"png ", data.find(b"stsd")) + 28
        assert data[place : place + 4] == (128).to_bytes(2, "big") + (96).to_bytes(2, "big")
        data[place : place + 4] = big.to_bytes(2, "big") * 2
    path.write_bytes(data)
    refused(path, "no frame can be decoded|too large")


def test_tiny_pictures(clips: Clips) -> None:
    write_video(clips.folder / "a.mp4", [np.zeros((1, 1, 3), np.uint8)] * 3, 25)
    assert [frame.shape for frame in open_video(clips.folder / "a.mp4")] == [(2, 2, 3)] * 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n", "a pointer of Git LFS"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "a web page"),
        (b"PK\x03\x04" + bytes(500), r"packed \(zip\); unpack it"),
        (b"\x1f\x8b" + bytes(500), r"packed \(gzip\); unpack it"),
    ],
)
def test_what_stands_for_a_video_is_told(clips: Clips, content: bytes, words: str) -> None:
    (clips.folder / "a.mp4").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.mp4: {words}"):
        open_video(clips.folder / "a.mp4")


@pytest.mark.parametrize("name", ["a.npy", "a.POSE", "a.safetensors"])
def test_poses_are_called_poses(clips: Clips, name: str) -> None:
    (clips.folder / name).write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match=rf"{name}: poses, not a video; .* --estimator poses"):
        open_video(clips.folder / name)
