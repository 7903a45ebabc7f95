"""What is shown: on a terminal, in a pipe, for programs, in a file."""

import io
import json
from dataclasses import replace

import pytest

from skeletor.support.errors import InputError
from slt.live.session import Fixed, Grey
from slt.live.show import JsonLines, Lines, Subtitles
from slt.live.summary import Tally
from slt.recognise.guess import Guess
from slt.segment.written.cues import NOT_UNDERSTOOD

FIRST = Fixed(1.0, 2.5, "wind\nund\x1b[31m schnee", None, 0.5, ("WIND", "SCHNEE"), None, 1.0, "rest")
SECOND = Fixed(4.0, 6.0, None, "too short", None, None, None, 2.0, "rest")
THIRD = Fixed(6.0, 7.0, "regen .", None, 0.9, None, None, 4.0, "cut")
TEXT = "wind und[31m schnee"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def tally() -> Tally:
    made = Tally(came=4, dropped=1, cpu_s=0.12, stream_s=8.0)
    for now in (10.0, 10.5, 11.0):
        made.looked(now)
    for one in (FIRST, SECOND, THIRD):
        made.add(one)
    return made


def test_grey_text_stands_on_a_terminal_until_it_is_fixed():
    out, told = Terminal(), io.StringIO()
    lines = Lines(out, told)
    lines.show(Grey(1.0, 2.0, None))
    lines.show(Grey(1.0, 2.2, "wi\x07nd " + 400 * "x"))
    shown = out.getvalue().split("\r\x1b[2K")
    assert shown[1] == "\x1b[2m...\x1b[0m" and "\x07" not in shown[2] and len(shown[2]) < 200
    assert "\n" not in out.getvalue()
    lines.show(FIRST)
    assert out.getvalue().endswith(f"\r\x1b[2K00:00:01.000 - 00:00:02.500  {TEXT}\n")
    lines.show(Grey(None, 3.0, None))
    assert out.getvalue().endswith("\r\x1b[2K\x1b[2m\x1b[0m")


def test_elsewhere_only_what_is_fixed_is_printed():
    out, told = io.StringIO(), io.StringIO()
    lines = Lines(out, told)
    for one in (Grey(1.0, 2.0, "wind"), FIRST, SECOND):
        lines.show(one)
    lines.end(tally())
    assert out.getvalue() == f"00:00:01.000 - 00:00:02.500  {TEXT}\n00:00:04.000 - 00:00:06.000  {NOT_UNDERSTOOD}\n"
    assert told.getvalue().splitlines() == [
        "00:00:04.000 - 00:00:06.000  not understood: too short",
        "3 frames looked at, 2.0 a second; 40 ms of CPU time each; 1 of 4 dropped for lack of time (25.0 %)",
        "3 sentences in 8.0 s, 1 not understood",
        "text of a sentence ended by a rest: fixed 1.50 s after it (median; worst 2.00 s)",
        "text of a sentence cut for its length: fixed 4.00 s after it (median; worst 4.00 s)",
    ]
    assert Tally().lines()[0] == "0 frames looked at; 0 of 0 dropped for lack of time" and Tally().rate is None


def test_the_likeliest_labels_of_an_isolated_sign_stand_below_it():
    out = io.StringIO()
    top = (Guess("REGEN\x1b[31m", 0.9), Guess("WIND", 0.05))
    for one in (replace(FIRST, text="REGEN", top=top), replace(SECOND, top=top)):
        Lines(out, io.StringIO()).show(one)
    assert out.getvalue().splitlines()[1:3] == ["  REGEN[31m 0.900", "  WIND 0.050"] and out.getvalue().count("\n") == 4


def test_programs_get_all_of_it():
    out = io.StringIO()
    shows = JsonLines(out)
    for one in (Grey(1.0, 2.0, "wind"), FIRST):
        shows.show(one)
    shows.end(tally())
    grey, fixed, summary = map(json.loads, out.getvalue().splitlines())
    assert grey == {"type": "grey", "start_s": 1.0, "end_s": 2.0, "text": "wind"}
    assert fixed["type"] == "fixed" and fixed["text"] == FIRST.text and fixed["glosses"] == ["WIND", "SCHNEE"]
    assert summary["dropped"] == 1 and summary["delays_s"] == {"rest": [1.0, 2.0], "cut": [4.0]}


@pytest.mark.parametrize("suffix", [".srt", ".vtt", ".txt", ".SRT"])
def test_the_file_is_whole_after_each_sentence(tmp_path, suffix):
    path = tmp_path / "new" / f"out{suffix}"
    shows = Subtitles(path)
    sizes = [len(path.read_text())]
    for one in (FIRST, Grey(4.0, 5.0, "regen"), SECOND, THIRD):
        shows.show(one)
        sizes.append(len(path.read_text()))
    text = path.read_text()
    assert sizes[0] < sizes[1] == sizes[2] < sizes[3] < sizes[4] and "regen ." in text and NOT_UNDERSTOOD in text
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_told_before_anything_is_watched(tmp_path):
    with pytest.raises(InputError, match=r"subtitles are \.srt, \.vtt, \.txt"):
        Subtitles(tmp_path / "out.mp4")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="there is a file of this name already"):
        Subtitles(tmp_path / "file" / "out.srt")
