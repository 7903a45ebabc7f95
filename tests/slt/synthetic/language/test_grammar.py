from collections import Counter

import pytest

from skeletor.support.errors import InputError
from slt.synthetic.language.grammar import GLOSSES, SLOTS, make_splits, wordings
from slt.synthetic.language.patterns import PATTERNS

SPLITS = make_splits(1500, 150, 200, seed=3)
ALL = [s for part in SPLITS.values() for s in part]


def pattern_of(sentence):
    fits = [
        p
        for p in PATTERNS
        if len(p.items) == len(sentence.glosses)
        and all(
            i == g if i.isupper() else g in SLOTS[i.rstrip("2")] for i, g in zip(p.items, sentence.glosses, strict=True)
        )
    ]
    assert len(fits) == 1
    return fits[0]


def test_size_of_the_language():
    assert len(GLOSSES) >= 120
    words = {token for s in make_splits(3000, 0, 0, seed=0)["train"] for token in s.text.split()}
    assert len(words) >= 250
    assert {k: len(v) for k, v in SPLITS.items()} == {"train": 1500, "dev": 150, "test": 200}


def test_sentences_are_lower_case_tokens_with_a_final_period():
    for sentence in ALL:
        assert sentence.text == sentence.text.lower() == " ".join(sentence.text.split())
        assert sentence.text.endswith(" .") and "." not in sentence.text[:-1]
        assert not set("*{}") & set(sentence.text)
        assert 4 <= len(sentence.glosses) <= 7
        assert all(g == g.upper() for g in sentence.glosses)
    assert 4.5 <= sum(len(s.glosses) for s in ALL) / len(ALL) <= 5.5


def test_content_words_stand_in_the_text_and_cover_the_slots():
    for sentence in ALL:
        tokens = iter(sentence.text.split())
        assert all(word in tokens for word in sentence.content)  # a subsequence, in order
        slots = [i for i in pattern_of(sentence).items if not i.isupper()]
        assert len(sentence.content) >= len(slots), sentence
    function_words = {".", "es", "im", "in", "am", "an", "der", "die", "das", "ist", "und", "mit", "zu", "grad"}
    assert not function_words & {word for s in ALL for word in s.content} - {"zu"}  # "nimmt ... zu"


def test_splits_share_no_gloss_sequence():
    train, dev, test = ({s.glosses for s in SPLITS[k]} for k in ("train", "dev", "test"))
    assert not train & dev and not train & test and not dev & test
    assert len(dev) == 150 and len(test) == 200


def test_splits_depend_on_the_seed_alone():
    assert make_splits(1500, 150, 200, seed=3) == SPLITS
    assert make_splits(1500, 150, 200, seed=4) != SPLITS
    shorter = make_splits(300, 150, 200, seed=3)
    assert shorter["train"] == SPLITS["train"][:300] and shorter["test"] == SPLITS["test"]


def test_train_covers_all_glosses():
    counts = Counter(g for s in make_splits(2000, 100, 100, seed=1)["train"] for g in s.glosses)
    assert set(counts) == set(GLOSSES)
    assert min(counts.values()) >= 8
    for values in SLOTS.values():
        present = [counts[v] for v in values]
        assert max(present) <= 6 * min(present)


def test_wordings_are_a_distribution_that_sentences_are_drawn_from():
    seen = Counter()
    for sentence in ALL:
        options = wordings(sentence.glosses)
        assert sum(p for _, p in options) == pytest.approx(1)
        assert len({s.text for s, _ in options}) >= 3
        assert sentence in [s for s, _ in options]
        seen[sentence == options[0][0]] += 1
        assert options[0][1] >= 0.4  # no coin toss between all of them
    expected = sum(wordings(s.glosses)[0][1] for s in ALL) / len(ALL)
    assert abs(seen[True] / len(ALL) - expected) < 0.04  # three standard errors are .028


def test_every_pattern_is_recognised_and_none_is_another():
    assert {pattern_of(sentence) for sentence in ALL} <= set(PATTERNS)


@pytest.mark.parametrize("glosses", [(), ("REGEN",), ("HEUTE", "NORD", "TEMPERATUR", "KALT", "GRAD")])
def test_unknown_sequences_are_refused(glosses):
    with pytest.raises(InputError, match="not in the grammar"):
        wordings(glosses)


def test_german_agreement():
    texts = {s.text for s, _ in wordings(("HEUTE", "NORD", "STARK", "SCHAUER"))}
    assert "heute gibt es im norden starke schauer ." in texts
    assert "im norden ist heute mit starken schauern zu rechnen ." in texts
    texts = {s.text for s, _ in wordings(("MONTAG", "ABEND", "KUESTE", "NEBEL", "AUFLOESEN"))}
    assert "der nebel löst sich am montag am abend an der küste auf ." in texts
