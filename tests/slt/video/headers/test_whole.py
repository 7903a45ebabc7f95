"""Files that break off or are damaged: one line or a word in the log, never another number of frames in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from skeletor.support.errors import InputError
from slt.video import open_video

if TYPE_CHECKING:
    from tests.slt.video.conftest import Clips

COUNT = 40
KINDS = {
    "a.mp4": ("libx264", {}),
    "front.mp4": ("libx264", {"muxer": {"movflags": "faststart"}}),
    "fragments.mp4": ("libx264", {"muxer": {"movflags": "frag_keyframe+empty_moov"}}),
    "a.mkv": ("libx264", {}),
    "vp9.webm": ("libvpx-vp9", {"options": {"b": "300k", "cpu-used": "8"}}),
    "live.webm": ("libvpx", {"options": {"b": "300k", "cpu-used": "8"}, "muxer": {"live": "1"}}),  # as browsers record
    "a.avi": ("libx264", {"options": {"g": "15", "bf": "2"}}),
    "mjpeg.avi": ("mjpeg", {"pixels": "yuvj420p"}),
    "a.asf": ("libx264", {}),
    "a.flv": ("libx264", {}),
    "a.ts": ("libx264", {}),
    "mpeg2.ts": ("mpeg2video", {"options": {"bf": "2"}}),
    "a.mpg": ("mpeg2video", {"options": {"bf": "2"}}),
    "a.mxf": ("mpeg2video", {"options": {}}),
    "a.gif": ("gif", {"pixels": "rgb8", "options": {}}),
    "raw.h264": ("libx264", {"format": "h264"}),
}


def outcome(clips: Clips, said: list[str], name: str, data: bytes) -> str:
    """ "error", "said" or "same"; fails at a number of frames that differs in silence."""
    path = clips.folder / f"damaged_{name}"
    path.write_bytes(data)
    said.clear()
    try:
        with open_video(path) as video:
            count = sum(1 for _ in video)
    except InputError as error:
        assert "\n" not in str(error) and path.name in str(error)
        return "error"
    assert count == video.frame_count
    if said:
        return "said"
    assert count == COUNT, f"{count} frames of {COUNT}, and not a word: {path}"
    return "same"


@pytest.mark.parametrize("name", sorted(KINDS))
def test_cut_anywhere(clips: Clips, said: list[str], name: str) -> None:
    codec, more = KINDS[name]
    data = clips.write(name, codec, COUNT, **more).read_bytes()
    for share in (np.arange(12) + 0.5) / 12:
        assert outcome(clips, said, name, data[: int(share * len(data))]) != "same", f"cut at {share:.2f}"


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"a.gif"}))  # nothing in a GIF tells how many pictures it holds
def test_damaged_anywhere(
    clips: Clips, said: list[str], name: str, capfd: pytest.CaptureFixture[str], mutations: int = 25
) -> None:
    """Bits flipped, bytes overwritten, taken out and put in, half of them near the ends, where the headers are."""
    codec, more = KINDS[name]
    data = clips.write(name, codec, COUNT, **more).read_bytes()
    rng = np.random.default_rng(7)
    capfd.readouterr()
    for k in range(mutations):
        place = int(rng.integers(0, len(data)))
        if k % 2:
            place = int(rng.integers(0, 1500)) if k % 4 == 1 else len(data) - int(rng.integers(1, 1500))
        changed, length = bytearray(data), int(rng.integers(1, 17))
        noise = rng.bytes(length)
        if k % 5 == 0:
            changed[place] ^= 1 << int(rng.integers(0, 8))
        elif k % 5 == 1:
            changed[place : place + length] = noise
        elif k % 5 == 2:
            changed[place : place + length] = bytes(length)
        elif k % 5 == 3:
            del changed[place : place + length]
        else:
            changed[place:place] = noise
        outcome(clips, said, name, bytes(changed))
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("codec", ["libx264", "mpeg2video", "libx265"])
@pytest.mark.parametrize("more", [0, 100])
def test_a_transport_stream_cut_in_the_middle_is_said(clips: Clips, said: list[str], codec: str, more: int) -> None:
    """Within a packet, or between two packets of one picture."""
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {"g": "60", "b": "4M"}
    data = clips.write("a.ts", codec, count=60, options=options).read_bytes()
    packets = [data[k : k + 188] for k in range(0, len(data), 188)]
    inside = [k for k, p in enumerate(packets) if k > len(packets) / 2 and p[1] == 0x01 and p[2] == 0x00]
    for cut in inside[:: max(1, len(inside) // 8)]:
        assert outcome(clips, said, "a.ts", data[: 188 * cut + more]) == "said"
        assert any("breaks off" in line for line in said)


def test_what_is_missing_is_counted(clips: Clips, said: list[str]) -> None:
    """Less than a tenth is said, more is an error."""
    noise = [np.random.default_rng(k).integers(0, 256, (96, 128, 3), dtype=np.uint8) for k in range(50)]
    path = clips.write("a.mp4", pictures=noise, options={"g": "1"}, muxer={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: int(0.95 * len(data))])
    with open_video(path) as video:
        assert 46 <= sum(1 for _ in video) <= 48
    assert any("breaks off" in line and "of 50 frames" in line for line in said)
    path.write_bytes(data[: int(0.8 * len(data))])
    with pytest.raises(InputError, match=r"breaks off, \d+ of 50 frames are there"):
        open_video(path)


def test_a_header_that_errs_is_only_a_hint(clips: Clips, said: list[str]) -> None:
    """An AVI whose header promises ten times as many frames is as long as it is."""
    path = clips.write("a.avi", "mpeg4", COUNT, options={})
    data = bytearray(path.read_bytes())
    place = data.find(b"strh") + 8 + 32
    assert int.from_bytes(data[place : place + 4], "little") == COUNT
    data[place : place + 4] = (10 * COUNT).to_bytes(4, "little")
    path.write_bytes(data)
    assert clips.numbers(open_video(path)) == list(range(COUNT))
    assert any("promises 400 frames" in line for line in said)


@pytest.mark.parametrize("flags", ["frag_keyframe+empty_moov", "dash+frag_keyframe", "frag_keyframe+delay_moov"])
def test_a_recording_that_breaks_off_in_the_head_of_a_fragment(clips: Clips, said: list[str], flags: str) -> None:
    """All fragments before it are read: FFmpeg would not even open it."""
    path = clips.write("a.mp4", count=60, options={"g": "10"}, muxer={"movflags": flags})
    data = path.read_bytes()
    head = [place - 4 for place in range(len(data)) if data.startswith(b"moof", place)][-2]
    for more in (16, 50):
        said.clear()
        path.write_bytes(data[: head + more])
        found = clips.numbers(open_video(path))
        assert found == list(range(len(found))) and len(found) >= 30
        assert any("breaks off" in line for line in said)


@pytest.mark.parametrize("flags", ["", "frag_keyframe+empty_moov"])
def test_encrypted_pictures_are_told(clips: Clips, flags: str) -> None:
    key = {"encryption_key": "76a6c65c5ea762046bd749a2e632ccbb", "encryption_kid": "a7e61c373e219033c21091fa607bf3b8"}
    more = {"movflags": flags} if flags else {}
    path = clips.write("a.mp4", muxer={"encryption_scheme": "cenc-aes-ctr"} | more | key)
    with pytest.raises(InputError, match=r"a\.mp4: its pictures are encrypted"):
        open_video(path)


@pytest.mark.parametrize("muxer", [{"muxrate": "2000000"}, {}])
def test_a_transport_stream_of_constant_rate_is_whole(clips: Clips, said: list[str], muxer: dict[str, str]) -> None:
    """As broadcasts are, filled up with empty packets."""
    path = clips.write("a.ts", count=39, muxer=muxer)
    empty = b"\x47\x1f\xff\x10" + b"\xff" * 184
    path.write_bytes(path.read_bytes() + 9 * empty)
    assert clips.numbers(open_video(path)) == list(range(39)) and not said


def test_an_unknown_codec_is_told(clips: Clips) -> None:
    path = clips.write("a.avi", "mpeg4", 5)
    path.write_bytes(path.read_bytes().replace(b"FMP4", b"ABCD"))
    with pytest.raises(InputError, match=r"a\.avi: its pictures are of a codec that FFmpeg does not know"):
        open_video(path)
