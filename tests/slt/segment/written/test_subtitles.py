"""SubRip, WebVTT and plain text: what was written is read back."""

import html
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slt.segment.written.cues import LINE, LINES, NOT_UNDERSTOOD, Cue, clean, in_lines
from slt.segment.written.subtitles import clock, srt, txt, vtt

TEXTS = st.one_of(st.none(), st.text(max_size=300), st.text("ab <>&-→ü\n\x00\ud800\u2028", max_size=200))


@st.composite
def cues(draw: st.DrawFn) -> list[Cue]:
    """Cues in order, some of no length, some next to each other, some behind the hundredth hour."""
    time, made = draw(st.sampled_from([0.0, 3.21, 99.99 * 3600])), []
    for _ in range(draw(st.integers(0, 6))):
        start = time + draw(st.floats(0, 5))
        time = start + draw(st.floats(0, 10))
        made.append(Cue(start, time, draw(TEXTS), draw(st.none() | st.floats(0, 1))))
    return made


def read(text: str, point: str) -> list[tuple[int, int, list[str]]]:
    """Start and end in milliseconds, and the lines of each block that has times."""
    stamp = rf"(\d\d+):(\d\d):(\d\d)\{point}(\d\d\d)"
    found = []
    for block in re.split(r"\n\n+", text):
        lines = block.strip("\n").split("\n")
        for k, line in enumerate(lines):
            match = re.fullmatch(f"{stamp} --> {stamp}", line)
            if match:
                h, m, s, f, *end = map(int, match.groups())
                first = ((h * 60 + m) * 60 + s) * 1000 + f
                last = ((end[0] * 60 + end[1]) * 60 + end[2]) * 1000 + end[3]
                found.append((first, last, lines[k + 1 :]))
                break
    return found


def bare(text: str) -> str:
    return "".join(text.split())


@given(cues())
def test_subrip_and_webvtt_can_be_read_back(given_cues):
    for text, point in ((srt(given_cues), ","), (vtt(given_cues), ".")):
        text.encode()
        found = read(text, point)
        assert all(first < last for first, last, _ in found)
        assert all(one[1] <= after[0] for one, after in pairwise(found))
        shown = "".join(line for *_, lines in found for line in lines)
        if point == ".":
            assert "<" not in shown and not re.search(r"&(?!amp;|lt;|gt;)", shown)
            shown = html.unescape(shown) if "&" in shown else shown
        assert bare(shown) == bare("".join(cue.shown for cue in given_cues))


@given(cues())
def test_times_stay_but_for_what_has_no_length(given_cues):
    made = list(in_lines(given_cues))
    for cue in given_cues:
        if cue.end_s - cue.start_s > 0.02:
            start, end = round(cue.start_s * 1000), round(cue.end_s * 1000)
            assert any(abs(one.start - start) <= 12 for one in made) and any(abs(one.end - end) <= 12 for one in made)
    for one in made:
        assert one.lines and all(0 < len(line) <= LINE for line in one.lines)
        assert len(one.lines) <= LINES or one.end - one.start < LINES + 1


def test_a_long_text_is_several_subtitles_by_share_of_the_characters():
    text = " ".join(["regen"] * 28)  # 7 words a line, 4 lines
    first, second = in_lines([Cue(10.0, 14.0, text)])
    assert (first.start, first.end, second.start, second.end) == (10_000, 12_000, 12_000, 14_000)
    assert len(first.lines) == len(second.lines) == 2


def test_the_forms_are_exact():
    made = [Cue(0.0, 1.2345, "am tag <b> & 3 > 2", 0.5), Cue(360_000.0, 360_001.0, None)]
    assert srt(made) == (
        "1\n00:00:00,000 --> 00:00:01,234\nam tag <b> & 3 > 2\n\n"
        f"2\n100:00:00,000 --> 100:00:01,000\n{NOT_UNDERSTOOD}\n"
    )
    assert vtt(made) == (
        "WEBVTT\n\nNOTE confidence by number\n1 0.500\n\n"
        "1\n00:00:00.000 --> 00:00:01.234\nam tag &lt;b&gt; &amp; 3 &gt; 2\n\n"
        f"2\n100:00:00.000 --> 100:00:01.000\n{NOT_UNDERSTOOD}\n"
    )
    assert txt(made) == f"am tag <b> & 3 > 2\n{NOT_UNDERSTOOD}\n"
    assert srt([]) == txt([]) == "" and vtt([]) == "WEBVTT\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a\x00b", "ab"),
        ("a\x0b\n\n b", "a b"),
        ("\ud800x\ufffe", "x"),
        ("a\u2028b", "a b"),
        ("\U0001f600", "\U0001f600"),
    ],
)
def test_clean(text, wanted):
    assert clean(text) == wanted


def test_clock():
    assert clock(0) == "00:00:00.000" and clock(3_661_001, ",") == "01:01:01,001"
