"""Edit lists of MP4 files, written over those that FFmpeg writes."""

import struct
from pathlib import Path

import pytest

from slt.video import Span, open_video
from slt.video.headers.edits import Edit, Edits, read_edits
from tests.slt.video.conftest import Clips

LENGTH, START, TICKS = 1600, 1024, 12800  # of the clip: milliseconds, the first picture, ticks a second
HALF = START + TICKS * 4 // 5
Entry = tuple[int, int, int, int]  # milliseconds, start, whole and part of the rate


def edited(clips: Clips, *entries: Entry, wide: bool = False) -> Path:
    """40 frames at 25 a second, with these edits."""
    path = clips.write("edited.mp4")
    whole = path.read_bytes()
    place = whole.find(b"elst")
    assert struct.unpack(">IIihh", whole[place + 8 : place + 24]) == (1, LENGTH, START, 1, 0)
    form = struct.Struct(">Qqhh" if wide else ">Iihh")
    listed = struct.pack(">BxxxI", wide, len(entries)) + b"".join(form.pack(*entry) for entry in entries)
    made = bytearray(whole[: place + 4] + listed + whole[place + 24 :])
    assert whole.find(b"moov") > whole.find(b"mdat"), "no picture moves"
    for box in (b"elst", b"edts", b"trak", b"moov"):
        at = made.find(box) - 4
        (length,) = struct.unpack_from(">I", made, at)
        struct.pack_into(">I", made, at, length + len(listed) - 20)
    path.write_bytes(made)
    return path


def read(clips: Clips, path: Path) -> list[int | None]:
    return clips.numbers(list(open_video(path)))


@pytest.mark.parametrize("wide", [False, True])
def test_what_a_list_says_is_read(clips, wide):
    path = edited(clips, (800, -1, 1, 0), (400, START, 1, 0), (800, HALF, 0, -32768), wide=wide)
    [edits] = read_edits(path).values()
    assert edits.listed == (Edit(0.8, None, 1.0), Edit(0.4, START / TICKS, 1.0), Edit(0.8, HALF / TICKS, 0.5))
    assert edits.length == pytest.approx(1.64)


def test_the_usual_list_is_not_worth_a_word(clips, said):
    assert read(clips, edited(clips, (LENGTH, START, 1, 0))) == list(range(40))
    assert read(clips, edited(clips, (800, START, 1, 0), (800, HALF, 1, 0)))[:20] == list(range(20))
    assert not any("edit list asks" in line or "edit list goes" in line for line in said)


@pytest.mark.parametrize(
    "entries",
    [[(LENGTH, START + 10**6, 1, 0)], [(LENGTH, -1, 1, 0)], [(0, START, 1, 0)]],
    ids=["behind the last picture", "empty", "no time"],
)
def test_a_list_that_shows_nothing_does_not_count(clips, said, entries):
    path = edited(clips, *entries)
    assert read(clips, path) == list(range(40))
    assert said == [f"{path}: its edit list shows none of its pictures; they are read as if it had none"]
    with open_video(path, span=Span(0.8, 1.2)) as part:
        assert clips.numbers(list(part)) == list(range(20, 30))


@pytest.mark.parametrize("rate", [(2, 0), (0, -32768)])
def test_another_speed_is_told(clips, said, rate):
    path = edited(clips, (800, START, *rate))
    assert len(read(clips, path)) in (20, 40)
    asked = "2" if rate[0] else "0.5"
    wanted = f"{path}: its edit list asks for other speeds ({asked} times); its pictures are read at their own"
    assert wanted in said


def test_a_picture_that_stands_still_does_not_go_on_twice(clips, said):
    """FFmpeg alone plays what comes behind it, and then once more."""
    path = edited(clips, (800, START, 1, 0), (1600, HALF, 0, 0), (800, HALF, 1, 0))
    assert read(clips, path) == list(range(40))
    assert said == [
        f"{path}: its edit list holds pictures still, or plays them backwards; they are read as if it had none"
    ]


def test_an_edit_that_goes_on_behind_the_pictures_is_told(clips, said):
    path = edited(clips, (4800, START, 1, 0))
    assert read(clips, path) == list(range(40))
    assert said == [f"{path}: its edit list goes on for 3.2 s behind its last picture; nothing is read there"]
    assert Edits((Edit(2.0, 0.0, 1.0),), 1.6).notes() == [], "as long as the sound"
    assert Edits((Edit(9.0, 0.0, 1.0),), 0.0).notes() == [], "the head does not know"


def test_other_files_have_none(clips, tmp_path):
    assert read_edits(clips.write("plain.mp4", options={"bf": "0"}, muxer={"use_editlist": "0"})) == {}
    assert read_edits(clips.write("parts.mp4", muxer={"movflags": "frag_keyframe+empty_moov"})) == {}
    assert read_edits(clips.write("film.mkv")) == {}
    path = edited(clips, (LENGTH, START, 1, 0))
    whole = path.read_bytes()
    head = whole.find(b"moov")
    for end in range(head, len(whole), 37):
        path.write_bytes(whole[:end])
        read_edits(path)  # whatever it is, nothing is raised
    for place in range(head, len(whole), 11):
        path.write_bytes(whole[:place] + b"\xff\xff\xff\xff" + whole[place + 4 :])
        read_edits(path)
