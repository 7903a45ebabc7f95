"""Whole clips from shards, made ready for a training: each once in an epoch, neighbours of like length."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skeletor.learning.data.blocks import Blocks
from skeletor.learning.data.epochs import Block, Clips, Epochs
from skeletor.learning.data.shards import Shards
from skeletor.poses.pose import PoseSequence

_POOL = 8  # batches of clips that are ordered by length together


@dataclass(frozen=True)
class _Loaded:
    """The clips of a block, (T_i, ...) each, in its order."""

    clips: list[np.ndarray]

    def __getitem__(self, items: slice) -> list[np.ndarray]:
        return self.clips[items]


class ShardClips:
    """Clips as `make` gives them, (T_i, ...) each. size: of the batches, for neighbours of like length."""

    def __init__(self, shards: Shards, make: Callable[[PoseSequence], np.ndarray], size: int, seed: int) -> None:
        self._shards, self._ready, self._size, self._seed = shards, make, size, seed
        self._blocks = Blocks(Epochs(shards.groups, Clips(shards.groups), shards.buffer, seed), self._load)

    @property
    def count(self) -> int:
        """How many clips there are."""
        return self._shards.clips

    def digest(self) -> str:
        """Hash of the shards (names, sizes, times and headers) and of the order."""
        text = f"{self._shards.digest} size {self._size} buffer {self._shards.buffer} seed {self._seed}"
        return hashlib.sha256(text.encode()).hexdigest()

    def some(self) -> list[np.ndarray]:
        """As many as fit into the buffer, evenly from all."""
        return [self._ready(pose) for pose in self._shards.some()]

    def batch(self, number: int, size: int) -> list[np.ndarray]:
        """The clips of the batch `number` of a training whose batches all have that size."""
        return [clip for loaded, items in self._blocks.items(number * size, size) for clip in loaded[items]]

    def _load(self, block: Block) -> _Loaded:
        clips = [self._ready(pose) for group in self._shards.load(block.groups.tolist()) for pose in group]
        lengths, rng = np.array([len(clip) for clip in clips]), block.chance(self._seed)
        return _Loaded([clips[k] for k in by_length(lengths, self._size, rng)])


def by_length(lengths: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random order (N,) of clips of `lengths` (N,) in which each batch of `size` has like ones."""
    order = rng.permutation(len(lengths))
    pools = np.split(order, range(_POOL * size, len(order), _POOL * size))
    turns = [pool[np.argsort(lengths[pool], kind="stable")] for pool in pools]
    batches = [turn[k : k + size] for turn in turns for k in range(0, len(turn), size)]
    return np.concatenate([batches[k] for k in rng.permutation(len(batches))])
