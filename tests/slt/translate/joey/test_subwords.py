import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slt.translate.joey.subwords import Resampler, hide, spoken
from slt.translate.joey.text import fit_text, load_text

WORDS = ["regen", "wind", "montag", "morgen", "schnee", "sonne", "nord", "west", "küste", "regnerisch"]
TEXTS = [f"am {a}{b} und {b} {a}" for a in WORDS for b in WORDS]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pieces")
    made = fit_text(TEXTS, folder, "spm", spm_size=80, others=["sturm"], whole=True)
    assert load_text(folder, "spm").words._itos == made.words._itos
    return made


def ids_of(text, sentence: str) -> np.ndarray:
    return np.array([*map(text.words.lookup, text.tokenizer(sentence)), text.words.eos_index])


def written(text, ids: np.ndarray) -> str:
    return text.tokenizer.post_process([text.words._itos[k] for k in ids if k != text.words.eos_index])


@settings(max_examples=40, deadline=None)
@given(
    words=st.lists(st.sampled_from(" ".join([*TEXTS, "sturm"]).split()), min_size=1, max_size=6),
    seed=st.integers(0, 99),
)
def test_a_new_segmentation_says_the_same_in_known_pieces(text, words, seed):
    ids = ids_of(text, " ".join(words))
    found = Resampler(text.tokenizer, text.words, 0.2)(ids, np.random.default_rng(seed))
    assert written(text, found) == " ".join(words)
    assert found[-1] == text.words.eos_index and (found[:-1] >= len(text.words.specials)).all()


def test_likelier_segmentations_are_drawn_more_often_and_the_seed_decides(text):
    ids, likeliest = ids_of(text, "regenwind am schneemontag"), []
    for alpha in (0.05, 1.0, 50.0):
        resample = Resampler(text.tokenizer, text.words, alpha)
        drawn = [resample(ids, np.random.default_rng(k)).tolist() for k in range(100)]
        assert drawn[7] == resample(ids, np.random.default_rng(7)).tolist()
        likeliest.append(sum(one == ids.tolist() for one in drawn))
    assert likeliest[0] < likeliest[1] < likeliest[2] == 100


def test_a_share_of_words_is_hidden_but_no_special_symbol():
    ids = np.array([4, 5, 6, 7] * 500 + [3])
    hidden = hide(ids, np.random.default_rng(0), 0.25, 0, 4)
    assert hidden[-1] == 3 and np.mean(hidden == 0) == pytest.approx(0.25, abs=0.04)
    assert ((hidden == ids) | (hidden == 0)).all()


def test_glosses_are_written_like_words():
    assert spoken(("KOENNEN", "SUEDEN", "neg-HABEN")) == "können süden neg haben"
    assert spoken(("NEUE", "BLAUE", "QUER", "TAG")) == "neue blaue quer tag"
