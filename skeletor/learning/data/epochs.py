"""In which order a training goes through clips that do not fit into memory: epoch after epoch, by a bounded buffer.

In each epoch the shards come in a random order, and so do the groups of clips of a shard. Groups that follow each other
are a block: as many as fit into the buffer. What is drawn from a block comes in a random order, all of it, then comes
the next block. All of this follows from the seed and the number of the epoch, so any place of the order is found at
once: by every process, by a resumed training, and without anything being read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from skeletor.learning.data.shards import Groups

_SHARDS, _BLOCKS, _PHASES = range(1, 4)  # what random numbers are for; 0 is of batches, see `draw_seed`


class Items(Protocol):
    """What is drawn from clips, each once in an epoch; an item is a window, or a clip."""

    def locate(self, number: int) -> tuple[int, int]:
        """The epoch of an item, counted from the first item of the first epoch, and its number within that epoch."""

    def counts(self, epoch: int) -> np.ndarray:
        """(G,) items of each group in an epoch."""


@dataclass(frozen=True)
class Clips:
    """Every clip is an item."""

    groups: Groups

    def locate(self, number: int) -> tuple[int, int]:
        """See `Items`."""
        return divmod(number, int(self.groups.clips.sum()))

    def counts(self, epoch: int) -> np.ndarray:
        """See `Items`."""
        return self.groups.clips


class Centres:
    """Every `step`-th frame is an item: the centre of a window.

    All frames count on through all groups; which ones are items differs from epoch to epoch, so that in `step` epochs
    each frame is one once.
    """

    def __init__(self, groups: Groups, step: int, seed: int) -> None:
        self._step, self._seed = step, seed
        self._ends = np.cumsum(groups.frames)
        self._starts = self._ends - groups.frames
        self._cycle: tuple[int, np.ndarray] = (-1, np.zeros(0, np.int64))

    @property
    def frames(self) -> int:
        """Of all groups."""
        return int(self._ends[-1])

    def phase(self, epoch: int) -> int:
        """The first frame that is an item in an epoch."""
        return int(self._phases(epoch // self._step)[epoch % self._step])

    def places(self, epoch: int, group: int) -> np.ndarray:
        """(items,) frames of a group, counted from its first one, that are items in an epoch."""
        start, stop = int(self._starts[group]), int(self._ends[group])
        phase = self.phase(epoch)
        return np.arange(phase + self._step * max(0, -(-(start - phase) // self._step)), stop, self._step) - start

    def locate(self, number: int) -> tuple[int, int]:
        """See `Items`."""
        cycle, rest = divmod(number, self.frames)
        ends = np.cumsum(-(-(self.frames - self._phases(cycle)) // self._step))  # (step,), the last is `frames`
        turn = int(np.searchsorted(ends, rest, side="right"))
        return cycle * self._step + turn, rest - (int(ends[turn - 1]) if turn else 0)

    def counts(self, epoch: int) -> np.ndarray:
        """See `Items`."""
        return np.asarray(self._numbers(epoch, self._ends) - self._numbers(epoch, self._starts))

    def _numbers(self, epoch: int, frames: np.ndarray) -> np.ndarray:
        """How many items of an epoch lie before each of the frames."""
        return np.asarray(np.maximum(-(-(frames - self.phase(epoch)) // self._step), 0))

    def _phases(self, cycle: int) -> np.ndarray:
        known = self._cycle  # taken once: the thread that reads blocks ahead may ask for the next cycle meanwhile
        if known[0] != cycle:
            known = cycle, np.random.default_rng((self._seed, _PHASES, cycle)).permutation(self._step)
            self._cycle = known
        return known[1]


@dataclass(frozen=True)
class Block:
    """Groups (n,) that are in memory together, by their number. number: of the block in its epoch; items: its own."""

    epoch: int
    number: int
    groups: np.ndarray
    items: int

    def chance(self, seed: int) -> np.random.Generator:
        """Random numbers for the order of the block's items."""
        return np.random.default_rng((seed, _BLOCKS, self.epoch, self.number))


@dataclass(frozen=True)
class _Epoch:
    """order (G,) of the groups. cuts (B + 1,): where its blocks begin in it. ends (B,): items up to a block's end."""

    order: np.ndarray
    cuts: np.ndarray
    ends: np.ndarray


class Epochs:
    """The order of all items. buffer: clips of a block; a group may be larger, and is then a block of its own."""

    def __init__(self, groups: Groups, items: Items, buffer: int, seed: int) -> None:
        self._groups, self._items, self._buffer, self._seed = groups, items, buffer, seed
        self._known: dict[int, _Epoch] = {}

    def parts(self, first: int, count: int) -> list[tuple[Block, slice]]:
        """Where the items `first`, `first + 1`, ... lie: blocks, and which of each one's items, in its own order."""
        found = []
        while count:
            epoch, place = self._items.locate(first)
            ends = self._epoch(epoch).ends
            number = int(np.searchsorted(ends, place, side="right"))
            start = int(ends[number - 1]) if number else 0
            taken = min(count, int(ends[number]) - place)
            found.append((self.block(epoch, number), slice(place - start, place - start + taken)))
            first, count = first + taken, count - taken
        return found

    def block(self, epoch: int, number: int) -> Block:
        """A block of an epoch; the one behind its last one is the first of the next epoch that has any."""
        known = self._epoch(epoch)
        while number >= len(known.ends):
            epoch, number = epoch + 1, 0
            known = self._epoch(epoch)
        groups = known.order[known.cuts[number] : known.cuts[number + 1]]
        before = int(known.ends[number - 1]) if number else 0
        return Block(epoch, number, groups, int(known.ends[number]) - before)

    def _epoch(self, epoch: int) -> _Epoch:
        if epoch not in self._known:
            self._known = {k: known for k, known in self._known.items() if abs(k - epoch) == 1} | {
                epoch: self._make(epoch)
            }
        return self._known[epoch]

    def _make(self, epoch: int) -> _Epoch:
        rng, counts = np.random.default_rng((self._seed, _SHARDS, epoch)), self._items.counts(epoch)
        shards, shard_of = np.unique(self._groups.shard, return_inverse=True)
        turn = rng.permutation(len(shards))[shard_of]
        order = np.lexsort((rng.random(len(turn)), turn))
        order = order[counts[order] > 0]
        cuts = _cuts(self._groups.clips[order].tolist(), self._buffer)
        ends = np.cumsum(counts[order])[np.asarray(cuts[1:], np.int64) - 1]
        return _Epoch(order, np.asarray(cuts, np.int64), ends)


def _cuts(clips: Sequence[int], buffer: int) -> list[int]:
    """Where blocks begin, and the end of the last: as many groups as have `buffer` clips or fewer, at least one."""
    cuts, held = [0], 0
    for k, count in enumerate(clips):
        if held and held + count > buffer:
            cuts.append(k)
            held = 0
        held += count
    return [*cuts, len(clips)] if clips else cuts
