"""Batches of a training, drawn by a thread while the network learns, each from a generator of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

import numpy as np

Batch = TypeVar("Batch")
WINDOWS, CORRUPTION, NETWORK = range(3)  # what random numbers are for


def draw_seed(seed: int, number: int, purpose: int) -> int:
    """Seed of batch `number` of a training, one for each purpose.

    Every batch has its own generators, so a resumed training needs no state of any generator to go on with the
    same losses, and it does not matter which of several processes draws it.
    """
    state = np.random.SeedSequence((seed, 0, number, purpose)).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))  # torch takes 63 bits


class Feed(Generic[Batch]):
    """Draws the batches `first`, `first + every`, ... with `draw(number)`, in the background.

    A context manager: the thread ends with the block. depth: batches that wait at most; 0: there is no thread, `next`
    draws.
    """

    def __init__(self, draw: Callable[[int], Batch], first: int = 0, depth: int = 4, every: int = 1) -> None:
        self._draw, self._number, self._depth, self._every = draw, first, depth, every
        self._queue: queue.Queue[tuple[Batch | None, BaseException | None]] = queue.Queue(depth)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="batches", daemon=True)

    def __enter__(self) -> Feed[Batch]:
        if self._depth:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        while self._thread.is_alive():  # it may wait for room in the queue
            try:
                self._queue.get(timeout=0.01)
            except queue.Empty:
                self._thread.join(0.01)

    def next(self) -> Batch:
        """The next batch; an error of the thread is raised here."""
        if not self._depth:
            return self._one()
        batch, error = self._queue.get()
        if error is not None:
            raise error
        return batch  # type: ignore[return-value]

    def _one(self) -> Batch:
        batch = self._draw(self._number)
        self._number += self._every
        return batch

    def _work(self) -> None:
        try:
            while not self._ended.is_set():
                self._queue.put((self._one(), None))
        except BaseException as error:  # whatever it is, the training must not wait for ever
            self._queue.put((None, error))
