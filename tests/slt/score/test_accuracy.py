"""Top-1 and top-5 with their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.support.errors import InputError
from slt.score.accuracy import hits, score_hits, signs_table


def test_hits_are_counted_by_place():
    ranks = [list("abcdefg"), list("bacdefg"), list("gfedcba"), []]
    np.testing.assert_array_equal(hits(ranks, ["a"] * 4), [[1, 1], [0, 1], [0, 0], [0, 0]])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40), st.integers(0, 5))
def test_the_score_is_the_mean_within_its_interval(rows, seed):
    found = np.array([[a and b, b] for a, b in rows], float)
    scores = score_hits([found], seed)
    assert scores.top1 == pytest.approx(100 * found[:, 0].mean()) and scores.top1 <= scores.top5
    low, high = scores.intervals["top1"]
    assert 0 <= low <= high <= 100 and (low == high == scores.top1 or low < high)
    assert scores.as_dict()["n"] == len(rows)


def test_whole_signers_are_resampled_where_they_are_named():
    found = np.repeat([[1.0, 1.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]], 50, 0)  # a signer is all right or all wrong
    clips, people = score_hits([found]), score_hits([found], 0, np.repeat(list("abcd"), 50).tolist())
    assert (clips.signers, people.signers, people.top1) == (0, 4, 50.0)
    assert people.intervals["top1"] == (0.0, 100.0) and clips.intervals["top1"][0] > 40
    assert score_hits([found], 0, ["a"] * 200).signers == 0
    told = signs_table({"dev": clips, "test": clips, "new signers": people})
    assert "bootstrap over clips; of new signers over 4 whole signers." in told
    assert "bootstrap over clips." in signs_table({"test": clips})


def test_several_trainings_are_averaged_and_none_is_an_error():
    assert score_hits([np.array([[1.0, 1.0]]), np.array([[0.0, 1.0]])]).top1 == 50
    with pytest.raises(InputError):
        score_hits([np.zeros((0, 2))])
