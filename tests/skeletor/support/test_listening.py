"""How far work is, told to whoever listens."""

import pytest

from skeletor.support.listening import listening, said


def test_items_pass_and_the_listener_hears_each():
    heard = []
    with listening(lambda *told: heard.append(told)):
        assert list(said("abc", "letters", 3)) == ["a", "b", "c"]
    assert heard == [("letters", 1, 3), ("letters", 2, 3), ("letters", 3, 3)]
    assert list(said("xy", "letters", 2)) == ["x", "y"] and len(heard) == 3, "nobody listens any more"


def test_an_inner_listener_takes_over_for_its_block_and_an_error_ends_it():
    outer, inner = [], []
    with listening(lambda *told: outer.append(told)):
        with pytest.raises(ValueError), listening(lambda *told: inner.append(told)):
            list(said("a", "x", 1))
            raise ValueError
        list(said("b", "y", 1))
    assert inner == [("x", 1, 1)] and outer == [("y", 1, 1)]
