from itertools import combinations

import numpy as np
import pytest

from slt.synthetic.language.grammar import GLOSSES, SLOTS
from slt.synthetic.signing.handshapes import HANDSHAPES
from slt.synthetic.signing.lexicon import LEXICON, LOCATIONS, MOVEMENTS, ORIENTATIONS, Sign, minimal_pairs


def test_one_sign_per_gloss_and_all_distinct():
    assert set(LEXICON) == set(GLOSSES)
    assert len(set(LEXICON.values())) == len(LEXICON) >= 120


def test_size_of_the_inventories_in_use():
    signs = LEXICON.values()
    assert len({shape for s in signs for shape in s.shape}) >= 12
    assert len({s.location for s in signs}) >= 10
    assert len({s.movement for s in signs}) >= 8
    assert len({s.orientation for s in signs}) >= 4
    assert {s.hands for s in signs} == {"one", "symmetric", "alternating", "base"}
    assert "relaxed" not in {shape for s in signs for shape in s.shape}


def test_minimal_pairs_within_a_slot():
    slots = {gloss: slot for slot, glosses in SLOTS.items() for gloss in glosses}  # of patterns: none

    def within(parameter):
        return [p for p in minimal_pairs(parameter) if slots.get(p[0]) == slots.get(p[1])]

    assert len(within("shape")) >= 30 and len(within("movement")) >= 20
    assert ("EINS", "ZWEI", "shape") in minimal_pairs()
    assert ("NORD", "SUED", "movement") in minimal_pairs("movement")
    assert not set(minimal_pairs("shape")) & set(minimal_pairs("movement"))


def test_minimal_pairs_differ_in_one_parameter():
    for one, other, parameter in minimal_pairs():
        assert LEXICON[one].differences(LEXICON[other]) == LEXICON[other].differences(LEXICON[one]) == (parameter,)


def test_locations_are_far_enough_apart_to_be_told():
    for one, other in combinations(LOCATIONS.values(), 2):
        assert np.linalg.norm(np.subtract(one, other)[:2]) > 0.08


def test_orientations_show_the_palm_or_the_back():
    for fingers, palm in ORIENTATIONS.values():
        f = np.array(fingers) / np.linalg.norm(fingers)
        n = palm - (np.array(palm) @ f) * f
        assert abs(n[2]) / np.linalg.norm(n) > 0.5


@pytest.mark.parametrize(
    "change",
    [{"shape": ("paw", "paw")}, {"location": "moon"}, {"movement": "fly"}, {"orientation": "none"}, {"base": "five"}],
)
def test_values_outside_the_inventories_are_refused(change):
    values = {"shape": ("five", "five"), "location": "chest", "movement": "up", "orientation": "self"}
    Sign(**values)
    with pytest.raises(ValueError, match="not a sign"):
        Sign(**{**values, **change})


def test_inventories_are_read_only():
    for inventory in (HANDSHAPES, LOCATIONS, MOVEMENTS, ORIENTATIONS, LEXICON):
        with pytest.raises(TypeError):
            inventory["x"] = None
