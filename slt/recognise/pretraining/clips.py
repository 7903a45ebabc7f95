"""Which clips a batch of the pretraining has: of those in memory, or of shards that are gone through."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from skeletor.learning.data.clip_stream import ShardClips

_POOL = 8  # a batch is drawn from so many batches of clips of like length


class RawClips(Protocol):
    """Raw features (T, F) of many clips."""

    @property
    def count(self) -> int:
        """How many clips there are."""

    def batch(self, number: int, size: int, rng: np.random.Generator) -> list[np.ndarray]:
        """The clips (T, F) of a batch, of like length. number: of the batch in the training."""

    def update(self, digest: hashlib._Hash) -> None:
        """Add to a hash all that a training depends on."""


class Held:
    """Clips in memory; a batch is drawn with its generator alone."""

    def __init__(self, raw: Sequence[np.ndarray]) -> None:
        self._raw = raw
        self._order = np.argsort([len(array) for array in raw], kind="stable")

    @property
    def count(self) -> int:
        """See `RawClips`."""
        return len(self._order)

    def batch(self, number: int, size: int, rng: np.random.Generator) -> list[np.ndarray]:
        """See `RawClips`."""
        start = int(rng.integers(self.count))  # the order is a ring: every clip is as likely
        ring = self._order[np.arange(start, start + min(self.count, _POOL * size)) % self.count]
        return [self._raw[k] for k in rng.choice(ring, size, replace=False)]

    def update(self, digest: hashlib._Hash) -> None:
        """See `RawClips`."""
        for array in self._raw:
            digest.update(np.ascontiguousarray(array).tobytes())


class Streamed:
    """Clips of shards, in their order."""

    def __init__(self, clips: ShardClips) -> None:
        self._clips = clips

    @property
    def count(self) -> int:
        """See `RawClips`."""
        return self._clips.count

    def batch(self, number: int, size: int, rng: np.random.Generator) -> list[np.ndarray]:
        """See `RawClips`."""
        return self._clips.batch(number, size)

    def update(self, digest: hashlib._Hash) -> None:
        """See `RawClips`."""
        digest.update(self._clips.digest().encode())
