from pathlib import Path

from slt.translate.samples import samples
from tests.slt.recognise.ensemble.readers import translator

SENTENCES = [("REGEN", "WIND"), ("SONNE",), ("SCHNEE", "SCHNEE", "WIND", "SONNE")]


def test_each_sentence_gets_its_own_samples_whatever_is_beside_it(tmp_path: Path) -> None:
    one = translator(1, tmp_path)
    drawn = samples(one, SENTENCES, 12, 0.0)
    assert [len(texts) for texts in drawn] == [12, 12, 12] and all(len(set(texts)) > 3 for texts in drawn)
    for sentence, texts in zip(SENTENCES, drawn, strict=True):
        assert samples(one, [sentence], 12, 0.0) == [texts]
    words = set(one.text.words._itos[4:]) | {"<unk>"}  # no special symbol is written
    assert {word for texts in drawn for text in texts for word in text.split()} <= words
