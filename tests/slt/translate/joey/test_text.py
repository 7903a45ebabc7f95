"""Sentences to tokens and back: words, pieces, characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slt.translate.joey.text import fit_text, load_text, text_digest

SENTENCES = ["明日は雨が降るでしょう。", "今夜は 晴れ。", "Über Nacht: 3 °C!", "noch mehr Regen ."]


@pytest.mark.parametrize(("level", "size"), [("word", 0), ("char", 0), ("spm", 60)])
def test_what_was_learned_from_comes_back_whole(tmp_path, level, size):
    text = fit_text(SENTENCES, tmp_path, level, spm_size=size)
    again = load_text(tmp_path, level)
    assert text_digest(again) == text_digest(text)
    for sentence in SENTENCES:
        tokens = again.tokenizer(sentence, is_train=False)
        assert set(tokens) <= set(again.words._itos) and again.tokenizer.post_process(tokens) == sentence


def test_a_character_is_a_token_and_so_is_a_space(tmp_path):
    text = fit_text(SENTENCES, tmp_path, "char")
    assert text.tokenizer("今夜は 晴れ", is_train=False) == ["今", "夜", "は", "▁", "晴", "れ"]
    assert len(text.words) == 4 + len(set("".join(SENTENCES)))
    assert text.tokenizer.post_process(["今", "<unk>", "は"]) == "今<unk>は"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))), min_size=1, max_size=5))
def test_any_sentence_of_characters_survives_the_file(tmp_path_factory, sentences):
    tidy = [" ".join(sentence.replace("▁", "").split()) for sentence in sentences]
    tidy = [sentence for sentence in tidy if sentence]
    if not tidy:
        return
    folder = tmp_path_factory.mktemp("text")
    fit_text(tidy, folder, "char")
    text = load_text(folder, "char")
    for sentence in tidy:
        assert text.tokenizer.post_process(text.tokenizer(sentence, is_train=False)) == sentence
