"""The floor of the scores: the one sentence that scores best as the translation of every clip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from skeletor.support.errors import InputError
from slt.score.bleu import ORDER, bleu_from_statistics
from slt.score.tokens import Tokens, tokenized

Ngram = tuple[str, ...]


def constant_sentence(candidates: Sequence[str], references: Sequence[str], tokens: Tokens = "none") -> str:
    """The candidate with the highest corpus BLEU-4 as the only hypothesis for all references; of equals the first.

    tokens: what is a word. Exact: what a candidate matches is a sum over its n-grams, because a sentence that is
    repeated N times matches min(its count, the reference's count) of an n-gram in each reference. Raises InputError
    without sentences.
    """
    unique = list(dict.fromkeys(candidates))
    if not unique or not references:
        raise InputError("no constant sentence without candidates and references; give at least one of each")
    references = tokenized(references, tokens)
    having = _having(references)
    length = sum(len(reference.split()) for reference in references)
    texts = tokenized(unique, tokens)
    rows = np.array([_statistics(text, having, len(references), length) for text in texts])  # (C, 10)
    return unique[int(bleu_from_statistics(rows)[:, ORDER - 1].argmax())]


def _having(references: Sequence[str]) -> Counter[tuple[Ngram, int]]:
    """(n-gram, k) -> how many references hold it at least k times."""
    having = Counter[tuple[Ngram, int]]()
    for reference in references:
        for ngram, count in _ngrams(reference).items():
            having.update((ngram, k) for k in range(1, count + 1))
    return having


def _statistics(text: str, having: Counter[tuple[Ngram, int]], references: int, length: int) -> list[float]:
    """The summed statistics of `slt.score.bleu.bleu_statistics` if `text` is the answer to every reference."""
    matches = [0] * ORDER
    for ngram, count in _ngrams(text).items():
        matches[len(ngram) - 1] += sum(having[ngram, k] for k in range(1, count + 1))
    words = len(text.split())
    totals = [max(0, words - order) * references for order in range(ORDER)]
    return [words * references, length, *matches, *totals]


def _ngrams(text: str) -> Counter[Ngram]:
    words = text.split()
    return Counter(tuple(words[k : k + order]) for order in range(1, ORDER + 1) for k in range(len(words) - order + 1))
