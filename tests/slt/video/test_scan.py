"""Which frames there are and when: containers, stamps, streams and pictures of every kind."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from skeletor.support.errors import InputError
from slt.video import open_video

if TYPE_CHECKING:
    from tests.slt.video.conftest import Clips

COUNT = 40
B_FRAMES = {"g": "15", "bf": "3"}
KINDS = [
    ("a.mp4", "libx264", {}),
    ("fragments.mp4", "libx264", {"muxer": {"movflags": "frag_keyframe+empty_moov"}}),
    ("a.mov", "libx264", {}),
    ("a.mkv", "libx264", {}),
    ("a.avi", "libx264", {"options": B_FRAMES}),
    ("mpeg4.avi", "mpeg4", {"options": {"bf": "2"}}),
    ("mjpeg.avi", "mjpeg", {"pixels": "yuvj420p"}),
    ("a.asf", "libx264", {"options": B_FRAMES}),
    ("a.flv", "libx264", {}),
    ("a.ts", "libx264", {}),
    ("mpeg2.ts", "mpeg2video", {"options": {"bf": "2"}}),
    ("a.mpg", "mpeg2video", {"options": {"bf": "2"}}),
    ("a.mxf", "mpeg2video", {"options": {}}),
    ("raw.h264", "libx264", {"format": "h264"}),
    ("a.gif", "gif", {"pixels": "rgb8", "options": {}}),
    ("vp8.webm", "libvpx", {"options": {"auto-alt-ref": "1", "lag-in-frames": "16", "b": "300k"}}),
    ("ten.mp4", "libx264", {"pixels": "yuv420p10le"}),
    ("alpha.mov", "qtrle", {"pixels": "argb", "options": {}}),
    ("open.mp4", "libx264", {"options": {"x264-params": "open-gop=1:keyint=15:bframes=3"}}),
]


@pytest.mark.parametrize(("name", "codec", "more"), KINDS, ids=[kind[0] for kind in KINDS])
def test_every_frame_once_and_in_order(clips: Clips, said: list[str], name: str, codec: str, more: dict) -> None:
    path = clips.write(name, codec, COUNT, **more)
    with open_video(path) as video:
        assert (video.fps, video.frame_count, video.width, video.height) == (25, COUNT, 128, 96)
        assert clips.numbers(video) == list(range(COUNT))
        assert clips.numbers(video.every(7)) == [k if k % 7 == 0 else None for k in range(COUNT)]
    assert said == []


@pytest.mark.parametrize(("height", "rate"), [(576, Fraction(25)), (480, Fraction(30000, 1001))], ids=["PAL", "NTSC"])
def test_the_rate_of_a_gxf(clips: Clips, said: list[str], height: int, rate: Fraction) -> None:
    """It counts fields and knows no stamps of showing: the last one that FFmpeg makes up is half a frame early."""
    path = clips.write("a.gxf", "mpeg2video", COUNT, time_base=1 / rate, size=(height, 720), options={"bf": "0"})
    with open_video(path) as video:
        assert video.fps == pytest.approx(float(rate)) and video.frame_count == COUNT
        assert clips.numbers(video) == list(range(COUNT))
    assert said == []


@pytest.mark.parametrize(
    ("suffix", "b_frames"),
    [(".mp4", 0), (".mp4", 2), (".mkv", 2), (".ts", 2), (".flv", 2), (".avi", 0)],
)
def test_a_missing_frame_is_a_repeated_one(clips: Clips, said: list[str], suffix: str, b_frames: int) -> None:
    kept = [k for k in range(COUNT) if k not in (7, 20, 21, 22, 38)]
    options = {"g": "15", "bf": str(b_frames)}
    path = clips.write(f"a{suffix}", ticks=kept, pictures=[clips.picture(k) for k in kept], options=options)
    with open_video(path) as video:
        assert (video.fps, video.frame_count) == (25, COUNT)
        assert clips.numbers(video) == [max(k for k in kept if k <= t) for t in range(COUNT)]
    assert any("no picture for 5 of 40 frames, first for 7" in line for line in said)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_what_an_edit_list_hides_is_not_shown(clips: Clips, said: list[str], suffix: str) -> None:
    """As `ffmpeg -ss 1 -c copy` and phones trim: the lead-in is in the file, before the beginning."""
    path = clips.copy(clips.write("whole.mp4"), f"trimmed{suffix}", shift=lambda number, second: -0.8)
    with av.open(str(path)) as container:
        assert any(packet.is_discard for packet in container.demux(container.streams.video[0]))
    with open_video(path) as video:
        assert clips.numbers(video) == list(range(20, COUNT)) and video.frame_count == 20
    assert any("20 of 40 frames are shown" in line for line in said)


def test_repeated_chunks_of_an_avi_are_no_lost_frames(clips: Clips, said: list[str]) -> None:
    path = clips.write("a.avi", "mpeg4", ticks=[0, 1, 2, 5, 6, 7, 10, 11, 12, 13], count=10, options={})
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 14
    with open_video(path) as video:
        assert video.fps == 25
        assert clips.numbers(video) == [0, 1, 2, 2, 2, 3, 4, 5, 5, 5, 6, 7, 8, 9]
    assert not any("breaks off" in line or "promises" in line for line in said)


@pytest.mark.parametrize("second", [-0.4, 0.0, 3000.0])
def test_a_clock_that_is_set_anew_neither_loses_nor_adds_frames(clips: Clips, said: list[str], second: float) -> None:
    """Two recordings in one transport stream: the second one's clock begins before, at or far after the first one's."""
    first, whole = (
        clips.write("1.ts", count=20),
        clips.write("2.mp4", pictures=[clips.picture(20 + k) for k in range(20)]),
    )
    other = clips.copy(whole, "2.ts", shift=lambda number, time: second + 0.4)
    path = clips.folder / "both.ts"
    path.write_bytes(first.read_bytes() + other.read_bytes())
    with open_video(path) as video:
        assert (video.fps, video.frame_count) == (25, 40)
        assert clips.numbers(video) == list(range(40))
    assert any("clock jumps" in line for line in said)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_begun_in_the_middle(clips: Clips, said: list[str], suffix: str) -> None:
    """Packets before the first key frame show nothing, here as in any player."""
    path = clips.copy(
        clips.write("whole.mp4", options={"g": "15", "bf": "0"}), f"a{suffix}", lambda number: number >= 5
    )
    with av.open(str(path)) as container:
        shown = sum(1 for _ in container.decode(video=0))
    with open_video(path) as video:
        numbers = clips.numbers(video)
    assert len(numbers) == shown < 35 and numbers[-1] == 39
    assert any("begins in the middle" in line for line in said)


def test_doubled_stamps(clips: Clips) -> None:
    path = clips.copy(
        clips.write("whole.mp4", options={"g": "15", "bf": "0"}),
        "a.mkv",
        shift=lambda number, second: -0.04 if number == 20 else 0.0,
    )
    assert clips.numbers(open_video(path)) == list(range(COUNT))


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_interlaced_frames_are_made_whole(clips: Clips, said: list[str], codec: str) -> None:
    """A bar moves between the two fields of each frame: rows of one picture then differ, as the teeth of a comb."""

    def at(time: int) -> np.ndarray:
        frame = np.full((96, 192, 3), 40, np.uint8)
        frame[:, 10 + 3 * time : 30 + 3 * time] = 220
        return frame

    woven = [at(2 * k) for k in range(20)]
    for k, frame in enumerate(woven):
        frame[1::2] = at(2 * k + 1)[1::2]
    options = {
        "libx264": {"x264-params": "interlaced=1", "crf": "10"},
        "mpeg2video": {"flags": "+ilme+ildct", "b": "4M"},
    }
    path = clips.write("a.ts", codec, pictures=woven, options=options[codec])

    def teeth(frames: list[np.ndarray]) -> float:
        return float(np.mean([np.abs(f[1:-1].astype(int) * 2 - f[:-2] - f[2:]).mean() for f in frames]))

    with open_video(path) as video:
        frames = list(video)
    assert len(frames) == video.frame_count == 20
    assert teeth(woven) > 10 > 1 > teeth(frames)
    for k, frame in enumerate(frames):  # in its place: the bar is where one of its two fields has it
        left = int(np.argmax(frame[48, :, 0] > 130))
        assert abs(left - (10 + 6 * k)) <= 4
    assert sum("interlaced" in line for line in said) == 1


def test_progressive_frames_pass_unchanged(clips: Clips, said: list[str]) -> None:
    path = clips.write("a.mp4")
    with av.open(str(path)) as container:
        raw = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert all(np.array_equal(a, b) for a, b in zip(open_video(path), raw, strict=True))
    assert said == []


def test_a_change_of_size_keeps_the_whole_picture_in_proportion(clips: Clips, said: list[str]) -> None:
    def disc(height: int, width: int) -> np.ndarray:
        frame = np.full((height, width, 3), 50, np.uint8)
        ys, xs = np.mgrid[:height, :width]
        frame[(ys - height / 2) ** 2 + (xs - width / 2) ** 2 < 30**2] = 250
        return frame

    first = clips.write("1.ts", pictures=[disc(96, 128)] * 10)
    second = clips.write("2.ts", pictures=[disc(128, 96)] * 10)
    path = clips.folder / "turns.ts"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    frames = list(open_video(path))
    assert len(frames) == 20 and {frame.shape for frame in frames} == {(96, 128, 3)}
    height, width = np.ptp(np.argwhere(frames[15][..., 1] > 150), axis=0) + 1
    assert abs(int(height) - int(width)) <= 2 and abs(int(height) - 60 * 96 / 128) < 4
    assert frames[15][:, :26].max() < 20 and frames[15][:, -26:].max() < 20  # bars
    assert sum("from frame 10 on" in line for line in said) == 1


def test_the_main_stream_is_chosen(clips: Clips) -> None:
    """The largest one; a preview may come first."""
    path = clips.folder / "preview.ts"
    with av.open(str(path), "w") as container:
        streams = []
        for codec, (height, width) in (("mpeg2video", (48, 64)), ("libx264", (96, 128))):
            stream = container.add_stream(codec, rate=25)
            stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
            streams.append(stream)
        for k in range(30):
            for stream in streams[0 if k < 3 else 1 :]:
                picture = clips.picture(k, stream.height, stream.width)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        for stream in streams:
            container.mux(stream.encode())
    with open_video(path) as video:
        assert (video.width, video.height, video.fps, video.frame_count) == (128, 96, 25, 30)
        assert clips.numbers(video) == list(range(30))


def test_other_streams_of_pictures_are_told(clips: Clips, said: list[str]) -> None:
    """Two cameras in one file."""
    path = clips.folder / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for stream in streams:
            stream.height, stream.width, stream.pix_fmt = 96, 128, "yuv420p"
        for k in range(10):
            for place, stream in enumerate(streams):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(clips.picture(k + 100 * place), format="rgb24")))
        for stream in streams:
            container.mux(stream.encode())
    assert clips.numbers(open_video(path)) == list(range(10))
    assert any("two.mkv: has 2 streams of pictures; one of 128x96 alone is read" in line for line in said)


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "libx264"), (".mov", "libx264"), (".wmv", "wmv2")])
def test_a_second_video_behind_the_first_is_told(clips: Clips, said: list[str], suffix: str, codec: str) -> None:
    """As `cat a.mp4 b.mp4` makes it: players show the first alone."""
    path = clips.write(f"a{suffix}", codec, 12)
    path.write_bytes(path.read_bytes() + path.read_bytes())
    assert clips.numbers(open_video(path)) == list(range(12))
    assert any("a second video stands behind its end, which is not read" in line for line in said)
    said.clear()
    assert clips.numbers(open_video(clips.write(f"b{suffix}", codec, 12))) == list(range(12)) and not said


@pytest.mark.parametrize(("degrees", "told"), [(45, True), (-30, True), (88, False), (90, False), (0, False)])
def test_a_turn_that_is_no_quarter_is_told(clips: Clips, said: list[str], degrees: int, told: bool) -> None:
    path = clips.write("a.mp4", count=3)
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 44
    cos, sin = (round(65536 * f(np.deg2rad(degrees))) for f in (np.cos, np.sin))
    data[place : place + 36] = struct.pack(">9i", cos, sin, 0, -sin, cos, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    list(open_video(path))
    assert any("degrees, which is done in quarters only" in line for line in said) == told


def test_a_cover_picture_is_no_video(tmp_path: Path, clips: Clips) -> None:
    """An ID3 tag with a picture before sound."""
    import cv2

    png = cv2.imencode(".png", clips.picture(0))[1].tobytes()
    body = b"\0image/png\0\3\0" + png
    picture = b"APIC" + len(body).to_bytes(4, "big") + b"\0\0" + body
    size = len(picture)
    tag = b"ID3\3\0\0" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0)) + picture
    sound = tmp_path / "sound.mp3"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("libmp3lame", rate=16000, layout="mono")
        for k in range(20):
            wave = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), format="s16p", layout="mono")
            wave.sample_rate, wave.pts = 16000, k * 1152
            container.mux(stream.encode(wave))
        container.mux(stream.encode())
    (tmp_path / "cover.mp3").write_bytes(tag + sound.read_bytes())
    with av.open(str(tmp_path / "cover.mp3")) as container:
        assert len(container.streams.video) == 1
    with pytest.raises(InputError, match="not a video"):
        open_video(tmp_path / "cover.mp3")


def test_pixels_are_made_square(clips: Clips) -> None:
    with open_video(clips.write("a.mp4", count=3, aspect=Fraction(16, 11))) as video:
        assert (video.width, video.height) == (round(128 * 16 / 11), 96)
        assert all(frame.shape == (96, video.width, 3) for frame in video)
