"""Transport streams one behind the other in one file, as recorders and `cat` make them."""

import tracemalloc

import pytest

from skeletor.support.errors import InputError
from slt.video import open_video
from slt.video.headers.broadcast import CodecWatch, codec_change
from tests.slt.video.conftest import Clips

PID = 256


def joined(clips: Clips, *codecs: str, size: int = 188):
    """20 frames by each codec."""
    parts = []
    for number, codec in enumerate(codecs):
        pictures = [clips.picture(20 * number + k) for k in range(20)]
        parts.append(clips.write(f"part{number}.ts", codec, pictures=pictures).read_bytes())
    whole = b"".join(parts)
    if size == 192:  # a time stamp in front of each packet
        whole = b"".join(b"\0\0\0\0" + whole[k : k + 188] for k in range(0, len(whole), 188))
    path = clips.folder / "joined.ts"
    path.write_bytes(whole)
    return path, len(parts[0]) / sum(map(len, parts))


@pytest.mark.parametrize("size", [188, 192])
@pytest.mark.parametrize(
    ("codecs", "names"),
    [(("libx264", "mpeg2video"), ("H.264", "MPEG-2")), (("mpeg2video", "libx264"), ("MPEG-2", "H.264"))],
)
def test_a_codec_that_changes_midway_is_refused(clips, codecs, names, size):
    """Of MPEG-2 before H.264 the second half was left out with a word of a damaged frame."""
    path, share = joined(clips, *codecs, size=size)
    change = codec_change(path, PID)
    assert change is not None and (change.before, change.after) == names
    assert change.at == pytest.approx(share, abs=0.02)
    with pytest.raises(InputError, match=f"change from {names[0]} to {names[1]} after {change.at:.0%} of the file"):
        open_video(path)


def test_one_codec_is_read_to_its_end(clips):
    path, _ = joined(clips, "libx264", "libx264")
    assert codec_change(path, PID) is None
    assert clips.numbers(list(open_video(path))) == list(range(40))


def test_what_is_no_transport_stream_has_no_change(clips, tmp_path):
    path, _ = joined(clips, "libx264", "mpeg2video")
    assert codec_change(path, PID + 1) is None, "another stream"
    assert codec_change(clips.write("film.mkv"), PID) is None
    assert codec_change(tmp_path / "none.ts", PID) is None
    whole = path.read_bytes()
    for cut in range(0, 188 * 3, 41):  # begun, and ended, within packets
        path.write_bytes(whole[cut : len(whole) - cut])
        change = codec_change(path, PID)
        assert change is not None and change.after == "MPEG-2"


@pytest.mark.parametrize(("size", "late"), [(188, False), (192, True)])
def test_a_change_is_told_once_while_the_stream_comes_in(clips, size, late):
    data = joined(clips, "mpeg2video", "libx264", "mpeg2video", size=size)[0].read_bytes()
    told: list[tuple[str, str]] = []
    watch = CodecWatch(lambda before, after: told.append((before, after)))
    if not late:
        watch.follow(PID)
    for k in range(0, len(data), 700):
        watch.see(data[k : k + 700])
    watch.follow(PID)
    assert told == [("MPEG-2", "H.264")]


def test_nothing_is_told_of_one_codec_another_stream_or_what_is_no_transport_stream(clips):
    told: list[tuple[str, str]] = []
    one = joined(clips, "libx264", "libx264")[0].read_bytes()
    other = joined(clips, "libx264", "mpeg2video")[0].read_bytes()
    for data, stream in ((one, PID), (other, PID + 1), (b"\0" * 9000, PID), (b"G", PID)):
        watch = CodecWatch(lambda before, after: told.append((before, after)))
        watch.follow(stream)
        watch.see(data)
    assert told == []


def test_what_is_kept_of_several_programs_does_not_grow():
    """Their maps take turns, ten a second of each."""
    maps = b""
    for stream in (PID, PID + 1):
        section = bytes(
            [2, 0xB0, 18, 0, 1, 0xC1, 0, 0, 0xE1, 0, 0xF0, 0, 0x1B, 0xE0 | stream >> 8, stream & 255, 0xF0, 0]
        )
        maps += (b"\x47\x50\x00\x10\x00" + section + b"\0\0\0\0").ljust(188, b"\xff")
    watch = CodecWatch(lambda before, after: pytest.fail(f"{before} to {after}"))
    watch.follow(PID)
    tracemalloc.start()
    try:
        for _ in range(200):
            watch.see(10 * maps)
        first = tracemalloc.get_traced_memory()[0]
        for _ in range(400):
            watch.see(10 * maps)
        assert tracemalloc.get_traced_memory()[0] < first + 100_000
    finally:
        tracemalloc.stop()
