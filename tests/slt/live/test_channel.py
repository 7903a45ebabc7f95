"""Hand-over between threads, and the frames that give way."""

import threading
from itertools import pairwise

import pytest

from skeletor.support.errors import InputError
from slt.live.channel import SLACK, Channel, Mailbox, Stopped
from tests.slt.live.fakes import FakeClock, frame

FPS = 25.0


def played(cost: float, count: int = 500, fps: float = FPS, stall: tuple[int, float] = (-1, 0.0)):
    """What an estimator takes of a camera's frames: (slot, moment at which it is taken); and the mailbox.

    cost: seconds that a frame takes. stall: the frame that takes longer, and how long.
    """
    clock = FakeClock(0.0)
    box, taken, nxt = Mailbox(fps, clock), [], 0
    free = 0.0
    while nxt < count or box.waiting:
        while nxt < count and (nxt / fps <= free or not box.waiting):
            clock.time = nxt / fps
            box.put(frame(nxt, clock.time))
            nxt += 1
        clock.time = free = max(free, clock.time)
        one = box.take()
        assert one is not None
        taken.append((one.slot, clock.time))
        free += stall[1] if len(taken) == stall[0] else cost
    return taken, box


def test_nothing_is_lost_if_there_is_time():
    taken, box = played(0.039)
    assert [slot for slot, _ in taken] == list(range(500)) and (box.came, box.dropped) == (500, 0)
    taken, box = played(0.035, stall=(100, 0.2))  # it catches up with a short stop
    assert box.dropped == 0
    assert max(at - slot / FPS for slot, at in taken) <= 0.2 + 1e-6


@pytest.mark.parametrize("cost", [0.05, 0.06, 0.1, 0.4])
def test_who_is_too_slow_loses_frames_evenly_and_never_falls_behind(cost):
    taken, box = played(cost)
    slots = [slot for slot, _ in taken]
    assert slots == sorted(set(slots)) and len(slots) + box.dropped == box.came == 500
    assert len(slots) == pytest.approx(500 / FPS / cost, abs=SLACK / cost + 2)
    assert max(at - slot / FPS for slot, at in taken[:-1]) <= SLACK + 1e-6  # the last has none behind it
    gaps = [b - a for a, b in pairwise(slots[20:-20])]
    assert max(gaps) - min(gaps) <= 1 and slots[-1] == 499  # the newest is never dropped


def test_after_a_long_stop_it_goes_on_with_what_is_new():
    taken, box = played(0.03, stall=(100, 3.0))
    late = [at - slot / FPS for slot, at in taken]
    assert max(late) <= SLACK + 1e-6
    assert box.dropped == pytest.approx((3.0 - SLACK) * FPS, abs=2)


def test_what_comes_before_its_time_waits_and_so_does_its_sender():
    clock = FakeClock()
    box = Mailbox(FPS, clock)
    sender = threading.Thread(target=lambda: [box.put(frame(k, clock.now())) for k in range(200)], daemon=True)
    sender.start()
    taken = []
    while len(taken) < 200:
        clock.time += 0.01  # quicker than it plays
        taken.append(box.take().slot)
        assert box.waiting <= round(SLACK * FPS) + 3
    sender.join(5)
    assert taken == list(range(200)) and box.dropped == 0 and not sender.is_alive()


def test_the_end_comes_behind_all_items_and_an_error_is_raised_there():
    channel = Channel(5)
    channel.put(1)
    channel.put(2)
    channel.end(InputError("torn"))
    assert (channel.take(), channel.take()) == (1, 2)
    with pytest.raises(InputError, match="torn"):
        channel.take()
    done = Channel(1)
    done.end()
    assert done.take() is None and done.take() is None


def test_whoever_waits_is_freed_when_it_is_stopped():
    full, empty, ends = Channel(1), Channel(1), []

    def until_stopped(work):
        with pytest.raises(Stopped):
            while True:
                work()
        ends.append(1)

    threads = [threading.Thread(target=until_stopped, args=(work,)) for work in (lambda: full.put(1), empty.take)]
    for thread in threads:
        thread.start()
    full.stop()
    empty.stop()
    for thread in threads:
        thread.join(5)
    assert ends == [1, 1]
