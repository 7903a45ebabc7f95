"""ROUGE-L with beta 1.2 on tokens between spaces: the ROUGE of the sign language translation literature.

rouge-score gives P and R of the longest common subsequence (Lin 2004); its own F has beta 1, and its own
tokenizer splits words at umlauts, so both are replaced here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BETA = 1.2


class _Spaces:
    """A tokenizer of rouge-score."""

    def tokenize(self, text: str) -> list[str]:
        # at single spaces, as the field's script does: a double space counts as an empty token
        return text.split(" ")


def sentence_rouge(hypotheses: Sequence[str], references: Sequence[str], beta: float = BETA) -> np.ndarray:
    """(N,) float64 ROUGE-L per sentence in per cent: (1 + b^2) P R / (R + b^2 P), 0 without a common word."""
    from rouge_score.rouge_scorer import RougeScorer  # loads nltk, for its stemmers: most of the time of a score

    scorer = RougeScorer(["rougeL"], tokenizer=_Spaces())
    pairs = zip(hypotheses, references, strict=True)
    results = [scorer.score(reference, hypothesis)["rougeL"] for hypothesis, reference in pairs]
    precision = np.array([r.precision for r in results], np.float64)
    recall = np.array([r.recall for r in results], np.float64)
    denominator = recall + beta**2 * precision
    return 100 * (1 + beta**2) * precision * recall / np.where(denominator > 0, denominator, 1)
