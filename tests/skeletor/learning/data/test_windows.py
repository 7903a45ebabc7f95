"""Windows of clips: what lies at the ends, who is drawn how often, and the thread that draws."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skeletor.learning.data.windows import ClipIndex, Drawn, FrameSource, clip_store, repeat_edges
from skeletor.learning.feed import WINDOWS, Feed, draw_seed
from tests.skeletor.refiners.tiny import clips

CPU = torch.device("cpu")


def test_windows_at_the_ends_repeat_frames() -> None:
    pose = clips(1, frames=5)[0]
    store = clip_store([pose, pose])
    windows = store.at(np.array([0, 1]), np.array([0, 9]), 8).on(CPU)
    want = np.clip(np.arange(-4, 4), 0, 4)
    np.testing.assert_array_equal(windows.target[0], pose.keypoints[want])
    np.testing.assert_array_equal(windows.target[1], pose.keypoints[np.clip(np.arange(0, 8), 0, 4)])
    assert windows.first.tolist() == [4, 0] and windows.last.tolist() == [7, 4]
    values = torch.arange(8.0).repeat(2, 1)
    edges = repeat_edges(values, windows.first, windows.last).tolist()
    assert edges == [[4, 4, 4, 4, 4, 5, 6, 7], [0, 1, 2, 3, 4, 4, 4, 4]]


@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.data())
def test_every_frame_of_the_chosen_clips_is_picked_once(lengths: list[int], data: st.DataObject) -> None:
    stops = np.cumsum(lengths)
    index = ClipIndex(stops - lengths, stops)
    chosen = sorted(data.draw(st.sets(st.integers(0, len(lengths) - 1), min_size=1)))
    part = index.subset(chosen)
    clip_of, frames = part.pick(np.arange(part.frames))
    want = [f for k in chosen for f in range(stops[k] - lengths[k], stops[k])]
    assert frames.tolist() == want
    assert all(part.starts[c] <= f < part.stops[c] for c, f in zip(clip_of, frames, strict=True))


def test_degraded_versions_are_the_source_of_their_share() -> None:
    good = clips(2)
    worse = [p.replace(p.keypoints + np.float32(1)) for p in good]
    store = clip_store(good, worse)
    for share, low, high in ((0.0, 0, 0), (0.5, 20, 80), (1.0, 100, 100)):
        w = store.draw(100, 6, share, np.random.default_rng(0)).on(CPU)
        shift = (w.source - w.target).mean((1, 2, 3))
        assert low <= int((shift > 0.5).sum()) <= high
        assert (
            torch.isclose(shift[shift > 0.5], torch.tensor(1.0), atol=1e-5).all() and (shift[shift <= 0.5] == 0).all()
        )


def targets(
    store: FrameSource, seed: int, first: int, count: int, depth: int = 2, every: int = 1
) -> list[torch.Tensor]:
    def draw(number: int) -> Drawn:
        return store.draw(3, 8, 0.5, np.random.default_rng(draw_seed(seed, number, WINDOWS)))

    with Feed(draw, first, depth, every) as feed:
        return [feed.next().on(CPU).target for _ in range(count)]


def test_a_feed_gives_the_same_batches_from_anywhere_and_whoever_draws_them() -> None:
    store = clip_store(clips(3))
    whole = targets(store, 1, 0, 6)
    for depth in (0, 2):  # without a thread, and with one
        assert all(torch.equal(a, b) for a, b in zip(whole[4:], targets(store, 1, 4, 2, depth), strict=True))
        shared = [targets(store, 1, rank, 3, depth, every=2) for rank in (0, 1)]
        assert all(torch.equal(shared[k % 2][k // 2], whole[k]) for k in range(6))
    rng = np.random.default_rng(draw_seed(1, 5, WINDOWS))
    assert torch.equal(store.draw(3, 8, 0.5, rng).on(CPU).target, whole[5])
    assert not any(torch.equal(a, b) for a, b in zip(whole, targets(store, 2, 0, 6), strict=True))
    assert not torch.equal(whole[0], whole[1])


def test_an_error_while_drawing_reaches_the_training() -> None:
    def broken(number: int) -> Drawn:
        raise OSError("the disk is gone")

    for depth in (0, 2):
        with Feed(broken, depth=depth) as feed, pytest.raises(OSError, match="gone"):
            feed.next()
