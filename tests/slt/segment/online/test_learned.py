"""The network while frames come in: with time enough it tells what it tells of the whole recording."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50
from skeletor.support.errors import InputError
from slt.segment.features import FPS
from slt.segment.learned import learned_segments
from slt.segment.network import NetworkConfig, Segmenter, SegmentNetwork, shipped_segmenter
from slt.segment.online.learned import NetworkStream
from slt.segment.rule import Segment
from slt.synthetic.language.grammar import make_splits
from slt.synthetic.signing.motion import perform, perform_idle
from slt.synthetic.signing.signers import SIGNERS
from tests.slt.segment.test_features import pixels

FOREVER = 1000.0  # seconds of patience: nothing is told before a rest


@dataclass(frozen=True)
class Written:
    """A segmenter whose chances are written into the picture: where the right wrist is."""

    reach: int = 0

    def probabilities(self, found: np.ndarray) -> np.ndarray:
        begin, inside = found[:, 0], found[:, 1]
        chances = np.stack([1 - begin - inside, begin, inside], 1)
        return np.stack([chances, chances], 1)


def written(begin: np.ndarray, inside: np.ndarray) -> PoseSequence:
    """A recording of which `Written` tells these chances (T,)."""
    points = np.zeros((len(begin), 50, 2), np.float32)
    points[:, [2, 5], 0] = [-0.5, 0.5]
    points[:, SIGNING_50.index("right_wrist")] = np.stack([begin, inside], 1)
    return PoseSequence(points, np.ones(points.shape[:2]), FPS, SIGNING_50, Provenance("w", units="shoulder"))


@st.composite
def chances(draw: st.DrawFn) -> PoseSequence:
    """Stretches of signing and rests of any length, with beginnings of any strength among them."""
    stretch = st.tuples(st.sampled_from([0.05, 0.45, 0.6, 0.95]), st.integers(1, 60))
    lengths = draw(st.lists(stretch, min_size=1, max_size=9))
    inside = np.concatenate([np.full(length, chance) for chance, length in lengths])
    begin = np.zeros(len(inside))
    strength = st.sampled_from([0.12, 0.3, 0.6, 0.9])
    for frame, share in draw(st.dictionaries(st.integers(0, len(inside) - 1), strength, max_size=8)).items():
        begin[frame : frame + 3] = share
    return written(begin * inside, inside - begin * inside)


def streamed(stream: NetworkStream, pose: PoseSequence, piece: int = 7) -> list[Segment]:
    found = [one for k in range(0, len(pose), piece) for one in stream.push(pose.frames(k, k + piece))]
    return found + stream.finish()


def takes(seed: int, fps: float = 25.0) -> PoseSequence:
    """Sentences of a rendered signer, in the language that the network knows, some with a rest between, in pixels."""
    rng = np.random.default_rng(seed)
    sentences = make_splits(1, 1, 20, 1)["test"]
    parts = []
    for _ in range(4):
        if rng.random() < 0.6:
            parts.append(perform_idle(SIGNERS[0], rng, float(rng.uniform(0.5, 2)), fps).pose)
        glosses = sentences[int(rng.integers(len(sentences)))].glosses
        parts.append(perform(glosses, SIGNERS[0], rng, fps).pose)
    points = np.concatenate([one.keypoints for one in parts])
    return pixels(parts[0].replace(points, np.ones(points.shape[:2])))


@settings(max_examples=20)
@given(chances(), st.integers(1, 40), st.sampled_from([0.0, 0.8]), st.sampled_from([0.1, 0.6]))
def test_with_patience_its_segments_are_those_of_the_whole_recording(pose, piece, shortest, ahead):
    stream = NetworkStream(FPS, Written(), shortest=shortest, look_ahead=ahead, patience=FOREVER)
    assert streamed(stream, pose, piece) == learned_segments(pose, Written(), shortest=shortest)


@settings(max_examples=10)
@given(chances(), st.sampled_from([None, 1.2, 5.0]))
def test_segments_are_in_order_and_not_too_long_however_the_frames_are_cut(pose, longest):
    found = [streamed(NetworkStream(FPS, Written(), longest, patience=0.4), pose, piece) for piece in (1, 11, 500)]
    assert found[0] == found[1] == found[2]
    times = [time for one in found[0] for time in (one.start_s, one.end_s)]
    assert times == sorted(times) and all(one.start_s < one.end_s <= pose.seconds for one in found[0])
    assert longest is None or all(one.end_s - one.start_s <= longest + 1e-9 for one in found[0])


@pytest.mark.parametrize("fps", [12.5, 25.0, 50.0])
def test_looking_as_far_ahead_as_the_network_it_finds_what_the_network_finds(fps):
    segmenter = shipped_segmenter()
    if segmenter is None:
        pytest.skip("no weights come with the package")
    far = (segmenter.reach + 4) / FPS
    for seed in range(2):
        pose = takes(seed, fps)
        whole = learned_segments(pose, segmenter, 5.2, shortest=0.8)
        ours = streamed(NetworkStream(fps, segmenter, 5.2, 0.8, look_ahead=far), pose)
        assert len(whole) >= 4 and len(ours) == len(whole)
        for one, other in zip(ours, whole, strict=True):
            assert (one.start_s, one.end_s) == pytest.approx((other.start_s, other.end_s), abs=0.081)


def test_sparse_joints_are_announced_and_the_key_frames_alone_are_looked_at():
    network = Segmenter(SegmentNetwork(NetworkConfig(layers=2)).eval(), NetworkConfig(layers=2))
    pose = takes(3)
    record = StageRecord("estimate", config={"pose_stride": 2})
    sparse = pose.replace(stage=record)
    noise = np.random.default_rng(0).normal(0, 50, pose.keypoints.shape) * (np.arange(len(pose)) % 2)[:, None, None]
    other = pose.replace(pose.keypoints + noise, stage=record)
    found = streamed(NetworkStream(25.0, network, stride=2), sparse)
    assert found == streamed(NetworkStream(25.0, network, stride=2), other)
    with pytest.raises(InputError, match="1 frame in 2, 1 in 1 was announced"):
        NetworkStream(25.0, network).push(sparse)
    with pytest.raises(InputError, match="skeleton signing_50"):
        NetworkStream(25.0, network).push(pose.to_skeleton(BODY25_HANDS))
    with pytest.raises(InputError, match="above 0"):
        NetworkStream(25.0, network, 0)


def test_an_end_is_told_within_the_delay_and_a_sentence_is_open_until_then():
    inside = np.repeat([0.05, 0.9, 0.05], 50)
    stream, pose = NetworkStream(FPS, Written()), written(np.zeros(150), inside)
    told, opened = [], []
    for k in range(len(pose)):
        told += [(k + 1, one) for one in stream.push(pose.frames(k, k + 1))]
        opened.append(stream.open_s)
    [(frame, one)] = told
    assert one == Segment(2.0, 4.0) and 0 < frame / FPS - one.end_s <= stream.delay < 1.0
    began = next(k for k, since in enumerate(opened) if since is not None)
    assert began / FPS < 3.2 and set(opened[began : frame - 1]) == {2.0}
    assert opened[frame - 1 :] == [None] * (len(pose) - frame + 1)


def test_where_it_is_not_sure_that_nobody_signs_it_waits_for_longer():
    told = {}
    for chance in (0.05, 0.45):
        stream = NetworkStream(FPS, Written())
        pose = written(np.zeros(150), np.repeat([0.05, 0.9, chance], 50))
        [told[chance]] = [k + 1 for k in range(len(pose)) if stream.push(pose.frames(k, k + 1))]
    assert 4 <= told[0.45] - told[0.05] <= 6 and told[0.45] / FPS - 4.0 <= stream.delay


def test_of_what_goes_on_a_sentence_is_told_when_the_next_one_has_surely_begun():
    begin = np.zeros(400)
    begin[[100, 101, 250, 251]] = 0.9
    stream, pose = NetworkStream(FPS, Written(), 8.0, 0.8), written(begin, 0.95 - begin)
    told = [(k + 1, one) for k in range(len(pose)) for one in stream.push(pose.frames(k, k + 1))]
    assert [one for _, one in told] == [Segment(0.0, 4.0), Segment(4.0, 10.0)]
    assert all(0 < frame / FPS - one.end_s <= 0.8 + 0.4 + 0.2 for frame, one in told)
    assert stream.open_s == stream.from_s == 10.0 and stream.finish() == [Segment(10.0, 16.0)]


def test_what_is_too_long_is_cut_and_memory_is_flat():
    stream, pose = NetworkStream(FPS, Written(), 2.0), written(np.zeros(500), np.full(500, 0.9))
    given_up, sizes = 0.0, []
    for _ in range(4):
        for k in range(0, len(pose), 5):
            for one in stream.push(pose.frames(k, k + 5)):
                assert given_up <= one.start_s < one.end_s <= one.start_s + 2.0 + 1e-9
            assert stream.from_s >= given_up
            given_up = stream.from_s
            sizes.append(len(stream._chances._points))
    assert given_up > 70 and max(sizes[len(sizes) // 2 :]) <= max(sizes[: len(sizes) // 2]) < 400


@pytest.mark.parametrize("before", [[12], [40, 3]], ids=["a short one", "a long one and a short one"])
def test_short_movements_between_unsure_rests_do_not_keep_what_follows_from_being_told(before):
    parts = [np.r_[np.full(length, 0.9), np.full(6, 0.45)] for length in before]
    inside = np.concatenate([np.full(10, 0.05), *parts, np.full(1000, 0.9)])
    stream, pose = NetworkStream(FPS, Written(), 4.0, 0.8), written(np.zeros(len(inside)), inside)
    told = [(k + 1, one) for k in range(len(pose)) for one in stream.push(pose.frames(k, k + 1))]
    assert len(told) > 8 and all(frame / FPS - one.end_s < 1.4 * 4 + stream.delay for frame, one in told)
    assert stream.from_s > pose.seconds - 2 * 4.0


def test_nobody_is_none_and_no_frames_neither():
    nobody = written(np.zeros(60), np.zeros(60))
    nobody = nobody.replace(np.full_like(nobody.keypoints, np.nan), np.zeros((60, 50)))
    segmenter = shipped_segmenter()
    if segmenter is not None:
        assert streamed(NetworkStream(FPS, segmenter), nobody) == learned_segments(nobody, segmenter) == []
    assert streamed(NetworkStream(FPS, Written()), nobody.frames(0, 0)) == []


@dataclass(frozen=True)
class Counting(Written):
    """Notes how many frames it was shown."""

    shown: tuple[list[int], ...] = ([],)

    def probabilities(self, found: np.ndarray) -> np.ndarray:
        self.shown[0].append(len(found))
        return super().probabilities(found)


def test_who_signs_for_long_without_a_limit_costs_no_more_by_frame(monkeypatch):
    monkeypatch.setattr("slt.segment.online.learned._WHOLE", 100)
    shown = []
    for frames in (400, 800):
        segmenter = Counting(reach=20, shown=([],))
        inside = np.full(frames, 0.95)
        inside[-40:] = 0.02
        found = streamed(NetworkStream(FPS, segmenter), written(np.zeros(frames), inside), 50)
        assert found == learned_segments(written(np.zeros(frames), inside), Written())
        shown.append(sum(segmenter.shown[0]))
    assert shown[1] < 2.2 * shown[0]


@settings(max_examples=8)
@given(chances(), st.sampled_from([0.0, 0.8]))
def test_what_is_not_looked_at_again_changes_no_segment(pose, shortest):
    found = [streamed(NetworkStream(FPS, Written(), shortest=shortest, patience=FOREVER), pose)]
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr("slt.segment.online.learned._WHOLE", 30)
        found.append(streamed(NetworkStream(FPS, Written(), shortest=shortest, patience=FOREVER), pose))
    assert found[0] == found[1]
