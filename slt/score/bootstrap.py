"""Bootstrap over sentences (Koehn 2004): intervals of one system, and a paired test of two.

Corpus scores are functions of sums of per-sentence statistics, so a resample is one row of counts and
all resamples are one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skeletor.errors import InputError
from slt.score.bleu import bleu_from_statistics, bleu_statistics
from slt.score.rouge import sentence_rouge

METRICS = ("bleu1", "bleu2", "bleu3", "bleu4", "rouge")


@dataclass(frozen=True)
class Paired:
    """Two systems on the same sentences: score of b minus score of a, its 95 % interval, two-sided p-value."""

    metric: str
    difference: float
    interval: tuple[float, float]
    p: float


def statistics(hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """(N, 11) per-sentence statistics: those of BLEU, then ROUGE."""
    rouge = sentence_rouge(hypotheses, references)[:, None]
    return np.concatenate([bleu_statistics(hypotheses, references), rouge], axis=1)


def intervals(stats: np.ndarray, seed: int = 0, resamples: int = 1000) -> dict[str, tuple[float, float]]:
    """Percentile 95 % interval of each metric from `statistics` (N, 11)."""
    scores = _scores(_counts(len(stats), seed, resamples), stats)  # (R, 5)
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
    stats_a, stats_b = statistics(a, references), statistics(b, references)
    counts = _counts(len(references), seed, resamples)
    differences = _scores(counts, stats_b) - _scores(counts, stats_a)  # (R, 5)
    whole = np.ones((1, len(references)))
    observed = (_scores(whole, stats_b) - _scores(whole, stats_a))[0]  # (5,)
    beyond = np.abs(differences - differences.mean(0)) >= np.abs(observed) - 1e-12
    p = (beyond.sum(0) + 1) / (resamples + 1)
    low, high = np.percentile(differences, [2.5, 97.5], axis=0)
    return {
        name: Paired(name, float(observed[k]), (float(low[k]), float(high[k])), float(p[k]))
        for k, name in enumerate(METRICS)
    }


def _counts(sentences: int, seed: int, resamples: int) -> np.ndarray:
    """(R, N) how often each sentence occurs in each resample."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(sentences, np.full(sentences, 1 / sentences), size=resamples).astype(np.float64)


def _scores(counts: np.ndarray, stats: np.ndarray) -> np.ndarray:
    """(R, N) counts and (N, 11) statistics to (R, 5) scores in the order of METRICS."""
    totals = counts @ stats  # (R, 11)
    rouge = totals[:, -1:] / counts.sum(1, keepdims=True)
    return np.concatenate([bleu_from_statistics(totals[:, :-1]), rouge], axis=1)
