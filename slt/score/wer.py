"""Word error rate of recognised glosses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skeletor.support.errors import InputError


def word_error_rate(hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> float:
    """Insertions, deletions and substitutions (each costs 1) of a corpus per reference token, in per cent.

    Raises InputError if the numbers of sentences differ, or there is no reference token.
    """
    if len(hypotheses) != len(references):
        raise InputError(f"WER: {len(hypotheses)} hypotheses, but {len(references)} references")
    total = sum(map(len, references))
    if not total:
        raise InputError("WER: the references are empty")
    return 100 * sum(edits(h, r) for h, r in zip(hypotheses, references, strict=True)) / total


def edits(hypothesis: Sequence[str], reference: Sequence[str]) -> int:
    """Levenshtein distance of two token sequences: the fewest insertions, deletions and substitutions."""
    row = np.arange(len(reference) + 1)
    for token in hypothesis:
        differs = np.array([token != other for other in reference], int)
        best = np.concatenate([row[:1] + 1, np.minimum(row[1:] + 1, row[:-1] + differs)])
        # an insertion comes from the left: the running minimum of best - position, plus position
        row = np.minimum.accumulate(best - np.arange(len(best))) + np.arange(len(best))
    return int(row[-1])
