"""Reading of CTC outputs: the prefix beam search against the sum over every alignment."""

import math
from itertools import groupby, product

import numpy as np
import pytest

from slt.recognise.decoding.decode import Reading, beam_search, greedy, read, tune
from slt.recognise.decoding.trigram import Trigram

TRIGRAM = Trigram.fit([(1, 2), (2, 1, 2), (1, 2)], 2)


def drawn(seed: int, steps: int = 5, outputs: int = 3) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(0, 1.5, (steps, outputs))
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def spelled(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(k for k, _ in groupby(path) if k)


def best_of_all(log_probs: np.ndarray, weight: float, bonus: float) -> tuple[int, ...]:
    """The definition, written down: every alignment, summed by what it spells, and the trigram on top."""
    total: dict[tuple[int, ...], float] = {}
    for path in product(range(log_probs.shape[1]), repeat=len(log_probs)):
        p = math.exp(sum(log_probs[t, k] for t, k in enumerate(path)))
        total[spelled(path)] = total.get(spelled(path), 0.0) + p

    def value(glosses: tuple[int, ...]) -> float:
        padded = (0, 0, *glosses, 0)
        language = sum(TRIGRAM.log_probability(*padded[k : k + 3]) for k in range(len(glosses) + 1))
        return math.log(total[glosses]) + weight * language + bonus * len(glosses)

    return max(total, key=value)


@pytest.mark.parametrize("weight, bonus", [(0.0, 0.0), (0.7, 0.0), (0.7, 0.9)])
def test_a_wide_beam_finds_the_best_of_all(weight: float, bonus: float) -> None:
    for seed in range(25):
        log_probs = drawn(seed)
        reading = Reading(beam=100, weight=weight, bonus=bonus)
        assert beam_search(log_probs, TRIGRAM, reading) == best_of_all(log_probs, weight, bonus)


def test_greedy_takes_runs_once_and_leaves_blanks_out() -> None:
    path = [0, 1, 1, 0, 1, 2, 2, 0]
    log_probs = np.log(np.eye(3)[path] * 0.9 + 0.03)
    assert greedy(log_probs) == (1, 1, 2) == read(log_probs, TRIGRAM, Reading())
    assert greedy(log_probs[:1]) == () == beam_search(log_probs[:0], TRIGRAM, Reading(beam=3))


def test_the_sum_over_alignments_may_beat_the_best_alignment() -> None:
    log_probs = np.log(np.array([[0.6, 0.4], [0.6, 0.4]]))  # best alignment: nothing; gloss 1 has .4 + .24 = .64
    assert greedy(log_probs) == () and beam_search(log_probs, TRIGRAM, Reading(beam=4)) == (1,)


def test_the_reading_with_the_fewest_mistakes_is_chosen() -> None:
    log_probs = [np.log(np.array([[0.6, 0.4], [0.6, 0.4]]))]
    readings = [Reading(), Reading(beam=4)]
    best, rates = tune(log_probs, [(1,)], TRIGRAM, readings)
    assert best == readings[1] and list(rates.values()) == [100.0, 0.0]
    assert tune([log_probs[0][:0]], [(1,)], TRIGRAM, readings)[0] == readings[0]  # both read nothing: the first


@pytest.mark.parametrize("values", [{"beam": 0}, {"beam": 10**9}, {"weight": -1.0}, {"bonus": float("nan")}])
def test_a_file_cannot_ask_for_any_beam(values: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        Reading(**values)
