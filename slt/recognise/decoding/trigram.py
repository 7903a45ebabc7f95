"""A language model of glosses: which gloss follows the two before it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

_EDGE = 0  # stands before the first gloss and behind the last one; gloss k is k + 1, as in the recogniser's heads
_DISCOUNT = 0.75


class Trigram:
    """Interpolated Kneser-Ney (Chen and Goodman 1999, section 2.7; one discount), over glosses numbered from 1.

    counts: (a, b, c) -> how often c followed a and b in training; 0 is the edge of a sentence. size: of the vocabulary.
    """

    def __init__(self, counts: dict[tuple[int, int, int], int], size: int) -> None:
        self.counts, self.size = counts, size
        self._pairs: Counter[tuple[int, int]] = Counter()
        self._contexts: Counter[tuple[int, int]] = Counter()
        self._kinds: Counter[tuple[int, int]] = Counter()
        for (a, b, c), count in counts.items():
            self._contexts[a, b] += count
            self._kinds[a, b] += 1
            self._pairs[b, c] += 1  # in how many contexts the pair was seen
        self._after: Counter[int] = Counter()
        self._kinds_after: Counter[int] = Counter()
        before: defaultdict[int, set[int]] = defaultdict(set)
        for (b, c), count in self._pairs.items():
            self._after[b] += count
            self._kinds_after[b] += 1
            before[c].add(b)
        self._singles = {c: len(found) for c, found in before.items()}
        self._total = sum(self._singles.values())
        self._known: dict[tuple[int, int, int], float] = {}

    @staticmethod
    def fit(sentences: Iterable[Sequence[int]], size: int) -> Trigram:
        """Count sentences of gloss numbers (1 to size)."""
        counts: Counter[tuple[int, int, int]] = Counter()
        for sentence in sentences:
            padded = [_EDGE, _EDGE, *sentence, _EDGE]
            counts.update(zip(padded, padded[1:], padded[2:], strict=False))
        return Trigram(dict(counts), size)

    def log_probability(self, a: int, b: int, c: int) -> float:
        """Natural logarithm of the probability of gloss c (0: the end) after a and b (0: the beginning)."""
        found = self._known.get((a, b, c))
        if found is None:
            found = self._known[a, b, c] = math.log(self._three(a, b, c))
        return found

    def _three(self, a: int, b: int, c: int) -> float:
        total = self._contexts[a, b]
        if not total:
            return self._two(b, c)
        count = self.counts.get((a, b, c), 0)
        return (max(0.0, count - _DISCOUNT) + _DISCOUNT * self._kinds[a, b] * self._two(b, c)) / total

    def _two(self, b: int, c: int) -> float:
        total = self._after[b]
        if not total:
            return self._one(c)
        count = self._pairs.get((b, c), 0)
        return (max(0.0, count - _DISCOUNT) + _DISCOUNT * self._kinds_after[b] * self._one(c)) / total

    def _one(self, c: int) -> float:
        """Kneser-Ney's unigram, with one more count spread over vocabulary and end: nothing has probability 0."""
        return (self._singles.get(c, 0) + 1 / (self.size + 1)) / (self._total + 1)

    def array(self) -> np.ndarray:
        """(N, 4) int32, sorted: a, b, c and their count."""
        rows = [(*key, count) for key, count in sorted(self.counts.items())]
        return np.array(rows, np.int32).reshape(-1, 4)

    @staticmethod
    def from_array(rows: np.ndarray, size: int) -> Trigram:
        """The model of which `array` gave the rows (N, 4). size: glosses of its vocabulary."""
        return Trigram({(int(a), int(b), int(c)): int(count) for a, b, c, count in rows}, size)
