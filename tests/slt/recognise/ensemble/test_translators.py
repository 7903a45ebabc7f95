"""Gloss2Text models that decode together."""

import dataclasses
from pathlib import Path

import pytest

from skeletor.support.errors import InputError
from slt.recognise.ensemble.files import MOST
from slt.recognise.ensemble.translators import Translators
from slt.score.bleu import corpus_bleu
from slt.translate.joey.decoding.decode import Decoding
from slt.translate.translator import Translator
from tests.slt.recognise.ensemble.readers import GLOSSES, translator

SENTENCES = [("REGEN", "WIND"), (), ("SONNE",), ("SCHNEE", "SCHNEE", "WIND")]


def test_several_decode_by_the_mean(tmp_path: Path) -> None:
    one, other = translator(1, tmp_path), translator(2, tmp_path)
    both = Translators.of([one, other]).translate_glosses(SENTENCES)
    turned = Translators.of([other, one]).translate_glosses(SENTENCES)
    alone = one.translate_glosses(SENTENCES)
    assert [h.tokens for h in both] == [h.tokens for h in turned]
    assert [h.tokens for h in Translators.of([one, one]).translate_glosses(SENTENCES)] == [h.tokens for h in alone]
    assert [h.text for h in both] != [h.text for h in alone]
    assert both[1].text == "" and both[1].tokens == ()
    assert [h.text for h in Translators.of([one]).translate_glosses([(), ()])] == ["", ""]


def test_others_are_refused_in_one_line(tmp_path: Path) -> None:
    one = translator(1, tmp_path)
    for several, told in (
        ([], "give 1 to"),
        ([one] * (MOST + 1), "give 1 to"),
        ([one, translator(2, tmp_path, glosses=(*GLOSSES, "WOLKE"))], "number 2 has other glosses or words"),
        ([dataclasses.replace(one, glosses=())], "number 1 reads no glosses"),
    ):
        with pytest.raises(InputError, match=told) as error:
            Translators.of(several)
        assert "\n" not in str(error.value)


def test_the_length_penalty_that_scores_best_is_taken(tmp_path: Path) -> None:
    one = translator(1, tmp_path)
    config = one.config.model_copy(update={"beams": [1, 3], "alphas": [0.0, 5.0], "max_words": 8})
    several = Translators.of([dataclasses.replace(one, config=config), translator(2, tmp_path)])
    references = ["regen und wind .", "", "sonne .", "viel schnee und sonne ."]
    tuned = several.tuned(SENTENCES, references)
    scores = {}
    for alpha in (0.0, 5.0):
        first = dataclasses.replace(several.members[0], decoding=Decoding(3, alpha, 8))
        made = Translators((first, *several.members[1:])).translate_glosses(SENTENCES)
        scores[alpha] = corpus_bleu([h.text for h in made if h.text], [r for r in references if r]).bleu[3]
    assert tuned.members[0].decoding == Decoding(3, max(scores, key=lambda alpha: scores[alpha]), 8)
    assert several.tuned([()], [""]) is several


def test_files_of_several(tmp_path: Path) -> None:
    text = tmp_path / "text"
    one, other = translator(1, text), translator(2, text)
    several = Translators.of([dataclasses.replace(one, decoding=Decoding(2, 3.0, 7)), other])
    several.save(tmp_path / "out", text)
    there = [path.name for path in (tmp_path / "out").iterdir()]
    assert sorted(there) == ["translator-2.safetensors", "translator.safetensors", "vocabulary.txt"]
    again = Translators.load(tmp_path / "out", "cpu", there)
    assert isinstance(again, Translators) and again.members[0].decoding == Decoding(2, 3.0, 7)
    assert again.plain()["decoding"] == {"beam": 2, "alpha": 3.0, "max_words": 7}
    assert [h.text for h in again.translate_glosses(SENTENCES)] == [
        h.text for h in several.translate_glosses(SENTENCES)
    ]
    assert isinstance(Translators.load(tmp_path / "out", "cpu"), Translator)
