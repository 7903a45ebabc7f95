"""The network of segments: trained in seconds on made-up takes it finds them, and probabilities become segments."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.support.errors import InputError
from slt.segment import learned
from slt.segment.features import FPS, WIDTH
from slt.segment.learned import LearnedConfig, labels, learned_segments
from slt.segment.network import BEGIN, INSIDE, OUT, NetworkConfig, Segmenter, SegmentNetwork, shipped_segmenter
from slt.segment.rule import Segment
from slt.segment.train import Labelled, SegmentTrainConfig, train_segmenter, varied
from slt.synthetic.signing.motion import perform
from slt.synthetic.signing.signers import SIGNERS
from tests.slt.segment.test_features import pixels

SIGNED = perform(["MORGEN", "REGEN", "WIND", "SCHNEE", "SONNE"], SIGNERS[0], np.random.default_rng(0)).pose
SMALL = SegmentTrainConfig(
    network=NetworkConfig(width=8, layers=3, dropout=0.0), window=64, batch=8, steps=120, learning_rate=1e-2, ema=0.9,
    shift=0.05,
)  # fmt: skip


def made_up(seed: int) -> Labelled:
    """Where somebody signs all features are large, elsewhere they are small."""
    rng = np.random.default_rng(seed)
    spans, at = [], 20
    while at < 300:
        spans.append((at, at + int(rng.integers(20, 50))))
        at = spans[-1][1] + int(rng.integers(10, 40))
    classes = np.stack([labels(400, spans), labels(400, spans)], 1)
    found = rng.normal(0.1, 0.05, (400, WIDTH)) + (classes[:, :1] != OUT)
    return Labelled(found.astype(np.float32), classes)


@pytest.fixture(scope="module", name="trained")
def _trained():
    return train_segmenter([made_up(k) for k in range(6)], [made_up(9)], SMALL, 0)


def test_it_learns_and_a_training_is_repeated_to_the_bit(trained):
    segmenter, figures = trained
    assert figures["sentence_frames"] > 0.97 and figures["sign_frames"] > 0.97 and figures["beginnings"] > 0.8
    short = SMALL.model_copy(update={"steps": 5})
    first, second = (train_segmenter([made_up(0)], [], short, 3)[0] for _ in range(2))
    found = made_up(1).features
    assert np.array_equal(first.probabilities(found), second.probabilities(found))
    assert not np.array_equal(first.probabilities(found), segmenter.probabilities(found))


def test_how_many_frames_are_looked_at_together_changes_nothing(trained):
    found = made_up(4).features
    whole = trained[0].probabilities(found)
    assert whole.shape == (400, 2, 3) and np.allclose(whole.sum(-1), 1, atol=1e-5)
    for together in (1, 37, 399):
        assert np.allclose(trained[0].probabilities(found, together), whole, atol=1e-5)
    assert trained[0].probabilities(found[:0]).shape == (0, 2, 3)


def test_weights_come_back_and_damaged_ones_are_refused_in_one_line(trained, tmp_path):
    path, found = tmp_path / "s.safetensors", made_up(5).features
    trained[0].save(path, {"about": "made up"})
    assert np.array_equal(Segmenter.load(path).probabilities(found), trained[0].probabilities(found))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"s\.safetensors"):
        Segmenter.load(path)
    with pytest.raises(InputError, match=r"none\.safetensors"):
        Segmenter.load(tmp_path / "none.safetensors")


def test_a_take_that_is_too_short_is_refused():
    with pytest.raises(InputError, match="at least 64 frames"):
        train_segmenter([Labelled(np.zeros((9, WIDTH), np.float32), np.zeros((9, 2), np.int64))], [], SMALL, 0)


def test_variation_moves_both_hands_alike_and_leaves_what_was_not_seen():
    window = made_up(0).features
    window[5:9] = 0
    changed = varied(window, SMALL.model_copy(update={"noise": 0.0, "shift": 0.5}), np.random.default_rng(0))
    by = changed[0] - window[0]
    assert not changed[5:9].any() and np.allclose(by[[0, 2]], -by[[13, 15]]) and np.allclose(by[[1, 3]], by[[14, 16]])
    assert np.abs(by[[0, 1]]).min() > 0.01 and np.array_equal(changed[:, 4:13], window[:, 4:13])


class _Told:
    """A segmenter that says what it is told."""

    def __init__(self, classes: np.ndarray) -> None:
        self.classes = classes

    def probabilities(self, found: np.ndarray) -> np.ndarray:
        chances = np.eye(3, dtype=np.float32)[self.classes[: len(found)]] * 0.9 + 0.03
        return np.stack([chances, chances], 1)


def segments(spans, frames=None, longest=None):
    pose = pixels(SIGNED)
    frames = len(pose) if frames is None else frames
    return learned_segments(pose.frames(0, frames), _Told(labels(len(pose), spans)), longest)


def test_runs_become_segments_and_sentences_that_touch_are_two():
    assert segments([(2, 30), (30, 55)]) == [Segment(2 / FPS, 30 / FPS), Segment(30 / FPS, 55 / FPS)]
    assert segments([(2, 30), (45, 55)]) == [Segment(2 / FPS, 30 / FPS), Segment(45 / FPS, 55 / FPS)]
    assert segments([]) == [] and segments([(2, 8)]) == []  # a fifth of a second is nothing
    assert segments([(2, 30)], 0) == []


@given(st.lists(st.integers(0, 60), max_size=10), st.floats(0.5, 3))
def test_segments_are_in_order_without_overlap_and_none_is_too_long(edges, longest):
    edges = sorted(edges)
    found = segments(list(zip(edges[::2], edges[1::2], strict=False)), longest=longest)
    times = [time for one in found for time in (one.start_s, one.end_s)]
    assert times == sorted(times) and all(one.start_s < one.end_s <= len(SIGNED) / SIGNED.fps for one in found)
    assert all(one.end_s - one.start_s <= longest + 1e-9 for one in found)


def test_a_short_break_ends_nothing_unless_a_sentence_begins_behind_it():
    config = LearnedConfig()
    assert learned._closed([(0, 20), (22, 40)], [0], config.gap * FPS) == [(0, 40)]
    assert learned._closed([(0, 20), (22, 40)], [0, 22], config.gap * FPS) == [(0, 20), (22, 40)]


@pytest.mark.parametrize(
    ("found", "whole"),
    [
        ([(0, 10), (13, 60)], [(0, 60)]),
        ([(0, 50), (53, 60)], [(0, 60)]),
        ([(0, 50), (56, 60), (63, 99)], [(0, 50), (56, 99)]),
        ([(0, 50), (53, 60), (63, 99)], [(0, 60), (63, 99)]),
        ([(0, 10), (20, 60)], [(0, 10), (20, 60)]),
        ([(0, 30), (33, 60)], [(0, 30), (33, 60)]),
    ],
)
def test_what_is_too_short_for_a_sentence_belongs_to_its_nearest_neighbour(found, whole):
    assert learned._whole(found, 20, 7.5) == whole


def cut(likely, shortest, longest):
    """Cuts of a run of 100 frames. likely: frame -> gain."""
    frames = sorted(likely)
    return learned._cuts(0, 100, np.array(frames, int), np.array([likely[k] for k in frames]), shortest, longest)


def value(cuts, start, stop, likely, shortest, longest):
    """What a choice of cuts is worth."""
    edges = [start, *cuts, stop]
    lengths = np.diff(edges)
    price = learned._TOO_SHORT * (lengths < shortest).sum() + learned._TOO_LONG * (lengths > longest).sum()
    return sum(likely[cut] for cut in cuts) - price


@given(
    st.dictionaries(st.integers(1, 99), st.floats(-2.3, 14), max_size=7), st.integers(1, 30), st.integers(10, 60)
)  # fmt: skip
def test_no_other_choice_of_cuts_is_worth_more(likely, shortest, longest):
    cuts = cut(likely, shortest, longest)
    assert cuts == sorted(set(cuts)) and set(cuts) <= set(likely)
    every = itertools.chain.from_iterable(itertools.combinations(sorted(likely), k) for k in range(len(likely) + 1))
    best = max(value(some, 0, 100, likely, shortest, longest) for some in every)
    assert value(cuts, 0, 100, likely, shortest, longest) == pytest.approx(best)


def test_a_sentence_that_would_be_too_short_is_none_and_one_too_long_is_cut_where_one_begins_mostlikely():
    assert cut({20: 3.0, 50: 2.0}, 30, None) == [50]
    assert cut({20: 3.0, 50: 2.0}, 10, None) == [20, 50]
    assert cut({40: -2.0, 60: -1.0}, 10, 80) == [60]
    assert cut({}, 10, 80) == []


@pytest.mark.parametrize("shortest", [0.0, 0.8, 1.4])
def test_of_what_goes_on_nothing_too_short_is_cut_off(shortest):
    told = _Told(labels(len(SIGNED), [(2, 20), (20, 35), (35, 55)]))
    found = learned_segments(pixels(SIGNED), told, shortest=shortest)
    assert found[0].start_s == 2 / FPS and found[-1].end_s == 55 / FPS
    assert all(one.end_s - one.start_s >= shortest - 1e-9 for one in found)
    assert len(found) == {0.0: 3, 0.8: 2, 1.4: 1}[shortest]


def test_likely_beginnings_are_one_for_each_stretch():
    begin = np.array([0.01, 0.2, 0.7, 0.9, 0.1, 0.01, 0.01, 0.2, 0.15, 0.01], np.float32)
    frames, gains = learned.likely(begin, 0.5)
    assert frames.tolist() == [2, 7] and gains[0] == pytest.approx(np.log(9), abs=1e-4) and gains[1] < 0


def test_labels():
    assert labels(12, [(2, 9)]).tolist() == [OUT] * 2 + [BEGIN] * 5 + [INSIDE] * 2 + [OUT] * 3
    assert labels(4, [(1, 3)]).tolist() == [OUT, BEGIN, BEGIN, OUT]


def test_what_is_shipped_fits():
    segmenter = shipped_segmenter()
    if segmenter is None:
        pytest.skip("no weights come with the package")
    assert sum(p.numel() for p in segmenter.network.parameters()) < 75_000
    assert isinstance(segmenter.network, SegmentNetwork)


@given(
    st.lists(st.integers(1, 6), max_size=60), st.lists(st.integers(0, 300), max_size=40, unique=True), st.integers(0, 9)
)
def test_runs_are_closed_as_by_comparing_each_with_each_beginning(steps: list[int], starts: list[int], gap: int):
    """Runs whose lengths and distances are `steps` in turn."""
    edges = np.cumsum(steps).tolist()
    found = list(zip(edges[::2], edges[1::2], strict=False))
    wanted: list[tuple[int, int]] = []
    for start, stop in found:
        if wanted and start - wanted[-1][1] < gap and not any(abs(start - begin) <= 2 for begin in starts):
            wanted[-1] = (wanted[-1][0], stop)
        else:
            wanted.append((start, stop))
    assert learned._closed(found, sorted(starts), gap) == wanted
