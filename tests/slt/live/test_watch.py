"""All threads together: with an estimator that knows the joints, on frames without pictures."""

import threading

import pytest

from skeletor.poses.pose import StageRecord
from skeletor.support.errors import InputError
from slt.inference.chain import load_chain
from slt.live.session import Fixed, Session
from slt.live.watch import Watch
from slt.segment.online import RuleStream
from slt.segment.rule import find_segments
from tests.slt.inference.test_recording import talk
from tests.slt.live.fakes import FakeClock, Poses, Slots
from tests.slt.live.test_session import fixed, session, watched


@pytest.fixture(scope="module", name="chain")
def _chain(model):
    return load_chain(model, estimator="poses", device="cpu")


def watch(chain, count, follower, clock, error=None, longest=None, stride=1) -> Watch:
    segments = RuleStream(25.0, longest=chain.model.abstention.thresholds["long"], stride=stride)
    reading = Session(chain, segments, 25.0, clock, stride=stride)
    return Watch(Slots(count, clock, error=error), follower, reading, clock, stride, longest)


def test_threads_give_what_one_after_the_other_gives(chain):
    pose, clock = talk(), FakeClock()
    follower = Poses(pose)
    seen = watch(chain, len(pose), follower, clock)
    before = threading.active_count()
    told = fixed(list(seen.told()))
    assert threading.active_count() == before
    expected = fixed(watched(session(chain), pose))
    assert [(o.start_s, o.end_s, o.text) for o in told] == [(o.start_s, o.end_s, o.text) for o in expected]
    assert follower.looked == list(range(len(pose))) and seen.tally.dropped == 0
    tally = seen.tally
    assert (tally.frames, tally.came, tally.sentences, tally.understood) == (len(pose), len(pose), 3, 3)
    assert tally.stream_s == pose.seconds and tally.cpu_s > 0 and len(tally.delays["rest"]) == 3


def test_an_estimator_that_is_too_slow_loses_frames_and_says_how_many(chain):
    """It takes 60 ms for each, of frames that come every 40: grabbed and looked at in turn, by a clock of its own."""
    pose, clock = talk(), FakeClock(0.0)
    follower = Poses(pose, lambda number: setattr(clock, "time", clock.time + 0.06))
    seen = watch(chain, 0, follower, clock)
    frames, given, taken = seen._frames, 0, []
    with follower.follow("slots", 25.0, lambda number, row: None) as look:
        while given < len(pose) or frames.waiting:
            now = clock.time
            while given < len(pose) and (given / 25 <= now or not frames.waiting):
                clock.time = max(now, given / 25) if not frames.waiting else now
                for one in Slots(1, clock).frames():
                    frames.put(type(one)(given, one.image, given / 25))
                given += 1
            one = frames.take()
            taken.append(one.slot)
            look(one.image, one.slot)
    assert seen.tally.came == len(pose) == len(taken) + seen.tally.dropped
    assert (
        len(taken) == pytest.approx(len(pose) * 40 / 60, abs=8)
        and "dropped for lack of time (" in seen.tally.lines()[0]
    )
    lossy, whole = (fixed(watched(session(chain), pose, slots)) for slots in (taken, None))
    assert len(lossy) == len(whole)
    for one, other in zip(lossy, whole, strict=True):  # the clock is kept
        assert (one.start_s, one.end_s) == pytest.approx((other.start_s, other.end_s), abs=0.15)


def test_what_goes_wrong_in_a_thread_is_raised_behind_what_came_before(chain):
    pose = talk()
    told = []
    with pytest.raises(InputError, match="torn"):
        for one in watch(chain, len(pose), Poses(pose), FakeClock(), error=InputError("torn")).told():
            told.append(one)
    assert len(fixed(told)) == 3

    def fail(number: int) -> None:
        if number == 40:
            raise InputError("lens cap")

    with pytest.raises(InputError, match="lens cap"):
        list(watch(chain, len(pose), Poses(pose, fail), FakeClock()).told())


def test_it_can_be_left_in_the_middle_and_all_threads_end(chain):
    pose, clock, before = talk(), FakeClock(), threading.active_count()
    seen = watch(chain, len(pose), Poses(pose), clock)
    told = seen.told()
    while not isinstance(next(told), Fixed):
        pass
    told.close()
    assert threading.active_count() == before and clock.ended and seen.tally.sentences == 1


def test_a_limit_ends_it(chain):
    pose = talk()
    seen = watch(chain, len(pose), Poses(pose), FakeClock(), longest=4.0)
    assert len(fixed(list(seen.told()))) == 1 and seen.tally.came == 100


def test_a_stride_leaves_frames_out_that_are_not_lost(chain):
    pose = talk().replace(stage=StageRecord("estimate", config={"pose_stride": 2}))
    follower = Poses(pose)
    seen = watch(chain, len(pose), follower, FakeClock(), stride=2)
    told = fixed(list(seen.told()))
    assert follower.looked == list(range(0, len(pose), 2))
    assert (seen.tally.came, seen.tally.dropped) == (len(follower.looked), 0)
    found = find_segments(pose, longest=chain.model.abstention.thresholds["long"])
    assert [(one.start_s, one.end_s) for one in told] == [(one.start_s, one.end_s) for one in found]
    assert not any("could be looked at" in (one.reason or "") for one in told)
