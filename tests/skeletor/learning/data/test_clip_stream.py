"""Whole clips from shards: each once an epoch, neighbours of like length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.learning.data.clip_stream import ShardClips, by_length
from skeletor.learning.data.shards import open_shards
from skeletor.poses.pose import PoseSequence
from tests.skeletor.learning.data.store import poses, write_shards


def values(pose: PoseSequence) -> np.ndarray:
    return pose.keypoints[:, 10]


def test_every_clip_comes_once_an_epoch_and_batches_go_by_their_number(tmp_path: Path) -> None:
    made = poses(30)
    folder = write_shards(tmp_path, made, 9)
    shards = open_shards([str(folder)], buffer=12)
    clips = ShardClips(shards, values, 5, 1)
    assert clips.count == 30 and 12 <= len(clips.some()) <= 30
    batches = [clips.batch(number, 5) for number in range(12)]
    for epoch in (batches[:6], batches[6:]):
        seen = sorted(clip.tobytes() for batch in epoch for clip in batch)
        assert seen == sorted(values(pose).tobytes() for pose in made)
    again = ShardClips(shards, values, 5, 1)
    for number in (10, 3, 4):
        assert [c.tobytes() for c in again.batch(number, 5)] == [c.tobytes() for c in batches[number]]
    assert clips.digest() == again.digest() != ShardClips(shards, values, 5, 2).digest()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 99), min_size=1, max_size=60), st.integers(1, 7), st.integers(0, 5))
def test_an_order_of_like_lengths_has_all_of_them(lengths, size, seed) -> None:
    order = by_length(np.array(lengths), size, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(len(lengths)))


def test_batches_need_less_padding_than_at_random() -> None:
    lengths = np.random.default_rng(0).integers(1, 500, 512)

    def padding(order: np.ndarray) -> int:
        batches = lengths[order].reshape(-1, 8)
        return int((batches.max(1, keepdims=True) - batches).sum())

    rng = np.random.default_rng(1)
    assert padding(by_length(lengths, 8, rng)) < 0.3 * padding(rng.permutation(512))
