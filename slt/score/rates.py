"""Paired bootstrap of word error rates, which are sums of mistakes over sums of reference tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skeletor.support.errors import InputError
from slt.score.bootstrap import Paired
from slt.score.wer import edits

Glosses = Sequence[Sequence[str]]


def compare_word_error_rates(
    a: Sequence[Glosses], b: Sequence[Glosses], references: Glosses, seed: int = 0, resamples: int = 1000
) -> Paired:
    """WER of b minus WER of a, in points, with interval and p as `slt.score.bootstrap.compare` has them.

    a, b: what each training of a system read; the rate of a system is the mean of its trainings'. Raises InputError if
    the numbers of sentences differ, or there is no reference token.
    """
    if not a or not b or {len(one) for one in (*a, *b)} != {len(references)}:
        raise InputError(f"paired bootstrap: give {len(references)} sentences of every training")
    lengths = np.array([len(reference) for reference in references], float)
    if not lengths.sum():
        raise InputError("WER: the references are empty")
    mistakes_a, mistakes_b = _mistakes(a, references), _mistakes(b, references)
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(lengths), np.full(len(lengths), 1 / len(lengths)), size=resamples)  # (R, N)
    totals = np.maximum(counts @ lengths, 1)
    differences = 100 * (counts @ (mistakes_b - mistakes_a)) / totals  # (R,)
    observed = float(100 * (mistakes_b - mistakes_a).sum() / lengths.sum())
    beyond = np.abs(differences - differences.mean()) >= abs(observed) - 1e-12
    low, high = np.percentile(differences, [2.5, 97.5])
    return Paired("wer", observed, (float(low), float(high)), (int(beyond.sum()) + 1) / (resamples + 1))


def _mistakes(trainings: Sequence[Glosses], references: Glosses) -> np.ndarray:
    """(N,) mistakes in each sentence, mean over the trainings."""
    found = [[edits(h, r) for h, r in zip(one, references, strict=True)] for one in trainings]
    mean: np.ndarray = np.mean(found, axis=0)
    return mean
