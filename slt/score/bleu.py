"""Corpus BLEU-1..4 as the PHOENIX14T literature computes it, and what a bootstrap needs to recompute it.

Whitespace tokens (or those of another of sacreBLEU's tokenizers), one reference, no smoothing. BLEU-n = brevity penalty
* geometric mean of the first n n-gram precisions (Papineni et al. 2002, equations 2 and 3), so one sacreBLEU call gives
all four.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from slt.score.tokens import Tokens, tokenizer

ORDER = 4


@dataclass(frozen=True)
class Bleu:
    """BLEU-1..4 in per cent, and sacreBLEU's signature."""

    bleu: tuple[float, float, float, float]
    signature: str


def corpus_bleu(hypotheses: Sequence[str], references: Sequence[str], tokens: Tokens = "none") -> Bleu:
    """BLEU-1..4 of a corpus in per cent (Papineni et al. 2002). tokens: which of sacreBLEU's tokenizers makes words.

    An order without any match makes its BLEU and those of higher orders 0.
    """
    metric = _metric(tokens)
    result = metric.corpus_score(list(hypotheses), [list(references)])
    precisions = np.asarray(result.precisions, np.float64)  # (4,) in per cent
    one, two, three, four = _combine(result.bp, precisions).tolist()
    return Bleu((one, two, three, four), str(metric.get_signature()))


def bleu_statistics(hypotheses: Sequence[str], references: Sequence[str], tokens: Tokens = "none") -> np.ndarray:
    """(N, 10) float64 sufficient statistics per sentence.

    Columns: hypothesis length, reference length, 4 numbers of matching n-grams, 4 numbers of n-grams.
    """
    metric = _metric(tokens, effective_order=True)
    rows = np.zeros((len(hypotheses), 2 + 2 * ORDER))
    for row, hypothesis, reference in zip(rows, hypotheses, references, strict=True):
        result = metric.sentence_score(hypothesis, [reference])
        row[:] = (result.sys_len, result.ref_len, *result.counts, *result.totals)
    return rows


def bleu_from_statistics(totals: np.ndarray) -> np.ndarray:
    """(..., 10) summed statistics to (..., 4) BLEU-1..4 in per cent (Papineni et al. 2002, equations 2 and 3)."""
    lengths, reference_lengths = totals[..., 0], totals[..., 1]
    matches, ngrams = totals[..., 2 : 2 + ORDER], totals[..., 2 + ORDER :]
    with np.errstate(divide="ignore", invalid="ignore"):
        precisions = np.where(ngrams > 0, 100.0 * matches / ngrams, 0.0)
        penalty = np.where(lengths < reference_lengths, np.exp(1 - reference_lengths / lengths), 1.0)
    penalty = np.where(lengths > 0, penalty, 0.0)
    return _combine(penalty[..., None], precisions)


def _metric(tokens: Tokens, effective_order: bool = False) -> BLEU:
    tokenizer(tokens)  # one that is not installed is told in one line
    return BLEU(tokenize=tokens, smooth_method="none", force=True, effective_order=effective_order)


def _combine(penalty: np.ndarray | float, precisions: np.ndarray) -> np.ndarray:
    """Brevity penalty and (..., 4) precisions to (..., 4) BLEU-1..4."""
    with np.errstate(divide="ignore"):
        logs = np.log(precisions)  # -inf where an order has no match
    means = np.cumsum(logs, -1) / np.arange(1, ORDER + 1)
    return penalty * np.exp(means)
