import logging

import pytest

from skeletor.learning.usable import usable_clips
from skeletor.support.errors import InputError


def test_short_and_empty_clips_are_left_out_and_told(caplog):
    with caplog.at_level(logging.WARNING, "skeletor"):
        assert usable_clips("refiner", [3, 4, 90, 5], [True, True, False, True]) == [1, 3]
    (line,) = caplog.messages
    assert line == "refiner: 2 of 4 clips are left out: 1 have fewer than 4 frames, in 1 nobody is seen"
    caplog.clear()
    assert usable_clips("refiner", [4, 4]) == [0, 1] and not caplog.messages


@pytest.mark.parametrize("frames", [[], [1], [3, 2, 1]])
def test_where_none_is_left_the_number_and_the_least_length_are_named(frames):
    with pytest.raises(InputError, match=f"of {len(frames)} clips 0 can be trained on .* 4 frames or more"):
        usable_clips("refiner", frames)
