"""Threads of body and hands, with a tracker that finds nothing but says who asked it for what."""

import concurrent.futures
import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from slt.estimators.mediapipe.lanes import _AHEAD, Lanes
from slt.estimators.mediapipe.track import Looks

PICTURE = np.zeros((2, 2, 3), np.uint8)


class Asked:
    """Looks at the body in every `every`-th frame. each: is called with ("body" or a side, the number of the look)."""

    def __init__(self, every: int = 1, sides: Sequence[tuple[int, ...]] = ((0,), (1,)), each=lambda what, look: None):
        self.sides, self._every, self._each = tuple(sides), every, each
        self._waiting: list[int] = []
        self.looks = 0
        self.asked: list[tuple[object, int]] = []
        self.closed = False

    def take(self, picture: np.ndarray, number: int) -> Looks | None:
        self._waiting.append(number)
        return self.rest() if len(self._waiting) == self._every else None

    def rest(self) -> Looks | None:
        if not self._waiting:
            return None
        looks = Looks([], {number: np.full((75, 3), np.nan) for number in self._waiting}, None)
        looks.number, self.looks, self._waiting = self.looks, self.looks + 1, []
        return looks

    def look_at_body(self, looks: Looks) -> None:
        self._note("body", looks)

    def look_at_hands(self, looks: Looks, sides: Sequence[int]) -> None:
        assert ("body", looks.number) in self.asked
        self._note(tuple(sides), looks)
        for row in looks.rows.values():
            row[list(sides)] = looks.number

    def _note(self, what: object, looks: Looks) -> None:
        self._each(what, looks.number)
        self.asked.append((what, looks.number))

    def close(self) -> None:
        self.closed = True


def run(tracker: Asked, count: int, tell: Callable[[int, np.ndarray], None]) -> None:
    lanes = Lanes(tracker, tell)
    try:
        for number in range(count):
            lanes.look(PICTURE, number)
        lanes.finish()
    finally:
        lanes.close()


@pytest.mark.parametrize("every", [1, 4])
@pytest.mark.parametrize("sides", [((0,), (1,)), ((0, 1),)], ids=["apart", "together"])
def test_all_frames_are_told_in_order_with_both_hands(every, sides):
    tracker, told, before = Asked(every, sides), [], threading.active_count()
    run(tracker, 30, lambda number, row: told.append((number, row[0, 0], row[1, 0])))
    assert told == [(number, number // every, number // every) for number in range(30)]
    looks = -(-30 // every)
    for what in ("body", *sides):
        assert [look for asked, look in tracker.asked if asked == what] == list(range(looks))
    assert tracker.closed and threading.active_count() == before


def test_the_hands_of_a_frame_and_the_body_of_the_next_are_looked_at_at_once():
    """Each waits for the other one; no hand is told before the other hand of its frame."""
    met = threading.Barrier(3, timeout=60)

    def each(what, look):
        if (what == "body" and look == 1) or (what != "body" and look == 0):
            met.wait()

    told = []
    run(Asked(each=each), 2, lambda number, row: told.append((number, row[0, 0], row[1, 0])))
    assert told == [(0, 0, 0), (1, 1, 1)]


def test_whoever_gives_frames_too_fast_waits():
    go, given = threading.Event(), []

    def each(what, look):
        if what == "body" and look == 0:
            assert go.wait(60)

    lanes = Lanes(Asked(each=each), lambda number, row: None)

    def give():
        for number in range(_AHEAD + 3):
            lanes.look(PICTURE, number)
            given.append(number)

    thread = threading.Thread(target=give)
    thread.start()
    thread.join(0.2)
    assert len(given) <= _AHEAD and thread.is_alive()
    go.set()
    thread.join()
    lanes.finish()
    lanes.close()
    assert len(given) == _AHEAD + 3


@pytest.mark.parametrize("where", ["body", (1,), "tell"])
def test_what_goes_wrong_is_raised_and_all_threads_end(where):
    def fail(what: object, look: int) -> None:
        if what == where and look == 3:
            raise ValueError("torn")

    tracker, told, before = Asked(each=fail), [], threading.active_count()

    def tell(number, row):
        fail("tell", number)
        told.append(number)

    with pytest.raises(ValueError, match="torn"):
        run(tracker, 100, tell)
    assert told[:3] == [0, 1, 2] and 3 not in told
    assert tracker.closed and threading.active_count() == before and tracker.looks < 10


def test_what_went_wrong_is_raised_with_the_next_frame():
    """Not when as many frames wait as may: a stream may stand still before that."""
    ended = threading.Event()

    def tell(number, row):
        try:
            raise ValueError("torn")
        finally:
            ended.set()

    lanes = Lanes(Asked(sides=((0, 1),)), tell)
    try:
        lanes.look(PICTURE, 0)
        assert ended.wait(60)
        concurrent.futures.wait(lanes._going[0], 60)
        with pytest.raises(ValueError, match="torn"):
            lanes.look(PICTURE, 1)
    finally:
        lanes.close()
