"""Word error rate: what each kind of mistake costs."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.support.errors import InputError
from slt.score.wer import Mistakes, edit_kinds, edits, mistakes, word_error_rate

tokens = st.lists(st.sampled_from("abc"), max_size=6)


def distance(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Levenshtein's definition, written down."""

    @cache
    def of(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(of(i - 1, j) + 1, of(i, j - 1) + 1, of(i - 1, j - 1) + (one[i - 1] != other[j - 1]))

    return of(len(one), len(other))


@given(tokens, tokens)
def test_edits_are_those_of_the_definition(one: list[str], other: list[str]) -> None:
    assert edits(one, other) == distance(tuple(one), tuple(other)) == edits(other, one)


@pytest.mark.parametrize(
    ("hypothesis", "reference", "cost"),
    [
        ("a b c", "a b c", 0),
        ("a x c", "a b c", 1),  # a substitution costs what an insertion costs, not two
        ("x y z", "a b c", 3),
        ("a b c d", "a b c", 1),
        ("b c", "a b c", 1),
        ("", "a b c", 3),
        ("b a", "a b", 2),
    ],
)
def test_each_mistake_costs_one(hypothesis: str, reference: str, cost: int) -> None:
    assert edits(hypothesis.split(), reference.split()) == cost
    assert word_error_rate([hypothesis.split()], [reference.split()]) == pytest.approx(
        100 * cost / len(reference.split())
    )


def test_the_rate_is_of_the_whole_corpus_and_may_exceed_100() -> None:
    assert word_error_rate([["a"], ["b", "b", "b"]], [["a"] * 3, ["b"]]) == pytest.approx(100 * 4 / 4)
    assert word_error_rate([["x"] * 5], [["a"]]) == pytest.approx(500)
    with pytest.raises(InputError, match="2 hypotheses, but 1"):
        word_error_rate([["a"], ["a"]], [["a"]])
    with pytest.raises(InputError, match="references are empty"):
        word_error_rate([["a"]], [[]])


@given(tokens, tokens)
def test_kinds_of_mistakes_add_up_to_the_distance(one: list[str], other: list[str]) -> None:
    substitutions, deletions, insertions = edit_kinds(one, other)
    assert substitutions + deletions + insertions == edits(one, other)
    assert insertions - deletions == len(one) - len(other)
    assert edit_kinds(other, one) == (substitutions, insertions, deletions)


@pytest.mark.parametrize(
    ("hypothesis", "kinds"),
    [("a b c", (0, 0, 0)), ("a x c", (1, 0, 0)), ("a c", (0, 1, 0)), ("a b x c", (0, 0, 1)), ("", (0, 3, 0)),
     ("b c a", (0, 1, 1)), ("x a b", (0, 1, 1)), ("b a c", (2, 0, 0))],
)  # fmt: skip
def test_each_kind_is_counted_as_what_it_is(hypothesis: str, kinds: tuple[int, int, int]) -> None:
    assert edit_kinds(hypothesis.split(), ["a", "b", "c"]) == kinds


def test_mistakes_of_a_corpus_are_shares_of_its_references_and_sum_to_the_rate() -> None:
    hypotheses, references = [["a", "x"], [], ["b", "b", "c"]], [["a", "b"], ["c"], ["b"]]
    found = mistakes(hypotheses, references)
    assert found == Mistakes(substitutions=25.0, deletions=25.0, insertions=50.0)
    assert found.substitutions + found.deletions + found.insertions == word_error_rate(hypotheses, references)
    with pytest.raises(InputError, match="references are empty"):
        mistakes([["a"]], [[]])
