"""Subtitles as they come from others, and as we write them."""

from __future__ import annotations

import pytest

from skeletor.support.errors import InputError
from slt.data.importers.srt import Subtitle, read_srt
from slt.segment.written.cues import Cue
from slt.segment.written.subtitles import srt


def test_what_our_own_writer_writes_comes_back(tmp_path):
    cues = [Cue(0.5, 2.0, "Guten Abend.", confidence=None), Cue(3725.0, 3726.25, "Es regnet.", confidence=None)]
    (tmp_path / "a.srt").write_text(srt(cues), encoding="utf-8")
    assert read_srt(tmp_path / "a.srt") == [
        Subtitle(0.5, 2.0, ("Guten Abend.",)),
        Subtitle(3725.0, 3726.25, ("Es regnet.",)),
    ]


def test_marks_of_style_go_and_lines_are_joined(tmp_path):
    lines = ["\ufeff1", "00:00:01.5 --> 00:00:02,5 X1:40", "{\\an8}<i>Ja,</i>", "2 < 3!", "", "2",
             "00:00:03,000 --> 00:00:04,000", ""]  # fmt: skip
    (tmp_path / "a.srt").write_bytes("\r\n".join(lines).encode())
    assert read_srt(tmp_path / "a.srt") == [Subtitle(1.5, 2.5, ("Ja,", "2 < 3!")), Subtitle(3.0, 4.0, ())]


def test_no_empty_line_between_and_an_arrow_in_a_text(tmp_path):
    lines = ["1", "00:00:01,000 --> 00:00:02,000", "Von A --> B.", "7", "2", "00:00:03,000 --> 00:00:04,000", "Ja."]
    (tmp_path / "a.srt").write_text("\n".join(lines), encoding="utf-8")
    found = read_srt(tmp_path / "a.srt")
    assert found == [Subtitle(1.0, 2.0, ("Von A --> B.", "7")), Subtitle(3.0, 4.0, ("Ja.",))]
    assert found[0].text == "Von A --> B. 7"


_ONE, _TWO, _THREE = (f"00:00:0{k},000 --> 00:00:0{k + 1},000" for k in (1, 2, 3))


@pytest.mark.parametrize(
    ("lines", "texts"),
    [
        ([_ONE, "Ja.", "7", _TWO, "8", _THREE, "9"], ["Ja. 7", "8", "9"]),  # no numbers at all
        ([_ONE, "Ja.", "", "7", _TWO, "Nein."], ["Ja. 7", "Nein."]),
        (["1", _ONE, "Ja.", "7", "2", _TWO, "Nein.", "3", _THREE, "9"], ["Ja. 7", "Nein.", "9"]),
        (["4", _ONE, "Ja.", "9", _TWO, "Nein.", "1", _THREE, "Gut."], ["Ja.", "Nein.", "Gut."]),  # of several files
        (["1", _ONE, "Es kamen", "30", _TWO, "Leute.", "2", _THREE, "Ja."], ["Es kamen 30", "Leute.", "Ja."]),
        (["1", _ONE, "Es kamen", "30", "", _TWO, "Leute.", "2", _THREE, "Ja."], ["Es kamen 30", "Leute.", "Ja."]),
        (["1", _ONE, "Ja.", "", "Nein.", "", "2", _TWO, "Gut."], ["Ja. Nein.", "Gut."]),  # an empty line within
        (["1", "", _ONE, "", "Ja.", "", "2", "", _TWO, "", "Gut."], ["Ja.", "Gut."]),  # each line doubled
        ([_ONE, "", "Ja.", "", "7", "", _TWO, "", "Gut."], ["Ja. 7", "Gut."]),
        (["1", _ONE, "Ja.", "", "1", _TWO, "Nein.", "", "2", _THREE, "9"], ["Ja.", "Nein.", "9"]),  # a number twice
        (["3", _ONE, "Ja.", "", "2", _TWO, "Nein.", "", "1", _THREE, "9"], ["Ja.", "Nein.", "9"]),  # sorted anew
        (["1", _ONE, "Ja.", "9" * 5000, _TWO, "Nein."], [f"Ja. {'9' * 5000}", "Nein."]),
    ],
)
def test_digits_before_times_are_a_number_or_text_and_no_text_is_lost(tmp_path, lines, texts):
    (tmp_path / "a.srt").write_text("\n".join(lines), encoding="utf-8")
    assert [subtitle.text for subtitle in read_srt(tmp_path / "a.srt")] == texts


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no subtitles"), (b"1\nnow --> then\nx\n", "line 2: 'now --> then'"), (b"\xff\xfe\x00", "UTF-8"),
     (b"1\n00:00:01,000 -->\n", "line 2"),
     (b"00:00:01,000 --> 00:00:02,000\nJa.\n00:00:O3,000 --> 00:00:04,000\nNein.\n", "line 3: '00:00:O3,000")],
)  # fmt: skip
def test_what_are_no_subtitles_is_one_line(tmp_path, content, message):
    (tmp_path / "a.srt").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_srt(tmp_path / "a.srt")
