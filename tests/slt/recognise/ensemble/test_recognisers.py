"""Recognisers that read together."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.support.errors import InputError
from slt.recognise.decoding.decode import Reading
from slt.recognise.ensemble.files import MOST
from slt.recognise.ensemble.recognisers import READINGS, Recognisers, mean
from slt.recognise.recogniser import Recogniser
from tests.slt.recognise.ensemble.readers import GLOSSES, recogniser
from tests.slt.toy import clips

POSES = [e.pose for e in clips(5, 3)]


@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 1000))
def test_the_mean_is_a_probability_whatever_the_order(number: int, steps: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = rng.normal(0, 4, (number, steps, 5))
    several = drawn - np.log(np.exp(drawn).sum(2, keepdims=True))
    found = mean(list(several))
    np.testing.assert_allclose(np.exp(found).sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(found, mean(list(several[::-1])), atol=1e-5)
    np.testing.assert_allclose(mean([several[0]] * number), several[0], atol=1e-5)


def test_the_mean_by_hand() -> None:
    found = mean([np.log([[0.8, 0.2]]), np.log([[0.5, 0.5]])])
    roots = np.sqrt([0.8 * 0.5, 0.2 * 0.5])
    np.testing.assert_allclose(np.exp(found)[0], roots / roots.sum(), atol=1e-6)


def test_several_read_what_their_mean_says() -> None:
    one, other = recogniser(1), recogniser(2)
    both = Recognisers.of([one, other])
    for found, a, b in zip(
        both.log_probabilities(POSES), one.log_probabilities(POSES), other.log_probabilities(POSES), strict=True
    ):
        assert np.abs(a - b).max() > 0.1
        np.testing.assert_allclose(found, mean([a, b]), atol=1e-5)
    assert both.glosses == GLOSSES and both.config is one.config and both.reading == one.reading
    assert Recognisers.of([one, one]).recognise(POSES) == one.recognise(POSES)
    assert both.recognise(POSES) != one.recognise(POSES) or both.recognise(POSES) != other.recognise(POSES)
    for mine, its in zip(both.states(POSES), one.states(POSES), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_others_are_refused_in_one_line() -> None:
    one = recogniser(1)
    slow = recogniser(2, one.config.model_copy(update={"frame_stride": 1}))
    for several, told in (
        ([], "give 1 to"),
        ([one] * (MOST + 1), "give 1 to"),
        ([one, one, recogniser(2, glosses=("A", *GLOSSES[1:]))], "number 3 has other glosses"),
        ([one, slow], "number 2 has frame_stride 1, the first has 2"),
    ):
        with pytest.raises(InputError, match=told) as error:
            Recognisers.of(several)
        assert "\n" not in str(error.value)


def test_the_reading_with_the_fewest_mistakes_is_taken() -> None:
    several = Recognisers.of([recogniser(1), recogniser(2)])
    found = several.log_probabilities(POSES)
    wanted = READINGS[6]
    references = [tuple(GLOSSES.index(g) + 1 for g in read) for read in several.recognise(POSES, wanted)]
    tuned = several.tuned(found, references)
    assert tuned.recognise(POSES) == several.recognise(POSES, wanted)  # no mistake is left
    assert several.reading == Reading(beam=3, weight=0.2, bonus=0.5)
    assert tuned.members[1] is several.members[1]


def test_files_of_several(tmp_path: Path) -> None:
    one, other = recogniser(1), recogniser(2)
    one = dataclasses.replace(one, reading=Reading(beam=2, weight=0.6, bonus=1.5))
    several = Recognisers.of([one, other])
    several.save(tmp_path)
    there = [path.name for path in tmp_path.iterdir()]
    assert sorted(there) == ["recogniser-2.safetensors", "recogniser.safetensors"]
    again = Recognisers.load(tmp_path, "cpu", there)
    assert isinstance(again, Recognisers) and again.reading == one.reading
    for a, b in zip(again.log_probabilities(POSES), several.log_probabilities(POSES), strict=True):
        np.testing.assert_array_equal(a, b)
    assert isinstance(Recognisers.load(tmp_path, "cpu"), Recogniser)
