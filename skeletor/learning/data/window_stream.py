"""Windows of clips in shards, for a refiner: each once in an epoch, in an order that the seed alone decides."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from skeletor.learning.data.blocks import Blocks
from skeletor.learning.data.epochs import Block, Centres, Epochs
from skeletor.learning.data.shards import Shards
from skeletor.learning.data.windows import Drawn, MemoryStore, WindowSource, clip_store
from skeletor.support.errors import InputError


@dataclass(frozen=True)
class _Loaded:
    """A block's clips, and around which frames of which its windows lie, (items,) each, in the order of the block."""

    store: MemoryStore
    clip_of: np.ndarray
    centres: np.ndarray


class ShardWindows(WindowSource):
    """A training's windows. step: frames between the centres of an epoch. Two buffers of clips are in memory.

    Statistics of the clips, and what `draw` draws, are of `Shards.some` of them.
    """

    has_degraded = False

    def __init__(self, shards: Shards, step: int, seed: int) -> None:
        if not len(shards.groups):
            raise InputError("no clips to train on")
        self._shards, self._seed = shards, seed
        self._centres = Centres(shards.groups, step, seed)
        self._order = f"{shards.digest} step {step} buffer {shards.buffer} seed {seed}"
        self._blocks = Blocks(Epochs(shards.groups, self._centres, shards.buffer, seed), self._load)

    @property
    def frames(self) -> int:
        """Number of frames of all clips together."""
        return self._centres.frames

    def digest(self) -> str:
        """Hash of the shards (names, sizes, times and headers) and of the order."""
        return hashlib.sha256(self._order.encode()).hexdigest()[:16]

    def batch(self, number: int, size: int, length: int, degraded_share: float, rng: np.random.Generator) -> Drawn:
        """The windows (size, length, J, D) of the batch `number` of the training; `rng` is not needed."""
        drawn = [
            loaded.store.at(loaded.clip_of[items], loaded.centres[items], length)
            for loaded, items in self._blocks.items(number * size, size)
        ]
        return drawn[0] if len(drawn) == 1 else _joined(drawn)

    def draw(self, batch: int, length: int, degraded_share: float, rng: np.random.Generator) -> Drawn:
        """As `FrameSource.draw`, from some of the clips."""
        return self._some.draw(batch, length, degraded_share, rng)

    def sample(self, limit: int) -> tuple[Tensor, Tensor]:
        """As `FrameSource.sample`, from some of the clips."""
        return self._some.sample(limit)

    @cached_property
    def _some(self) -> MemoryStore:
        return clip_store(list(self._shards.some()))

    def _load(self, block: Block) -> _Loaded:
        groups = block.groups.tolist()
        store = clip_store([pose for clips in self._shards.load(groups) for pose in clips])
        frames = self._shards.groups.frames[block.groups]
        offsets = np.cumsum(frames) - frames
        places = [self._centres.places(block.epoch, group) + at for group, at in zip(groups, offsets, strict=True)]
        clip_of, centres = store.index.pick(block.chance(self._seed).permutation(np.concatenate(places)))
        return _Loaded(store, clip_of, centres)


def _joined(drawn: Sequence[Drawn]) -> Drawn:
    points, confidence = (torch.cat([one.target[k] for one in drawn]) for k in (0, 1))
    first, last = torch.cat([one.first for one in drawn]), torch.cat([one.last for one in drawn])
    return Drawn((points, confidence), None, first, last)
