"""Times to frames: parts that touch share none and leave none out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.poses.span import Span
from skeletor.support.errors import InputError


@given(st.floats(1, 120), st.lists(st.integers(0, 60_000), min_size=2, max_size=20, unique=True))
def test_parts_that_touch_share_no_frame_and_leave_none_out(fps: float, edges: list[int]):
    """Times in milliseconds, as ELAN and subtitles have them."""
    times = [0.0, *(edge / 1000 for edge in sorted(edges)), None]
    frames: list[int] = []
    for start, end in pairwise(times):
        try:
            part = Span(start or 0.0, end).frames(fps, 60_000 * 120)
        except InputError as error:
            assert "holds no frame" in str(error) or "comes after" in str(error) or "come after" in str(error)
            continue
        frames += [part.start, part.stop]
        assert abs(part.start - (start or 0) * fps) <= 0.5 + 1e-6, "no edge strays by more than half a frame"
    assert frames == sorted(frames) and frames[1:-1:2] == frames[2::2] and frames[0] == 0


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (float("nan"), 2), (1, 1), (2, 1), (0, float("inf"))])
def test_a_part_begins_before_it_ends(start: float, end: float):
    with pytest.raises(InputError, match=r"start|end"):
        Span(start, end)


def test_an_end_that_was_set_by_ear_is_the_recordings():
    """Sound outlasts pictures by some hundredths of a second; what is further behind is no end of this recording."""
    assert Span(1, 2.02).frames(25, 50) == Span(1, 2.09).frames(25, 50) == Span(1).frames(25, 50) == range(25, 50)
    assert Span(1, 2.06).frames(50, 100, begins=0.0) == range(50, 100)
    assert Span(4, 5.08).frames(25, 50, begins=3.0) == range(25, 50)
    for start, end in ((1, 2.15), (2.02, 2.09)):
        with pytest.raises(InputError, match=r"is not within its 2\.00 s"):
            Span(start, end).frames(25, 50)
