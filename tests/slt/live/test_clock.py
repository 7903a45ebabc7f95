"""When a frame is due."""

import pytest

from slt.live.clock import Timeline


def test_frames_that_come_early_are_due_at_their_time_and_late_ones_when_they_come():
    line = Timeline(10.0)
    assert [line.due(k, 5.0) for k in range(4)] == pytest.approx([5.0, 5.1, 5.2, 5.3])  # all came at once
    assert line.due(4, 5.6) == pytest.approx(5.6)  # two tenths late
    assert line.due(5, 5.6) == pytest.approx(5.6)


def test_a_stream_that_pauses_and_one_whose_clock_is_slow_are_not_late_for_ever():
    line = Timeline(10.0)
    line.due(0, 0.0)
    assert line.due(1, 30.1) == pytest.approx(30.1)
    assert line.due(2, 30.1) == pytest.approx(30.2)  # what piled up during the pause may wait
    slow = Timeline(10.0)
    waits = [slow.due(k, k / 9.9) - k / 9.9 for k in range(2000)]
    assert max(waits) < 1e-6 and slow.due(2000, 2000 / 9.9) == pytest.approx(2000 / 9.9)
