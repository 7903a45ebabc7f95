"""Bootstrap over sentences (Koehn 2004): intervals of one system, and a paired test of two.

Corpus scores are functions of sums of per-sentence statistics, so a resample is one row of counts and
all resamples are one matrix product.

A system may have been trained several times, with other seeds. Its score is then the mean of its trainings' corpus
scores, in every resample too: the sentences are drawn, the trainings stay. The spread of the trainings themselves is
not in these intervals; quote their standard deviation beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skeletor.support.errors import InputError
from slt.score.bleu import bleu_from_statistics, bleu_statistics
from slt.score.rouge import sentence_rouge
from slt.score.tokens import Tokens, tokenized

METRICS = ("bleu1", "bleu2", "bleu3", "bleu4", "rouge")


@dataclass(frozen=True)
class Paired:
    """Two systems on the same sentences: score of b minus score of a, its 95 % interval, two-sided p-value.

    relative: the difference in per cent of a's score, with its 95 % interval; None if a's score is 0 (the interval:
    if it is in a resample).
    """

    metric: str
    difference: float
    interval: tuple[float, float]
    p: float
    relative: float | None = None
    relative_interval: tuple[float, float] | None = None


def statistics(hypotheses: Sequence[str], references: Sequence[str], tokens: Tokens = "none") -> np.ndarray:
    """(N, 11) per-sentence statistics: those of BLEU, then ROUGE. tokens: what is a word, of both."""
    rouge = sentence_rouge(tokenized(hypotheses, tokens), tokenized(references, tokens))[:, None]
    return np.concatenate([bleu_statistics(hypotheses, references, tokens), rouge], axis=1)


def intervals(
    stats: np.ndarray | Sequence[np.ndarray], seed: int = 0, resamples: int = 1000
) -> dict[str, tuple[float, float]]:
    """Percentile 95 % interval of each metric from `statistics` (N, 11), or of the mean of several trainings."""
    trainings = [stats] if isinstance(stats, np.ndarray) else stats
    scores = _mean_scores(_counts(len(trainings[0]), seed, resamples), trainings)  # (R, 5)
    low, high = np.percentile(scores, [2.5, 97.5], axis=0)
    return {name: (float(low[k]), float(high[k])) for k, name in enumerate(METRICS)}


def paired_bootstrap(
    a: Sequence[str], b: Sequence[str], references: Sequence[str], seed: int = 0, resamples: int = 1000
) -> dict[str, Paired]:
    """Compare two systems' outputs for the same references, metric by metric.

    p is that of sacreBLEU's paired bootstrap: how often the difference of a resample lies as far from
    the mean difference as the observed difference lies from 0, plus one, over resamples plus one.
    Raises InputError if the numbers of sentences differ.
    """
    if not len(a) == len(b) == len(references) or len(a) == 0:
        raise InputError(f"paired bootstrap: {len(a)}, {len(b)} and {len(references)} sentences; give the same lines")
    return compare([statistics(a, references)], [statistics(b, references)], seed, resamples)


def compare(
    a: Sequence[np.ndarray], b: Sequence[np.ndarray], seed: int = 0, resamples: int = 1000
) -> dict[str, Paired]:
    """`paired_bootstrap` of systems with one or more trainings each; a, b: `statistics` (N, 11) of each training.

    Raises InputError if the numbers of sentences differ.
    """
    sentences = {len(stats) for stats in (*a, *b)}
    if not a or not b or len(sentences) != 1:
        raise InputError(f"paired bootstrap: {sorted(sentences)} sentences; give the same sentences of every training")
    number = sentences.pop()
    counts, whole = _counts(number, seed, resamples), np.ones((1, number))
    scores_a, scores_b = _mean_scores(counts, a), _mean_scores(counts, b)  # (R, 5)
    observed_a, observed_b = _mean_scores(whole, a)[0], _mean_scores(whole, b)[0]  # (5,)
    differences, observed = scores_b - scores_a, observed_b - observed_a
    beyond = np.abs(differences - differences.mean(0)) >= np.abs(observed) - 1e-12
    p = (beyond.sum(0) + 1) / (resamples + 1)
    low, high = np.percentile(differences, [2.5, 97.5], axis=0)
    return {
        name: Paired(
            name, float(observed[k]), (float(low[k]), float(high[k])), float(p[k]),
            *_relative(differences[:, k], scores_a[:, k], float(observed[k]), float(observed_a[k])),
        )
        for k, name in enumerate(METRICS)
    }  # fmt: skip


def _relative(
    differences: np.ndarray, base: np.ndarray, observed: float, observed_base: float
) -> tuple[float | None, tuple[float, float] | None]:
    """The observed difference in per cent of the base, and its interval from resamples (R,)."""
    if observed_base <= 0:
        return None, None
    if (base <= 0).any():
        return 100 * observed / observed_base, None
    low, high = np.percentile(100 * differences / base, [2.5, 97.5])
    return 100 * observed / observed_base, (float(low), float(high))


def _counts(sentences: int, seed: int, resamples: int) -> np.ndarray:
    """(R, N) how often each sentence occurs in each resample."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(sentences, np.full(sentences, 1 / sentences), size=resamples).astype(np.float64)


def _scores(counts: np.ndarray, stats: np.ndarray) -> np.ndarray:
    """(R, N) counts and (N, 11) statistics to (R, 5) scores in the order of METRICS."""
    totals = counts @ stats  # (R, 11)
    rouge = totals[:, -1:] / counts.sum(1, keepdims=True)
    return np.concatenate([bleu_from_statistics(totals[:, :-1]), rouge], axis=1)


def _mean_scores(counts: np.ndarray, trainings: Sequence[np.ndarray]) -> np.ndarray:
    """`_scores`, mean over the trainings of one system."""
    mean: np.ndarray = np.mean([_scores(counts, stats) for stats in trainings], axis=0)
    return mean
