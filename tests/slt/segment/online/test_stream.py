"""The rule while frames come in: what it tells is what it tells of the whole recording, soon, and with flat memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.poses.skeleton import BODY25_HANDS
from skeletor.support.errors import InputError
from slt.segment.online import RuleStream
from slt.segment.rule import Segment, SegmentConfig, find_segments
from tests.slt.segment.test_rule import Part, recording

REST: list[Part] = [("rest", 1.0)]
PARTS = st.lists(st.tuples(st.sampled_from(["rest", "sign", "hold"]), st.floats(0.1, 4.0)), min_size=1, max_size=6)
CONFIGS = st.builds(
    SegmentConfig,
    pause=st.sampled_from([0.3, 0.6, 1.0]),
    shortest=st.sampled_from([0.0, 0.4, 1.0]),
    margin=st.sampled_from([0.0, 0.1, 0.15]),
    calm=st.sampled_from([0.1, 0.3]),
    earliest=st.sampled_from([0.1, 0.4, 0.5]),
)


def streamed(stream: RuleStream, pose: PoseSequence, piece: int = 7) -> list[Segment]:
    found = [one for k in range(0, len(pose), piece) for one in stream.push(pose.frames(k, k + piece))]
    return found + stream.finish()


def without(pose: PoseSequence, joints: list[int], frames: np.ndarray) -> PoseSequence:
    points, confidence = pose.keypoints.copy(), pose.confidence.copy()
    for joint in joints:
        points[frames, joint], confidence[frames, joint] = np.nan, 0
    return pose.replace(points, confidence)


@settings(max_examples=40)
@given(
    parts=PARTS,
    config=CONFIGS,
    fps=st.sampled_from([12.5, 25.0, 29.97, 50.0]),
    longest=st.sampled_from([None, 0.5, 1.7, 5.0]),
    hands=st.sampled_from(["both", "right"]),
    piece=st.integers(1, 60),
    seed=st.integers(0, 5),
)
def test_its_segments_are_those_of_the_whole_recording(parts, config, fps, longest, hands, piece, seed):
    pose = recording(parts, fps, hands=hands, seed=seed)
    assert streamed(RuleStream(fps, config, longest), pose, piece) == find_segments(pose, config, longest)


@settings(max_examples=40)
@given(parts=PARTS, longest=st.sampled_from([None, 1.7]), seed=st.integers(0, 20), joint=st.sampled_from([1, 4, 7]))
def test_short_losses_of_a_wrist_or_the_neck_change_nothing(parts, longest, seed, joint):
    pose = recording(parts, seed=seed)
    rng = np.random.default_rng(seed)
    lost = np.zeros(len(pose), bool)
    for start in range(5, len(pose) - 5, 12):  # as long as the look-ahead bridges
        lost[start : start + rng.integers(0, 3)] = True
    pose = without(pose, [joint, {1: 1, 4: 29, 7: 8}[joint]], lost)
    assert streamed(RuleStream(25.0, longest=longest), pose) == find_segments(pose, longest=longest)


@pytest.mark.parametrize("scale", [1.0, 80.0])
def test_people_who_come_and_go_and_pixels(scale):
    parts = [("nobody", 2.0), ("sign", 2.0), ("nobody", 30.0), ("sign", 3.0), ("rest", 2.0), ("sign", 1.0)]
    pose = recording(parts, scale=scale)
    ours, whole = streamed(RuleStream(25.0), pose), find_segments(pose)
    assert len(ours) == len(whole) == 3
    for one, other in zip(ours, whole, strict=True):
        assert (one.start_s, one.end_s) == pytest.approx((other.start_s, other.end_s), abs=2 / 25)
    assert streamed(RuleStream(25.0), recording([("nobody", 3.0)])) == []
    assert streamed(RuleStream(25.0), recording(REST).frames(0, 0)) == []


@pytest.mark.parametrize("stride", [2, 4])
def test_of_sparse_joints_the_key_frames_alone_are_looked_at(stride):
    pose = recording([("rest", 1.0), ("sign", 3.1), ("rest", 1.5), ("sign", 7.0), ("rest", 0.3)])
    others = np.arange(len(pose)) % stride != 0
    sparse = without(pose, list(range(50)), others).replace(
        stage=StageRecord("estimate", config={"pose_stride": stride})
    )
    found = streamed(RuleStream(25.0, longest=3.0, stride=stride), sparse)
    assert found == find_segments(sparse, longest=3.0) and len(found) > 3
    with pytest.raises(InputError, match="1 frame in 1, 1 in 2 was announced"):
        RuleStream(25.0, stride=2).push(pose)


def test_an_end_is_told_within_the_delay_and_a_sentence_is_open_until_then():
    stream, pose = RuleStream(25.0), recording([("rest", 1.0), ("sign", 2.0), ("rest", 2.0)])
    told, opened = [], []
    for k in range(len(pose)):
        told += [(k + 1, one) for one in stream.push(pose.frames(k, k + 1))]
        opened.append(stream.open_s)
    [(frame, one)] = told
    assert 0 < frame / 25 - one.end_s <= stream.delay < 1.0
    began = next(k for k, since in enumerate(opened) if since is not None)
    assert 1.3 < began / 25 < 1.8 and set(opened[began : frame - 1]) == {one.start_s}
    assert opened[frame - 1 :] == [None] * (len(pose) - frame + 1)


def test_a_piece_of_what_does_not_end_is_told_before_the_rest_of_it():
    stream, pose = RuleStream(25.0, longest=2.0), recording([("sign", 20.0)])
    told = stream.push(pose)
    assert len(told) >= 8 and all(one.end_s <= stream.open_s for one in told)
    assert told + stream.finish() == find_segments(pose, longest=2.0)


def test_nothing_that_is_told_lies_before_what_was_given_up_and_memory_is_flat():
    stream, seconds = RuleStream(25.0, longest=4.0), 40.0
    pose = recording([("rest", 3.0), ("sign", 9.0), ("rest", 1.0), ("sign", 1.0), ("nobody", 8.0), ("sign", 18.0)])
    given_up, sizes = 0.0, []
    for repeat in range(8):  # 8000 frames
        for k in range(0, len(pose), 5):
            for one in stream.push(pose.frames(k, k + 5)):
                assert one.start_s >= given_up
            assert stream.from_s >= given_up
            given_up = stream.from_s
            assert repeat * seconds + (k + 5) / 25 - given_up < 8.0
        tracks = [stream._neck, *stream._wrists]
        sizes.append((len(stream._pieces._totals), *(len(track._frames) for track in tracks)))
    assert max(s[0] for s in sizes) < 1400 and max(max(s[1:]) for s in sizes) < 20


def test_what_is_no_signing_skeleton_is_refused():
    strange = PoseSequence(np.zeros((2, len(BODY25_HANDS), 2)), np.ones((2, len(BODY25_HANDS))), 25, BODY25_HANDS)
    with pytest.raises(InputError, match="need skeleton signing_50, not"):
        RuleStream(25.0).push(strange)
    with pytest.raises(InputError, match="give a length above 0"):
        RuleStream(25.0, longest=0.0)
