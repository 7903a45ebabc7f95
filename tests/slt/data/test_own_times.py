"""Times of clips that are parts of a recording, in a table of one's own data."""

import pytest

from skeletor.support.errors import InputError
from slt.data.own import read_own
from slt.video import Span
from tests.slt.data.own_sets import HEAD, write_lines

ROW = ("a", "train", "anna", "", "Hello")


def test_parts_of_a_longer_video(tmp_path):
    times = [("0.5", "2"), ("2", ""), ("", "12.48"), ("", "")]
    write_lines(tmp_path, *((f"c{k}", *ROW[1:], *pair) for k, pair in enumerate(times)), head=(*HEAD, "start", "end"))
    spans = [Span(0.5, 2.0), Span(2.0, None), Span(0.0, 12.48), None]
    assert [clip.span for clip in read_own(tmp_path).clips] == spans


def test_times_as_spreadsheets_and_subtitles_write_them(tmp_path):
    times = [("0,5", "1234,125"), ("00:01:02.5", "1:00:00"), ("0,480", "12,48"), ("00:00:01,250", "")]
    write_lines(tmp_path, *((f"c{k}", *ROW[1:], *pair) for k, pair in enumerate(times)), head=(*HEAD, "start", "end"))
    spans = [Span(0.5, 1234.125), Span(62.5, 3600.0), Span(0.48, 12.48), Span(1.25, None)]
    assert [clip.span for clip in read_own(tmp_path).clips] == spans


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [("2", "1", "end 1: has to come after the start, 2"), ("1", "1", "come after"), ("-1", "1", "the start '-1'"),
     ("1,234", "", "'1,234' may be 1.234 seconds or 1234"), ("0:01", "", "may be minutes and seconds"),
     ("00:00:01:05", "", "no time as 00:01:02.5"), ("1.234,5", "", "no number"), ("00:61:00", "", "no number"),
     ("", "nan", "the end 'nan'"),
     ("1e3", "", "no number"), ("0", "9" * 12, "no number"), ("", "0", "come after")],
)  # fmt: skip
def test_times_that_are_none_are_told_with_their_line(tmp_path, start, end, reason):
    write_lines(tmp_path, (*ROW, "", ""), ("b", *ROW[1:], start, end), head=(*HEAD, "start", "end"))
    with pytest.raises(InputError, match=f"line 3: .*{reason}"):
        read_own(tmp_path)
