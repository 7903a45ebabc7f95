"""Blocks of clips in memory: the one that is drawn from, and the next, which a thread reads meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from skeletor.learning.data.epochs import Block, Epochs

T = TypeVar("T")


class Blocks(Generic[T]):
    """What `load` makes of the blocks of an order. For one thread; `load` runs in another one."""

    def __init__(self, epochs: Epochs, load: Callable[[Block], T]) -> None:
        self._epochs, self._load = epochs, load
        self._reader = ThreadPoolExecutor(1, "shards")
        self._held: dict[tuple[int, int], Future[T]] = {}

    def items(self, first: int, count: int) -> Iterator[tuple[T, slice]]:
        """The items `first`, `first + 1`, ... of the training: loaded blocks, and which items of each."""
        for block, chosen in self._epochs.parts(first, count):
            yield self._get(block), chosen

    def _get(self, block: Block) -> T:
        following = self._epochs.block(block.epoch, block.number + 1)
        wanted = {(one.epoch, one.number): one for one in (block, following)}
        self._held = {key: future for key, future in self._held.items() if key in wanted}
        for key, one in wanted.items():
            if key not in self._held:
                self._held[key] = self._reader.submit(self._load, one)
        return self._held[block.epoch, block.number].result()
