"""Content accuracy: the share of words that carry the meaning (the grammar's slots) that a translation got right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from skeletor.support.errors import InputError


@dataclass(frozen=True)
class ContentScore:
    """right of total content words; accuracy in per cent; missed: (word, times missed, times due), worst first."""

    right: int
    total: int
    missed: tuple[tuple[str, int, int], ...]

    @property
    def accuracy(self) -> float:
        """Share of the content words that were right, in per cent; 0 if there is none."""
        return 100.0 * self.right / self.total if self.total else 0.0


def content_accuracy(hypotheses: Sequence[str], content: Sequence[Sequence[str]]) -> ContentScore:
    """Content words (of several tokens, if need be) that occur in the hypothesis of their sentence.

    A word that is due twice has to occur twice. This is a recall: quote it beside BLEU, which punishes
    words too many. Raises InputError if the numbers of sentences differ.
    """
    if len(hypotheses) != len(content):
        raise InputError(f"content words: {len(hypotheses)} hypotheses, but {len(content)} sentences")
    due, missed = Counter[str](), Counter[str]()
    for hypothesis, words in zip(hypotheses, content, strict=True):
        padded = f" {' '.join(hypothesis.split())} "
        for word, times in Counter(words).items():
            found = _occurrences(padded, f" {word} ")
            due[word] += times
            missed[word] += max(0, times - found)
    total = sum(due.values())
    ranking = sorted(((w, n, due[w]) for w, n in missed.items() if n), key=lambda row: (-row[1], row[0]))
    return ContentScore(total - sum(missed.values()), total, tuple(ranking))


def _occurrences(padded: str, word: str) -> int:
    """Occurrences of " word " in a text with single spaces, where neighbours may share a space."""
    count, start = 0, padded.find(word)
    while start >= 0:
        count += 1
        start = padded.find(word, start + len(word) - 1)
    return count
