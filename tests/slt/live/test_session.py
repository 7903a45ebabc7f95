"""From joints that come in to sentences: the same as of the whole recording, and never more than was understood."""

from itertools import pairwise

import numpy as np
import pytest

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from slt.inference.chain import load_chain
from slt.inference.recording import translate_recording
from slt.live.session import Fixed, Grey, Session
from slt.live.window import Row
from slt.segment.online import RuleStream
from slt.segment.rule import SegmentConfig
from slt.segment.written.cues import NOT_UNDERSTOOD
from tests.slt.inference.test_recording import SAID, resting, talk
from tests.slt.live.fakes import FakeClock


@pytest.fixture(scope="module", name="chain")
def _chain(model):
    return load_chain(model, estimator="poses", device="cpu")


def session(chain, clock=None, every=0.2, config=None, longest=None) -> Session:
    longest = longest or chain.model.abstention.thresholds["long"]
    return Session(chain, RuleStream(25.0, config, longest), 25.0, clock or FakeClock(), every=every)


def watched(one: Session, pose: PoseSequence, slots=None, clock: FakeClock | None = None, hurry: bool = False) -> list:
    told = []
    for slot in range(len(pose)) if slots is None else slots:
        if clock is not None:
            clock.time = 100 + slot / 25
        told += list(one.push(Row(int(slot), pose.frames(slot, slot + 1), 100 + slot / 25), hurry))
    return told + list(one.finish())


def fixed(told: list) -> list[Fixed]:
    return [one for one in told if isinstance(one, Fixed)]


def test_sentences_are_those_of_the_whole_recording_and_each_is_a_clip_of_its_own(chain):
    pose = talk()
    told = fixed(watched(session(chain), pose))
    whole = translate_recording(chain, "talk", lambda _: pose)
    assert [(one.start_s, one.end_s) for one in told] == [(one.start_s, one.end_s) for one in whole.sentences]
    assert [one.text for one in told] == [one.text for one in whole.sentences] and all(one.text for one in told)
    for one in told:
        alone = chain.translate_poses(pose.frames(round(one.start_s * 25), round(one.end_s * 25)), "alone")
        assert (one.text, one.glosses, one.reason) == (alone.text, alone.glosses, None) and 0 < one.confidence <= 1
    assert [one.ending for one in told] == ["rest"] * 3


def test_a_text_is_fixed_within_the_segmenters_delay_of_the_stream(chain):
    clock = FakeClock()
    for one in fixed(watched(session(chain, clock), talk(), clock=clock)):
        assert 0.4 < one.delay_s < 1.0  # of pictures; what the work takes comes on top


def test_what_goes_on_is_grey_and_is_looked_at_now_and_then(chain):
    told = watched(session(chain), talk())
    for last in fixed(told):
        near = [one for one in told[: told.index(last)] if isinstance(one, Grey) and one.start_s is not None]
        before = [one for one in near if abs(one.start_s - last.start_s) <= 0.1 + 1e-9]  # the margin may shrink
        assert before
        assert all(b.end_s - a.end_s >= 0.2 - 1e-9 for a, b in pairwise(before))
        assert before[0].end_s - last.start_s <= 0.75  # the shortest segment and the look-ahead
    shown = {one.text for one in told if isinstance(one, Grey)}
    assert None in shown and len(shown) > 1
    assert not [one for one in watched(session(chain, every=None), talk()) if isinstance(one, Grey)]
    assert not [one for one in watched(session(chain), talk(), hurry=True) if isinstance(one, Grey)]


def test_what_is_not_understood_says_so(chain):
    first, second, third = fixed(watched(session(chain), talk(unseen=1)))
    assert first.text and third.text and second.text is None and "no signer found" in second.reason
    assert second.cue().shown == NOT_UNDERSTOOD and second.confidence is None


@pytest.mark.parametrize("lost", [4, 2])
def test_frames_that_were_dropped_are_no_frames_without_a_signer(chain, lost):
    """Every lost-th frame is lost: the body was not unseen in those, nobody looked."""
    pose = talk()
    slots = [k for k in range(len(pose)) if k % lost]
    told, whole = fixed(watched(session(chain), pose, slots)), fixed(watched(session(chain), pose))
    assert len(told) == len(whole)
    for one, other in zip(told, whole, strict=True):
        assert (one.start_s, one.end_s) == pytest.approx((other.start_s, other.end_s), abs=0.1)
        assert "no signer found" not in (one.reason or "") and "cannot be judged" not in (one.reason or "")


def test_a_sentence_of_which_most_was_lost_is_not_guessed(chain):
    pose = talk()
    told = fixed(watched(session(chain), pose, range(0, len(pose), 3)))
    assert len(told) == 3 and all(one.text is None and "of its frames could be looked at" in one.reason for one in told)


def test_the_end_of_the_stream_ends_the_sentence_that_goes_on(chain):
    pose = talk(SAID[:2])
    stop = round(25 * (2.0 + 0.56 + 2.0 + 0.5))  # within the second one
    told = fixed(watched(session(chain), pose.frames(0, stop)))
    assert [one.ending for one in told] == ["rest", "end"]
    whole = translate_recording(chain, "talk", lambda _: pose.frames(0, stop))
    assert [one.text for one in told] == [one.text for one in whole.sentences]


def test_a_long_one_is_cut_and_its_pieces_say_so(chain):
    pose = talk([SAID[1] * 3])
    told = fixed(watched(session(chain, longest=1.0), pose))
    assert [one.ending for one in told] == ["cut"] * (len(told) - 1) + ["rest"] and len(told) >= 2
    assert [a.end_s for a in told[:-1]] == [b.start_s for b in told[1:]]


def test_a_movement_that_is_no_sentence_takes_its_grey_text_back(chain):
    config = SegmentConfig(shortest=0.0)
    told = watched(session(chain, config=config), talk(SAID[:1]))
    assert told[-1].text  # nothing is left open behind it
    one = session(chain)
    opened = [event for event in watched(one, talk(SAID[:1])) if isinstance(event, Grey) and event.start_s is None]
    assert opened == []


def test_nobody_and_a_sleeper_say_nothing_and_memory_stays_small(chain):
    nobody = PoseSequence(np.full((300, 50, 2), np.nan), np.zeros((300, 50)), 25, SIGNING_50)
    asleep = PoseSequence(resting(12, 1), np.ones((300, 50)), 25, SIGNING_50, Provenance("r", units="shoulder"))
    for pose in (nobody, asleep):
        one = session(chain)
        assert watched(one, pose) == [] and one.seconds == 12.0
        assert one._window.stop - one._window.first < 25
    assert list(session(chain).finish()) == []


def test_a_segment_in_which_nobody_can_be_measured_does_not_end_the_stream(chain):
    """The shoulders are seen only before it."""
    flat = talk()
    points, confidence = flat.keypoints[..., :2].copy(), flat.confidence.copy()
    lost = slice(60, len(flat))
    points[lost][:, [2, 5]], confidence[lost][:, [2, 5]] = np.nan, 0
    told = fixed(watched(session(chain), PoseSequence(points, confidence, 25, SIGNING_50, flat.provenance)))
    assert len(told) >= 2 and all(one.text is None and one.reason for one in told[1:])
