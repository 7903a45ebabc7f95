"""The frames that are kept, each in its place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from slt.live.window import Row, Window


def row(slot: int, arrived: float | None = None) -> Row:
    pose = PoseSequence(np.full((1, 50, 2), float(slot)), np.full((1, 50), 0.5), 25.0, SIGNING_50)
    return Row(slot, pose, slot / 25 if arrived is None else arrived)


@given(steps=st.lists(st.integers(1, 4), min_size=1, max_size=40), kept=st.integers(1, 20))
def test_every_frame_is_in_its_place_and_what_was_not_looked_at_is_missing(steps, kept):
    slots, window, came = np.cumsum(steps) - 1, Window(), []
    for slot in slots.tolist():
        came.append(window.add(row(slot)))
        window.forget(slot - kept)
    whole = np.concatenate([one.keypoints[:, 0, 0] for one in came])
    expected = np.where(np.isin(np.arange(slots[-1] + 1), slots), np.arange(slots[-1] + 1), np.nan)
    np.testing.assert_array_equal(whole, expected)
    first = max(0, int(slots[-1]) - kept)
    assert window.first == first and window.stop == len(whole)
    np.testing.assert_array_equal(window.part(first, window.stop).keypoints[:, 0, 0], expected[first:])
    assert len(window.part(0, first)) == 0
    told = window.told(first, window.stop)
    seen = ~np.isnan(expected[first:])
    assert (told.confidence > 0).all() == seen.any()
    if seen.any():  # each repeats the one before; those before the first repeat that
        assert set(told.keypoints[:, 0, 0]) == set(expected[first:][seen])
        assert (np.diff(told.keypoints[:, 0, 0]) >= 0).all()


def test_the_share_that_was_looked_at_counts_those_that_were_meant_to_be():
    window = Window()
    for slot in (0, 2, 3, 8):
        window.add(row(slot))
    assert window.share(0, 9) == pytest.approx(4 / 9) and window.share(0, 9, 2) == pytest.approx(3 / 5)
    assert window.share(20, 30) == 0.0


def test_a_frame_that_never_came_came_by_the_next_one():
    window = Window()
    window.add(row(0, 10.0))
    window.add(row(4, 10.5))
    assert [window.arrived(k) for k in range(5)] == pytest.approx([10.0, 10.38, 10.42, 10.46, 10.5])
    window.add(row(6, 10.5))
    assert window.arrived(5) == 10.5
