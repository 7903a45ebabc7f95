"""Batches of windows, drawn by a thread while the network learns."""

from __future__ import annotations

import queue
import threading
from types import TracebackType

import numpy as np
import torch

from skeletor.learning.windows import Drawn, FrameSource, Windows

WINDOWS, CORRUPTION, NETWORK = range(3)  # what random numbers are for


def draw_seed(seed: int, rank: int, number: int, purpose: int) -> int:
    """Seed of batch `number` of a process, one for each purpose.

    Every batch has its own generators, so a resumed training needs no state of any generator to go on with the
    same losses, and the processes of a training draw different windows.
    """
    state = np.random.SeedSequence((seed, rank, number, purpose)).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))  # torch takes 63 bits


class Feed:
    """Draws the batches `first`, `first + 1`, ... of a process in the background; `next` moves one to the device.

    A context manager: the thread ends with the block. depth: batches that wait at most.
    """

    def __init__(
        self,
        store: FrameSource,
        size: int,
        length: int,
        degraded_share: float,
        seed: int,
        rank: int = 0,
        first: int = 0,
        device: torch.device | str = "cpu",
        depth: int = 4,
    ) -> None:
        self._store, self._shape = store, (size, length, degraded_share)
        self._seed, self._rank, self._number = seed, rank, first
        self._device = torch.device(device)
        self._queue: queue.Queue[Drawn | BaseException] = queue.Queue(depth)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="windows", daemon=True)

    def __enter__(self) -> Feed:
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

    def next(self) -> Windows:
        """The next batch on the device; an error of the thread is raised here."""
        drawn = self._queue.get()
        if isinstance(drawn, BaseException):
            raise drawn
        return drawn.on(self._device)

    def _work(self) -> None:
        try:
            while not self._ended.is_set():
                rng = np.random.default_rng(draw_seed(self._seed, self._rank, self._number, WINDOWS))
                drawn = self._store.draw(*self._shape, rng)
                self._queue.put(drawn.pinned() if self._device.type == "cuda" else drawn)
                self._number += 1
        except BaseException as error:  # whatever it is, the training must not wait for ever
            self._queue.put(error)
