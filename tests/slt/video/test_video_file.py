"""Reading and writing videos."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.support.errors import InputError
from slt.video import frame_files, frame_rate, open_video, turn, write_video

SHARED = Path(__file__).parents[4] / "shared" / "data"


def numbered(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Grey pictures whose brightness tells their number."""
    return [np.full((height, width, 3), 8 * k + 4, np.uint8) for k in range(count)]


def numbers(frames: list[np.ndarray]) -> list[int]:
    return [round((float(frame.mean()) - 4) / 8) for frame in frames]


def write_at(path: Path, ticks: list[int], time_base: Fraction, frames: list[np.ndarray], turned: int = 0) -> None:
    """Frames at given times, optionally with a rotation in the container."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10"})
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "yuv420p"
        stream.codec_context.time_base = time_base
        if turned:
            stream.set_display_rotation(turned)
        for tick, frame in zip(ticks, frames, strict=True):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = tick, time_base
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


@pytest.mark.parametrize(("height", "width"), [(48, 64), (47, 65), (260, 210), (1, 1)])
def test_write_then_read(tmp_path: Path, height: int, width: int) -> None:
    frames = numbered(20, height, width)
    assert write_video(tmp_path / "a.mp4", iter(frames), 25) == 20
    with open_video(tmp_path / "a.mp4") as video:
        read = list(video)
        assert (video.fps, video.frame_count) == (25, 20)
        assert (video.height, video.width) == (height + height % 2, width + width % 2)
        assert numbers(read) == list(range(20))
        assert numbers(list(video)) == list(range(20)), "a second pass gives the same"
    assert all(f.dtype == np.uint8 and f.shape == (video.height, video.width, 3) for f in read)


def test_colours_are_rgb(tmp_path: Path) -> None:
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 200
    write_video(tmp_path / "a.mp4", [red] * 3, 25)
    mean = next(iter(open_video(tmp_path / "a.mp4"))).mean((0, 1))
    assert mean[0] > 180 and mean[1] < 25 and mean[2] < 25


def test_same_frames_same_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    frames = [rng.integers(0, 256, (40, 40, 3), dtype=np.uint8) for _ in range(6)]
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, frames, 29.97)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert open_video(tmp_path / "a.mp4").fps == pytest.approx(29.97, rel=1e-3)


def test_nothing_half_written(tmp_path: Path) -> None:
    def breaking() -> object:
        yield from numbered(3)
        raise RuntimeError("renderer broke")

    with pytest.raises(RuntimeError, match="renderer broke"):
        write_video(tmp_path / "a.mp4", breaking(), 25)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no frame"):
        write_video(tmp_path / "a.mp4", [], 25)
    with pytest.raises(ValueError, match="frame 1"):
        write_video(tmp_path / "a.mp4", [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)], 25)
    with pytest.raises(InputError, match="fps"):
        write_video(tmp_path / "a.mp4", numbered(2), 0)
    assert list(tmp_path.iterdir()) == []


def test_gap_and_crowd_keep_their_place_in_time(tmp_path: Path) -> None:
    ticks = [0, 40, 80, 120, 310, 325, 335, 360, 400, 440, 480]  # ms; nominal 25 fps, a gap, and two in one place
    write_at(tmp_path / "a.mp4", ticks, Fraction(1, 1000), numbered(len(ticks)))
    with open_video(tmp_path / "a.mp4") as video:
        assert video.fps == pytest.approx(25)
        shown = numbers(list(video))
        assert video.frame_count == len(shown)
    for slot, number in enumerate(shown):
        late = [k for k, tick in enumerate(ticks) if round(tick / 40) <= slot]
        assert number == late[-1], f"frame shown at {slot / 25} s"


@pytest.mark.parametrize("stride", [1, 2, 3, 50])
def test_a_stride_gives_the_same_pictures_in_their_places(tmp_path: Path, stride: int) -> None:
    ticks = [0, 40, 80, 120, 310, 325, 335, 360, 400, 440, 480]  # ms, with a gap and a crowd
    write_at(tmp_path / "a.mp4", ticks, Fraction(1, 1000), numbered(len(ticks)))
    (tmp_path / "frames").mkdir()
    for k, frame in enumerate(numbered(7)):
        cv2.imwrite(str(tmp_path / "frames" / f"{k}.png"), frame)
    for path in (tmp_path / "a.mp4", tmp_path / "frames"):
        whole, sparse = list(open_video(path)), list(open_video(path).every(stride))
        assert len(sparse) == len(whole)
        for slot, (expected, frame) in enumerate(zip(whole, sparse, strict=True)):
            assert (frame is None) == bool(slot % stride)
            assert frame is None or np.array_equal(frame, expected)


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(10)])
def test_constant_rates_are_identity(tmp_path: Path, fps: Fraction) -> None:
    write_at(tmp_path / "a.mp4", list(range(25)), 1 / fps, numbered(25))
    with open_video(tmp_path / "a.mp4") as video:
        assert video.fps == pytest.approx(float(fps), rel=1e-3)
        assert numbers(list(video)) == list(range(25))


@given(st.floats(5, 120), st.integers(3, 200), st.floats(0, 0.2))
@settings(max_examples=50, deadline=None)
def test_frame_rate_bears_jitter(fps: float, count: int, jitter: float) -> None:
    """Timestamps rounded to milliseconds, or shaken by a part of a frame, give the true rate to 5 %."""
    rng = np.random.default_rng(count)
    times = (np.arange(count) + jitter * rng.uniform(-0.1, 0.1, count)) / fps
    assert frame_rate(np.sort(np.round(times, 4)), [fps]) == pytest.approx(fps, rel=0.05)
    assert frame_rate(np.sort(times)) == pytest.approx(fps, rel=0.06)


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_rotation_is_honoured(tmp_path: Path, degrees: int) -> None:
    corner = np.zeros((48, 64, 3), np.uint8)
    corner[:16, :16] = 255  # stored: top left
    write_at(tmp_path / "a.mp4", [0, 1, 2], Fraction(1, 25), [corner] * 3, turned=degrees)
    with open_video(tmp_path / "a.mp4") as video:
        frame = next(iter(video))
        expected = np.rot90(corner, degrees // 90)  # both count against the clock
        assert (video.height, video.width) == expected.shape[:2] == frame.shape[:2]
    assert np.abs(frame.astype(int) - expected).mean() < 4


@pytest.mark.parametrize("a", [-1, 1])
@pytest.mark.parametrize("b", [-1, 1])
@pytest.mark.parametrize("crossed", [False, True])
def test_turn_follows_the_matrix(a: int, b: int, crossed: bool) -> None:
    """Each stored pixel lands where FFmpeg's definition x' = a x + c y, y' = b x + d y puts it."""
    image = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    square = np.array([[0, a], [b, 0]] if crossed else [[a, 0], [0, b]])  # rows (a, b), (c, d)
    matrix = np.zeros(9, np.int32)
    matrix[[0, 1, 3, 4]] = square.ravel() * 65536
    ys, xs = np.mgrid[:5, :7]
    new = np.stack([xs, ys], -1) @ square  # (5, 7, 2) x', y'
    new -= new.min((0, 1))
    turned = turn(image, matrix)
    assert (turned[new[..., 1], new[..., 0]] == image).all()


def test_directory_of_frames(tmp_path: Path) -> None:
    for k, frame in enumerate(numbered(12)):
        cv2.imwrite(str(tmp_path / f"images{k}.png"), frame)
    (tmp_path / ".hidden.png").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no frame")
    assert [f.name for f in frame_files(tmp_path)][9:11] == ["images9.png", "images10.png"]
    with open_video(tmp_path) as video:
        assert (video.fps, video.width, video.height, video.frame_count) == (25, 64, 48, 12)
        assert numbers(list(video)) == list(range(12))
    assert open_video(tmp_path, fps=50).fps == 50


def test_bad_directories(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="without frames"):
        open_video(tmp_path)
    cv2.imwrite(str(tmp_path / "1.png"), numbered(1)[0])
    cv2.imwrite(str(tmp_path / "2.png"), numbered(1, 20, 20)[0])
    with pytest.raises(InputError, match=r"2\.png: 20x20"):
        list(open_video(tmp_path))
    (tmp_path / "1.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"1\.png: not a picture"):
        open_video(tmp_path)
    (tmp_path / "1.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"1\.png: not a picture"):
        open_video(tmp_path)
    with pytest.raises(InputError, match="fps"):
        open_video(tmp_path, fps=0)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"Guten Abend, meine Damen und Herren.\n" * 200, "not a video"),
        ("text.txt", b"hello\n", "not a video"),
        ("noise.avi", np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8).tobytes(), "not a video"),
    ],
)
def test_not_a_video(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=reason) as error:
        open_video(tmp_path / name)
    assert name in str(error.value) and "\n" not in str(error.value)


def test_missing_and_sound_only(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_video(tmp_path / "none.mp4")
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    with pytest.raises(InputError, match="no picture stream"):
        open_video(tmp_path / "sound.wav")


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.6])
def test_truncated(tmp_path: Path, suffix: str, share: float) -> None:
    """However little is left, it is an error or a video of almost all frames, never a short one."""
    rng = np.random.default_rng(2)
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    write_video(whole, [rng.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(50)], 25)
    data = whole.read_bytes()
    cut.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError) as error, open_video(cut) as video:
        list(video)
    assert "cut" in str(error.value) and "\n" not in str(error.value)


def test_header_in_front_truncated(tmp_path: Path) -> None:
    """An mp4 for the web has its index in front, so it opens; the missing frames must still be noticed."""
    rng = np.random.default_rng(3)
    with av.open(str(tmp_path / "a.mp4"), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for _ in range(50):
            noise = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode())
    data = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"breaks off, \d+ of 50 frames"):
        open_video(tmp_path / "cut.mp4")


def test_damaged_middle_keeps_time(tmp_path: Path) -> None:
    """A damaged stretch is bridged: what comes after it is still in its place, or the file is refused."""
    write_video(tmp_path / "a.mp4", numbered(30), 25)
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    start = data.find(b"mdat") + 600
    data[start : start + 12] = b"\xff" * 12
    (tmp_path / "a.mp4").write_bytes(bytes(data))
    try:
        with open_video(tmp_path / "a.mp4") as video:
            shown = numbers(list(video))
    except InputError as error:
        assert "breaks off" in str(error)
    else:
        assert len(shown) == 30 and shown[0] == 0


def test_no_chatter(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.mp4").write_bytes(b"no video")
    with pytest.raises(InputError):
        open_video(tmp_path / "text.mp4")
    write_video(tmp_path / "a.mp4", numbered(3), 25)
    list(open_video(tmp_path / "a.mp4"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("file", "fps", "size", "count"),
    [
        ("video/sign_test_video.mp4", 359 / 12, (540, 720), 58),
        ("video/people_walking.avi", 50, (1280, 720), 205),
        ("phoenix14t_video/01April_2010_Thursday_tagesschau-4330.avi", 25, (2000, 1000), 82),
    ],
)
def test_real_videos(file: str, fps: float, size: tuple[int, int], count: int) -> None:
    path = SHARED / file
    if not path.exists():
        pytest.skip(f"{path} is not here")
    with open_video(path) as video:
        assert (video.fps, video.width, video.height) == (pytest.approx(fps), *size)
        assert video.frame_count == sum(1 for _ in video) == count
