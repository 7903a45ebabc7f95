"""Paired bootstrap of word error rates."""

import pytest

from skeletor.support.errors import InputError
from slt.score.rates import compare_word_error_rates
from slt.score.wer import word_error_rate

REFERENCES = [("A", "B"), ("C",), ("A", "B", "C", "D")] * 20
PERFECT = REFERENCES
WORSE = [("A", "X"), ("C",), ("A", "B")] * 20


def test_the_difference_is_that_of_the_rates() -> None:
    found = compare_word_error_rates([WORSE], [PERFECT], REFERENCES)
    assert found.difference == pytest.approx(-word_error_rate(WORSE, REFERENCES)) and found.p < 0.01
    assert found.interval[0] < found.difference < found.interval[1] < 0
    both = compare_word_error_rates([WORSE, PERFECT], [PERFECT], REFERENCES)
    assert both.difference == pytest.approx(found.difference / 2)


def test_one_system_with_itself_has_no_difference() -> None:
    found = compare_word_error_rates([WORSE], [WORSE], REFERENCES)
    assert found.difference == 0 and found.interval == (0, 0) and found.p == 1


def test_other_sentences_and_empty_references_are_told() -> None:
    with pytest.raises(InputError, match="60 sentences"):
        compare_word_error_rates([WORSE[:3]], [PERFECT], REFERENCES)
    with pytest.raises(InputError, match="empty"):
        compare_word_error_rates([[()]], [[()]], [()])
