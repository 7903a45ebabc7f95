"""Folders of numbered pictures."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
import pytest

from skeletor.support.errors import InputError
from slt.estimators.base import Estimator, seen_in
from slt.video import Span, open_video

if TYPE_CHECKING:
    from tests.slt.video.conftest import Clips


def save(clips: Clips, names: Iterable[str]) -> Path:
    for k, name in enumerate(names):
        assert cv2.imwrite(str(clips.folder / name), clips.picture(k))
    return clips.folder


def refused(path: Path, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        list(open_video(path))
    assert "\n" not in str(error.value)


def test_gaps_are_missing_frames(clips: Clips, said: list[str]) -> None:
    folder = save(clips, [f"images{k:04d}.png" for k in (17, 18, 21, 22, 24)])
    with open_video(folder) as video:
        assert video.frame_count == 8
        assert clips.numbers(video.every(1)) == [0, 1, None, None, 2, 3, None, 4]
        assert clips.numbers(video.every(3)) == [0, None, None, None, None, None, None, None]
        assert clips.numbers(video.every(4)) == [0, None, None, None, 2, None, None, None]
        assert clips.numbers(video) == [0, 1, 1, 1, 2, 3, 3, 4]
    assert sum("3 of 8 frames are missing" in line and "images0018.png" in line for line in said) == 1


def test_an_assumed_rate_is_told_once_and_stands_in_the_provenance(clips: Clips, said: list[str]) -> None:
    folder = save(clips, ["0.png", "1.png"])
    made = cast(Estimator, SimpleNamespace(name="mine", version="1"))
    assumed, given = open_video(folder, span=Span(0, 0.08)), open_video(folder, fps=25)
    for video in (assumed, given):
        list(video)
        list(video)
    assert [line for line in said if "25 frames a second are assumed" in line] == [
        f"{folder}: pictures tell no frame rate; 25 frames a second are assumed (--fps says otherwise)"
    ]
    stage = seen_in(made, folder, "", assumed).stage("frame_rate")
    assert stage is not None and stage.config == {"fps": 25, "by": "default"}
    assert seen_in(made, folder, "", given).stage("frame_rate") is None


def test_poses_beside_pictures_are_not_read_in_silence(clips: Clips, said: list[str]) -> None:
    folder = save(clips, ["0.png", "1.png"])
    for k in range(2):
        (folder / f"{k}.json").write_text('{"people": []}')
    assert clips.numbers(open_video(folder, fps=25)) == [0, 1]
    assert said == [f"{folder}: pictures and poses; the pictures are read, 0.json and others are not"]


def test_previews_of_another_kind_are_no_frames(clips: Clips) -> None:
    folder = save(clips, ["cover.webp", *(f"{k}.jpg" for k in range(1, 4)), "preview.bmp"])
    assert clips.numbers(open_video(folder)) == [1, 2, 3]


def test_a_constant_step_is_no_gap(clips: Clips, said: list[str]) -> None:
    folder = save(clips, [f"{k}.jpg" for k in (5, 10, 15, 25)])
    assert clips.numbers(open_video(folder).every(1)) == [0, 1, 2, None, 3]
    assert any("5 apart" in line for line in said) and any("1 of 5 frames are missing" in line for line in said)


@pytest.mark.parametrize(
    "names",
    [
        ["9.png", "10.png", "11.png"],
        ["008.png", "9.jpg", "10.PNG"],
        ["heute.avi_pid0_fn000000-0.png", "heute.avi_pid0_fn000001-0.png", "heute.avi_pid0_fn000002-0.png"],
        ["2023-11-14 clip 1.png", "2023-11-14 clip 2.png", "2023-11-14 clip 3.png"],
        ["f1_40ms.png", "f2_80ms.png", "f3_120ms.png"],
        ["0.png", "1.png", "2.png"],
    ],
)
def test_the_number_that_counts_is_found(clips: Clips, said: list[str], names: list[str]) -> None:
    assert clips.numbers(open_video(save(clips, names), fps=25).every(1)) == [0, 1, 2]
    assert said == []


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a_0001.png", "a_0002.png", "b_0001.png"], "more than one series"),
        (["1.png", "2.png", "thumbnail.png"], "more than one series"),
        (["1.png", "01.png", "2.png"], "no number"),
        (["1.png", "1.jpg"], "no number"),
        (["clip1_1.png", "clip1_2.png", "clip2_1.png", "clip2_2.png"], "no number"),
        (["1.png", "2.png", "20231114.png"], "leap from 2.png to 20231114.png"),
        (["1.png", f"{'9' * 30}.png"], "too large"),
    ],
)
def test_what_is_no_series_is_refused(clips: Clips, names: list[str], words: str) -> None:
    refused(save(clips, names), words)


def test_names_without_numbers(clips: Clips, said: list[str]) -> None:
    assert clips.numbers(open_video(save(clips, ["a.png", "b.png", "c.png"]))) == [0, 1, 2]
    assert any("no numbers" in line for line in said)


def test_what_is_no_frame_is_left_out(clips: Clips) -> None:
    folder = save(clips, ["1.png", "2.png", "3.png"])
    for name in ("._1.png", ".4.png", "notes.txt", "Thumbs.db"):
        (folder / name).write_bytes(b"no picture")
    (folder / "5.png").mkdir()
    os.mkfifo(folder / "6.png")
    assert clips.numbers(open_video(folder)) == [0, 1, 2]


def test_this_folder(clips: Clips, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(save(clips, ["1.png", "2.png"]))
    assert clips.numbers(open_video(Path("."))) == [0, 1]
    assert clips.numbers(open_video(".", fps=30)) == [0, 1]


def test_a_bad_picture_in_the_middle(clips: Clips) -> None:
    folder = save(clips, ["1.png", "2.png", "3.png"])
    whole = (folder / "2.png").read_bytes()
    for data in (b"", b"no picture", whole[:20], whole[:60].replace(b"IHDR", b"XXXX")):
        (folder / "2.png").write_bytes(data)
        refused(folder, r"2\.png: not a picture, or a damaged one")
    (folder / "2.png").unlink()
    (folder / "2.png").symlink_to(folder / "nowhere.png")
    refused(folder, r"2\.png: not a picture, or a damaged one")


def test_a_cut_picture_is_one_line_and_opencv_is_quiet(clips: Clips, capfd: pytest.CaptureFixture[str]) -> None:
    folder = save(clips, ["1.png", "2.png"])
    whole = (folder / "2.png").read_bytes()
    (folder / "2.png").write_bytes(whole[: len(whole) // 2])
    refused(folder, r"2\.png: not a picture, or a damaged one")
    assert capfd.readouterr().err == ""


def test_folders_and_files_that_stand_for_others_are_told(clips: Clips) -> None:
    (clips.folder / "a.MP4").touch()
    refused(clips.folder, r"a folder of videos; give these, as .*/\*$")
    (clips.folder / "a.MP4").unlink()
    (clips.folder / "inner").mkdir()
    cv2.imwrite(str(clips.folder / "inner" / "1.png"), clips.picture(0))
    refused(clips.folder, r"a folder of folders of pictures; give these, as .*/\*$")
    (clips.folder / "1.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n")
    refused(clips.folder, r"1\.png: a pointer of Git LFS")


def huge_png(width: int, height: int) -> bytes:
    """A whole PNG file of a few bytes whose header says so."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(30_000, 30_000), (34_000, 2), (2, 40_000), (2**31 - 1, 2**31 - 1)])
def test_too_large_by_the_header(clips: Clips, size: tuple[int, int]) -> None:
    (clips.folder / "1.png").write_bytes(huge_png(*size))
    refused(clips.folder, f"{size[0]}x{size[1]} are too large")


def test_other_formats_under_these_names(clips: Clips) -> None:
    """The content decides."""
    for k, kind in enumerate((".webp", ".bmp", ".jpg")):
        data = cv2.imencode(kind, clips.picture(k))[1]
        (clips.folder / f"{k}.png").write_bytes(data.tobytes())
    assert clips.numbers(open_video(clips.folder)) == [0, 1, 2]


@pytest.mark.parametrize("kind", [".webp", ".bmp"])
def test_other_formats_by_their_own_names(clips: Clips, kind: str) -> None:
    for k in range(3):
        (clips.folder / f"{k}{kind}").write_bytes(cv2.imencode(kind, clips.picture(k))[1].tobytes())
    assert clips.numbers(open_video(clips.folder)) == [0, 1, 2]


def test_sizes_that_differ(clips: Clips) -> None:
    folder = save(clips, ["1.png", "2.png"])
    cv2.imwrite(str(folder / "3.png"), np.zeros((20, 30, 3), np.uint8))
    refused(folder, r"3\.png: 30x20, but the first frame is 128x96")


def save_deep(clips: Clips, white: int) -> Path:
    """Three pictures in 16-bit PNG, whose values are up to `white`."""
    for k in range(3):
        picture = np.round(clips.picture(k) / 255.0 * white).astype(np.uint16)  # (H, W, 3)
        assert cv2.imwrite(str(clips.folder / f"{k}.png"), picture)
    return clips.folder


@pytest.mark.parametrize("white, factor", [(255, 256), (1023, 64), (4095, 16), (16383, 4)])
def test_values_of_fewer_bits_in_16_are_told_once(clips: Clips, said: list[str], white: int, factor: int) -> None:
    """Not made brighter: a dark scene looks the same."""
    video = open_video(save_deep(clips, white), fps=25)
    frames = [frame for _ in range(2) for frame in video]
    assert max(int(frame.max()) for frame in frames) == white >> 8
    assert [f"{white} of 65535" in line and line.endswith(f"multiply them by {factor}") for line in said] == [True]


@pytest.mark.parametrize("white", [0, 16384, 65535])
def test_16_bits_that_are_full_or_black_are_read_without_a_word(clips: Clips, said: list[str], white: int) -> None:
    frames = list(open_video(save_deep(clips, white), fps=25))
    assert max(int(frame.max()) for frame in frames) == white >> 8
    assert not said
    if white == 65535:
        assert clips.numbers(frames) == [0, 1, 2]
