"""Word error rate of recognised glosses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skeletor.support.errors import InputError


@dataclass(frozen=True)
class Mistakes:
    """Substitutions, deletions and insertions, each in per cent of the reference tokens; their sum is the WER."""

    substitutions: float
    deletions: float
    insertions: float


def word_error_rate(hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> float:
    """Insertions, deletions and substitutions (each costs 1) of a corpus per reference token, in per cent.

    Raises InputError if the numbers of sentences differ, or there is no reference token.
    """
    total = _reference_tokens(hypotheses, references)
    return 100 * sum(edits(h, r) for h, r in zip(hypotheses, references, strict=True)) / total


def mistakes(hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> Mistakes:
    """The word error rate by kind of mistake. Raises InputError as `word_error_rate`."""
    total = _reference_tokens(hypotheses, references)
    kinds = np.array([edit_kinds(h, r) for h, r in zip(hypotheses, references, strict=True)])  # (N, 3)
    substitutions, deletions, insertions = (100 * float(count) / total for count in kinds.sum(0))
    return Mistakes(substitutions, deletions, insertions)


def _reference_tokens(hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> int:
    if len(hypotheses) != len(references):
        raise InputError(f"WER: {len(hypotheses)} hypotheses, but {len(references)} references")
    total = sum(map(len, references))
    if not total:
        raise InputError("WER: the references are empty")
    return total


def edits(hypothesis: Sequence[str], reference: Sequence[str]) -> int:
    """Levenshtein distance of two token sequences: the fewest insertions, deletions and substitutions."""
    row = np.arange(len(reference) + 1)
    for token in hypothesis:
        differs = np.array([token != other for other in reference], int)
        best = np.concatenate([row[:1] + 1, np.minimum(row[1:] + 1, row[:-1] + differs)])
        # an insertion comes from the left: the running minimum of best - position, plus position
        row = np.minimum.accumulate(best - np.arange(len(best))) + np.arange(len(best))
    return int(row[-1])


def edit_kinds(hypothesis: Sequence[str], reference: Sequence[str]) -> tuple[int, int, int]:
    """Substitutions, deletions and insertions of a cheapest way from the reference to the hypothesis.

    Of several cheapest ways it is the one with the most substitutions, and so with the fewest other mistakes.
    """
    best = [(n, 0, n, 0) for n in range(len(reference) + 1)]  # (cost, substitutions, deletions, insertions)
    for row, token in enumerate(hypothesis, 1):
        above, best = best, [(row, 0, 0, row)]
        for column, other in enumerate(reference, 1):
            ways = (
                _more(above[column - 1], 1 if token != other else None),
                _more(best[column - 1], 2),
                _more(above[column], 3),
            )
            best.append(min(ways, key=lambda way: (way[0], -way[1])))
    _, substitutions, deletions, insertions = best[-1]
    return substitutions, deletions, insertions


def _more(way: tuple[int, int, int, int], kind: int | None) -> tuple[int, int, int, int]:
    """The way with one more mistake of a kind (its place in the tuple), or with none."""
    if kind is None:
        return way
    cost, substitutions, deletions, insertions = way
    return (cost + 1, substitutions + (kind == 1), deletions + (kind == 2), insertions + (kind == 3))
