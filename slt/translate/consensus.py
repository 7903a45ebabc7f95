"""Translation by consensus: of many translations that a model draws, the one that is most like all of them.

Minimum Bayes risk with a linear approximation of the logarithm of BLEU (Tromble et al. 2008): a translation gains for
each n-gram that it shares with a drawn one, in the mean over them, and pays for each word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from skeletor.support.config import Config
from slt.score.bleu import ORDER, corpus_bleu


class ConsensusConfig(Config):
    """How many translations are drawn of a sentence, and which gains are tried on dev."""

    samples: int = Field(default=64, ge=1, le=4096)
    least: float = Field(default=0.02, ge=0, lt=1, description="rarer words are never drawn")
    decays: list[float] = Field(default=[0.4, 0.5, 0.6], min_length=1, description="see Gain")
    costs: list[float] = Field(default=[0.2, 0.4, 0.6, 0.8, 1.0, 1.2], min_length=1, description="see Gain")


@dataclass(frozen=True)
class Gain:
    """What a translation is worth. decay: an n-gram counts decay^(1 - n). cost: what a word costs."""

    decay: float
    cost: float


@dataclass(frozen=True, eq=False)
class Drawn:
    """What was drawn of one sentence, each once. matches: (U, 4) expected number of shared 1- to 4-grams."""

    texts: tuple[str, ...]
    matches: np.ndarray

    @staticmethod
    def of(samples: Sequence[str]) -> Drawn:
        """Matches are clipped as BLEU's: the second "im" of a text is shared with those that have two."""
        counts = Counter(samples)
        parts = {text: _ngrams(text) for text in counts}
        share: Counter[tuple[object, ...]] = Counter()
        for text, grams in parts.items():
            for order in grams:
                for gram in order:
                    share[gram] += counts[text]
        matches = [[sum(share[gram] for gram in order) / len(samples) for order in grams] for grams in parts.values()]
        return Drawn(tuple(parts), np.array(matches))

    def best(self, gain: Gain) -> str:
        """The text that gains most; of equals, the first."""
        weights = gain.decay ** -np.arange(ORDER, dtype=np.float64)  # (4,)
        lengths = np.array([len(text.split()) for text in self.texts])
        return self.texts[int(np.argmax(self.matches @ weights - gain.cost * lengths))]


def _ngrams(text: str) -> list[list[tuple[object, ...]]]:
    """The n-grams of orders 1 to 4, each with a number that tells its occurrences apart."""
    words, found = text.split(), []
    for order in range(1, ORDER + 1):
        seen: Counter[tuple[str, ...]] = Counter()
        grams: list[tuple[object, ...]] = []
        for start in range(len(words) - order + 1):
            gram = tuple(words[start : start + order])
            grams.append((*gram, seen[gram]))
            seen[gram] += 1
        found.append(grams)
    return found


def tune(drawn: Sequence[Drawn], references: Sequence[str], config: ConsensusConfig) -> tuple[Gain, float]:
    """The gain whose translations have the best BLEU-4 on dev, and that BLEU-4 in per cent; of equals, the first."""
    tried = [Gain(decay, cost) for decay in config.decays for cost in config.costs]
    scores = [corpus_bleu([one.best(gain) for one in drawn], references).bleu[3] for gain in tried]
    best = int(np.argmax(scores))
    return tried[best], scores[best]
