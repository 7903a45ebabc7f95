"""The order of a training through its clips: each item once an epoch, blocks that fit, any place found at once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.learning.data.epochs import Centres, Clips, Epochs, Items
from skeletor.learning.data.shards import Groups

GROUPS = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9), st.integers(1, 80)), min_size=1, max_size=12)


def groups(rows: list[tuple[int, int, int]]) -> Groups:
    shard, clips, frames = (np.array(column) for column in zip(*rows, strict=True))
    return Groups(shard, np.zeros_like(shard), clips, np.maximum(frames, clips))


def walk(order: Epochs, first: int, count: int) -> list[tuple[int, int, int]]:
    """Epoch, block and place of each item."""
    return [
        (block.epoch, block.number, k)
        for block, chosen in order.parts(first, count)
        for k in range(chosen.start, chosen.stop)
    ]


def items_of(found: Groups, step: int | None, seed: int) -> Items:
    return Clips(found) if step is None else Centres(found, step, seed)


@settings(deadline=None, max_examples=60)
@given(GROUPS, st.none() | st.integers(1, 30), st.integers(1, 20), st.integers(0, 3))
def test_an_epoch_has_each_item_once_and_blocks_that_fit(rows, step, buffer, seed) -> None:
    found = groups(rows)
    items = items_of(found, step, seed)
    order = Epochs(found, items, buffer, seed)
    start = 0
    for epoch in range(3):
        counts = items.counts(epoch)
        passed = walk(order, start, int(counts.sum()))
        assert len(set(passed)) == len(passed) and all(one[0] == epoch for one in passed)
        assert passed == sorted(passed)
        blocks = [order.block(epoch, number) for number in sorted({one[1] for one in passed})]
        seen = np.concatenate([block.groups for block in blocks]) if blocks else np.zeros(0, int)
        assert sorted(seen.tolist()) == np.flatnonzero(counts).tolist()
        for block in blocks:
            assert block.items == counts[block.groups].sum()
            assert found.clips[block.groups].sum() <= buffer or len(block.groups) == 1
        start += len(passed)


@settings(deadline=None, max_examples=40)
@given(GROUPS, st.none() | st.integers(1, 30), st.integers(1, 20), st.integers(1, 3), st.integers(1, 40))
def test_processes_and_a_resumed_training_see_what_one_sees(rows, step, buffer, count, size) -> None:
    """Batches by their number: each process takes its own, from wherever it begins."""
    found = groups(rows)
    whole = walk(Epochs(found, items_of(found, step, 5), buffer, 5), 0, 12 * size)
    for rank in range(count):
        order = Epochs(found, items_of(found, step, 5), buffer, 5)
        for number in range(rank, 12, count):
            assert walk(order, number * size, size) == whole[number * size : (number + 1) * size]


@settings(deadline=None, max_examples=40)
@given(GROUPS, st.integers(1, 30), st.integers(0, 3))
def test_each_frame_is_a_centre_once_in_as_many_epochs_as_the_step(rows, step, seed) -> None:
    found = groups(rows)
    centres = Centres(found, step, seed)
    for cycle in (0, 1):
        counted = [np.zeros(frames, int) for frames in found.frames]
        for epoch in range(cycle * step, (cycle + 1) * step):
            for group in range(len(found)):
                places = centres.places(epoch, group)
                assert len(places) == centres.counts(epoch)[group]
                counted[group][places] += 1
        assert all((one == 1).all() for one in counted)


def test_a_thread_that_asks_for_another_cycle_meanwhile_changes_nothing() -> None:
    """Blocks are read ahead by a thread, which may be a cycle further than the one that draws."""

    class Disturbed(Centres):
        """After each look at what is known of a cycle, the other thread has asked for cycle 1."""

        @property
        def _cycle(self) -> tuple[int, np.ndarray]:
            value, self._known = self._known, (1, other)
            return value

        @_cycle.setter
        def _cycle(self, value: tuple[int, np.ndarray]) -> None:
            self._known = value

    found = groups([(0, 1, 500)])
    other = Centres(found, 9, 0)._phases(1)
    alone, disturbed = Centres(found, 9, 0), Disturbed(found, 9, 0)
    assert alone._phases(0).tolist() != other.tolist()
    for epoch in (0, 0, 3, 3):
        disturbed._known = 0, alone._phases(0)
        assert disturbed.phase(epoch) == alone.phase(epoch)
        disturbed._known = 1, other
        assert disturbed.phase(epoch) == alone.phase(epoch)


def test_the_order_is_another_one_in_each_epoch_and_of_each_seed() -> None:
    found = groups([(shard, 4, 100) for shard in range(6) for _ in range(3)])
    orders = [
        tuple(Epochs(found, Clips(found), 10, seed).block(epoch, k).groups.tolist() for k in range(9))
        for seed in (0, 1)
        for epoch in (0, 1)
    ]
    assert len({str(order) for order in orders}) == 4
    flat = [group for block in orders[0] for group in block]
    shards = [int(found.shard[group]) for group in flat]
    assert sorted(shards) != shards
    assert sum(a != b for a, b in pairwise(shards)) == 5, "a shard's groups come together"
    block = Epochs(found, Clips(found), 10, 0).block(0, 0)
    assert block.chance(0).random() == block.chance(0).random() != block.chance(1).random()
