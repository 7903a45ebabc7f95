"""Scores of translations: BLEU-1..4, ROUGE-L, chrF, bootstrap intervals.

`score` takes sentences, `score_files` takes two text files with one sentence per line. Tokens are what
whitespace separates, or another of sacreBLEU's tokenizers (`slt.score.tokens`), for BLEU and ROUGE alike; nothing is
lower-cased or stripped of punctuation here. `mean_scores` takes the scores of several trainings of one system.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from skeletor.support.errors import InputError
from slt.score.tokens import Tokens
from slt.score.wer import Mistakes

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 1000
METRICS = ("bleu4", "bleu3", "bleu2", "bleu1", "rouge", "chrf")


@dataclass(frozen=True)
class Scores:
    """Corpus scores in per cent of n sentences.

    intervals: metric name -> (low, high), percentile bootstrap, 95 %. signature: sacreBLEU's.
    chrf is sacreBLEU's chrF2 (no interval), chrf_signature its signature. trainings: how many trainings of one
    system the scores are the mean of; deviations: metric name -> standard deviation over them, empty for one.
    wer: of the recognised glosses, if the model recognises any; mistakes: what it consists of.
    """

    bleu1: float
    bleu2: float
    bleu3: float
    bleu4: float
    rouge: float
    chrf: float
    intervals: Mapping[str, tuple[float, float]]
    signature: str
    n: int
    chrf_signature: str = ""
    trainings: int = 1
    deviations: Mapping[str, float] = dataclasses.field(default_factory=dict)
    wer: float | None = None
    mistakes: Mistakes | None = None

    def as_dict(self) -> dict[str, Any]:
        """All fields as plain values, for JSON; scores in per cent."""
        return dataclasses.asdict(self)

    def lines(self) -> str:
        """Text of several lines: each score in per cent with its 95 % interval, and the signatures."""
        rows = []
        for key, label in (("bleu4", "BLEU-4"), ("bleu3", "BLEU-3"), ("bleu2", "BLEU-2"), ("bleu1", "BLEU-1"),
                           ("rouge", "ROUGE")):  # fmt: skip
            low, high = self.intervals[key]
            rows.append(f"{label:7} {getattr(self, key):6.2f}   95 %: {low:.2f} to {high:.2f}")
        rows.append(f"chrF    {self.chrf:6.2f}")
        if self.wer is not None:
            rows.append(f"WER     {self.wer:6.2f}   of glosses")
        return "\n".join([*rows, f"{self.n} sentences; {self.signature}", f"chrF: {self.chrf_signature}"])


def score(hypotheses: Sequence[str], references: Sequence[str], seed: int = 0, tokens: Tokens = "none") -> Scores:
    """Scores of hypotheses against one reference each. The seed is that of the bootstrap. tokens: what is a word.

    Raises InputError if the numbers differ, or are zero, or what the tokenizer needs is not installed.
    """
    from sacrebleu.metrics.chrf import CHRF

    from slt.score.bleu import corpus_bleu
    from slt.score.bootstrap import intervals, statistics

    if len(hypotheses) != len(references):
        raise InputError(
            f"{len(hypotheses)} hypotheses, but {len(references)} references; give one line each, in the same order"
        )
    if not references:
        raise InputError("no sentences to score; give at least one hypothesis and its reference")
    bleu = corpus_bleu(hypotheses, references, tokens)
    stats = statistics(hypotheses, references, tokens)
    metric = CHRF()
    chrf = metric.corpus_score(list(hypotheses), [list(references)]).score
    return Scores(
        *bleu.bleu,
        rouge=float(stats[:, -1].mean()),
        chrf=float(chrf),
        intervals=intervals(stats, seed, RESAMPLES),
        signature=bleu.signature,
        n=len(references),
        chrf_signature=str(metric.get_signature()),
    )


def mean_scores(single: Sequence[Scores], stats: Sequence[np.ndarray], seed: int = 0) -> Scores:
    """The mean of the scores of one system's trainings; stats: `bootstrap.statistics` (N, 11) of each.

    The deviations are those of a sample (n - 1). The intervals are a bootstrap over sentences of the mean: see
    `slt.score.bootstrap`.
    """
    from slt.score.bootstrap import intervals

    if len(single) == 1:
        return single[0]
    values = {name: [getattr(s, name) for s in single] for name in METRICS}
    bleu4, bleu3, bleu2, bleu1, rouge, chrf = (fmean(values[name]) for name in METRICS)
    wers = [s.wer for s in single if s.wer is not None]
    return dataclasses.replace(
        single[0], wer=fmean(wers) if wers else None, mistakes=_mean_mistakes(single),
        bleu1=bleu1, bleu2=bleu2, bleu3=bleu3, bleu4=bleu4, rouge=rouge, chrf=chrf,
        intervals=intervals(stats, seed, RESAMPLES), trainings=len(single),
        deviations={name: stdev(v) for name, v in values.items()},
    )  # fmt: skip


def _mean_mistakes(single: Sequence[Scores]) -> Mistakes | None:
    found = [dataclasses.astuple(s.mistakes) for s in single if s.mistakes is not None]
    return Mistakes(*map(fmean, zip(*found, strict=True))) if found else None


def score_files(hypotheses: Path | str, references: Path | str, seed: int = 0, tokens: Tokens = "none") -> Scores:
    """Scores of two UTF-8 text files, one sentence per line (an empty hypothesis is an empty line), compared in NFC.

    tokens: as of `score`. Raises InputError if a file is missing, empty or not UTF-8, if the numbers of lines differ,
    or if a reference is empty.
    """
    hyp, ref = _lines(hypotheses), _lines(references)
    if len(hyp) != len(ref):
        raise InputError(
            f"{hypotheses} has {len(hyp)} lines, {references} has {len(ref)}; line n of one must belong to line n "
            "of the other"
        )
    for number, line in enumerate(ref, 1):
        if not line:
            raise InputError(f"{references}: line {number} is empty; every hypothesis needs a reference")
    return score(hyp, ref, seed, tokens)


def _lines(path: Path | str) -> list[str]:
    from slt.data.tables import nfc, read_text, unquoted

    text = nfc(read_text(Path(path), "give a text file, one sentence a line"))
    if not text.strip():
        raise InputError(f"{path}: is empty; give a text file, one sentence a line")
    lines = text.split("\n")
    return [line.strip() for line in unquoted([line.strip() for line in (lines[:-1] if lines[-1] == "" else lines)])]
