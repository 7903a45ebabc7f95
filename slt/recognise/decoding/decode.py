"""From a CTC head's log probabilities to glosses: step by step, or prefix beam search with a gloss trigram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

import numpy as np
from pydantic import Field

from skeletor.support.config import Config
from slt.recognise.decoding.trigram import Trigram
from slt.score.wer import word_error_rate

BLANK = 0
_NEVER = -math.inf
_LEAST = -7.0  # natural logarithm; a gloss less likely than that starts no new prefix in a step
_MOST = 12  # nor does one that is not among the so many best of its step


class Reading(Config):
    """How glosses are read. beam 1: the best step by step. weight: of the trigram. bonus: for each gloss read.

    It stands in files: time and memory grow with the beam.
    """

    beam: int = Field(default=1, ge=1, le=100)
    weight: float = Field(default=0.0, ge=0, le=100)
    bonus: float = Field(default=0.0, ge=-100, le=100)


Ids = tuple[int, ...]  # glosses as a head numbers them, from 1


def read(log_probs: np.ndarray, trigram: Trigram, reading: Reading) -> Ids:
    """The glosses (numbered from 1) of a clip's log probabilities (T, 1 + glosses)."""
    return greedy(log_probs) if reading.beam == 1 else beam_search(log_probs, trigram, reading)


def greedy(log_probs: np.ndarray) -> Ids:
    """Best outputs of (T, 1 + glosses), runs taken once, blanks left out."""
    return tuple(int(k) for k, _ in groupby(log_probs.argmax(1)) if k != BLANK)


def beam_search(log_probs: np.ndarray, trigram: Trigram, reading: Reading) -> Ids:
    """CTC prefix beam search (Hannun et al. 2014, algorithm 1) over (T, 1 + glosses), with a trigram of glosses.

    A prefix's score is the sum over all alignments that spell it, plus the trigram's weighted log probabilities and the
    bonus of each gloss.
    """
    beams: dict[Ids, tuple[float, float]] = {(): (0.0, _NEVER)}  # prefix: log p ending in blank, and not in blank
    language: dict[Ids, float] = {(): 0.0}
    for row in log_probs:
        able = np.flatnonzero(row > _LEAST)  # few of a thousand: sorting all would take most of the time
        likely = [int(k) for k in able[np.argsort(row[able])[::-1]][: _MOST + 1] if k != BLANK]
        grown: dict[Ids, list[float]] = {}
        for prefix, (blank, gloss) in beams.items():
            kept = grown.setdefault(prefix, [_NEVER, _NEVER])
            both = _plus(blank, gloss)
            kept[0] = _plus(kept[0], both + float(row[BLANK]))
            if prefix:
                kept[1] = _plus(kept[1], gloss + float(row[prefix[-1]]))
            for k in likely:
                longer = (*prefix, k)
                if longer not in language:
                    language[longer] = language[prefix] + _step(trigram, prefix, k, reading)
                new = grown.setdefault(longer, [_NEVER, _NEVER])
                new[1] = _plus(new[1], (blank if prefix and prefix[-1] == k else both) + float(row[k]))
        best = sorted(grown, key=lambda p: _plus(*grown[p]) + language[p], reverse=True)[: reading.beam]
        beams = {prefix: (grown[prefix][0], grown[prefix][1]) for prefix in best}
    return max(beams, key=lambda p: _plus(*beams[p]) + language[p] + reading.weight * _end(trigram, p))


def _step(trigram: Trigram, prefix: Ids, gloss: int, reading: Reading) -> float:
    first, second = (0, 0, *prefix)[-2:]
    return reading.weight * trigram.log_probability(first, second, gloss) + reading.bonus


def _end(trigram: Trigram, prefix: Ids) -> float:
    first, second = (0, 0, *prefix)[-2:]
    return trigram.log_probability(first, second, 0)


def _plus(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    if a < b:
        a, b = b, a
    return a if b == _NEVER else a + math.log1p(math.exp(b - a))


def tune(
    log_probs: Sequence[np.ndarray], references: Sequence[Ids], trigram: Trigram, readings: Sequence[Reading]
) -> tuple[Reading, dict[str, float]]:
    """The reading with the lowest word error rate, and the rate of each by its description. The first wins a tie.

    log_probs: (T', 1 + glosses) of each clip; references: its glosses, from 1.
    """
    rates = {
        reading: word_error_rate(
            [[str(k) for k in read(one, trigram, reading)] for one in log_probs],
            [[str(k) for k in ids] for ids in references],
        )
        for reading in readings
    }
    best = min(readings, key=lambda reading: rates[reading])
    return best, {f"beam {r.beam}, weight {r.weight:g}, bonus {r.bonus:g}": rate for r, rate in rates.items()}
