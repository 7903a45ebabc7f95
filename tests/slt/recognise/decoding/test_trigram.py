"""The language model of glosses."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slt.recognise.decoding.trigram import Trigram

SIZE = 4
sentences = st.lists(st.lists(st.integers(1, SIZE), max_size=6), max_size=8)


@given(sentences, st.integers(0, SIZE), st.integers(0, SIZE))
def test_what_may_follow_has_probability_one(trained: list[list[int]], a: int, b: int) -> None:
    model = Trigram.fit(trained, SIZE)
    assert sum(math.exp(model.log_probability(a, b, c)) for c in range(SIZE + 1)) == pytest.approx(1)


def test_what_was_seen_is_likelier() -> None:
    model = Trigram.fit([(1, 2, 3)] * 5 + [(2, 1, 4)], SIZE)
    assert model.log_probability(1, 2, 3) > model.log_probability(1, 2, 4) > -math.inf
    assert model.log_probability(0, 0, 1) > model.log_probability(0, 0, 2)  # beginnings
    assert model.log_probability(2, 3, 0) > model.log_probability(2, 3, 1)  # ends


def test_a_pair_is_backed_off_by_what_it_follows_not_by_how_often() -> None:
    """Kneser-Ney: 2 occurs more often, but only ever after 1; 3 follows anything."""
    model = Trigram.fit([(1, 2)] * 9 + [(1, 3), (2, 3), (4, 3)], SIZE)
    assert model.log_probability(3, 3, 3) > model.log_probability(3, 3, 2)


def test_an_array_holds_the_model() -> None:
    model = Trigram.fit([(1, 2, 3), (2, 2)], SIZE)
    again = Trigram.from_array(model.array(), SIZE)
    assert again.counts == model.counts and np.array_equal(again.array(), model.array())
    assert again.log_probability(1, 2, 3) == model.log_probability(1, 2, 3)
    assert Trigram.from_array(Trigram.fit([], SIZE).array(), SIZE).counts == {}
