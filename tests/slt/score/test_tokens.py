"""What a word is for the scores: sacreBLEU's own tokenizers, and its signature that tells them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU

from skeletor.support.errors import MissingDependency
from slt.cli.corpora.score import main
from slt.score.bleu import bleu_from_statistics, bleu_statistics, corpus_bleu
from slt.score.bootstrap import statistics
from slt.score.floor import constant_sentence
from slt.score.scores import score, score_files
from slt.score.tokens import TOKENS, tokenized, tokenizer

CHINESE = ["今天北方有小雨。", "明天 南方晴天，25 度。", "晚上多云。", "北方有大雪。"]
SAID = ["今天南方有小雨。", "明天南方晴天，25度。", "晚上有云。", "北方大雪。"]
ENGLISH = ["Tomorrow, it'll rain in the North.", 'He said "no" (twice).', "It clears up."]
HEARD = ["Tomorrow it'll rain in the South.", 'He said "no".', "It clears up ."]
THERE = [name for name in TOKENS if not name.endswith("mecab")]


@pytest.mark.parametrize("tokens", THERE)
@pytest.mark.parametrize(("hypotheses", "references"), [(SAID, CHINESE), (HEARD, ENGLISH)])
def test_bleu_is_that_of_sacrebleu_with_its_signature(tokens, hypotheses, references):
    oracle = BLEU(tokenize=tokens, smooth_method="none", force=True)
    expected = oracle.corpus_score(hypotheses, [references])
    found = corpus_bleu(hypotheses, references, tokens)
    assert found.bleu[3] == pytest.approx(expected.score, abs=1e-9)
    assert found.signature == str(oracle.get_signature()) and f"tok:{tokens}|" in found.signature
    scores = score(hypotheses, references, tokens=tokens)
    assert scores.bleu4 == found.bleu[3] and scores.signature == found.signature


@pytest.mark.parametrize("tokens", THERE)
def test_all_that_counts_words_counts_the_same_ones(tokens):
    """Scoring with a tokenizer is scoring what it makes of the sentences."""
    cut, said = tokenized(CHINESE, tokens), tokenized(SAID, tokens)
    assert np.array_equal(bleu_statistics(SAID, CHINESE, tokens), bleu_statistics(said, cut))
    assert np.array_equal(statistics(SAID, CHINESE, tokens), statistics(said, cut))
    whole = bleu_from_statistics(bleu_statistics(SAID, CHINESE, tokens).sum(0))
    assert whole == pytest.approx(corpus_bleu(SAID, CHINESE, tokens).bleu)
    best = constant_sentence(SAID, CHINESE, tokens)
    assert best in SAID and tokenized([best], tokens)[0] == constant_sentence(said, cut)
    alone = {text: corpus_bleu([text] * 4, CHINESE, tokens).bleu[3] for text in SAID}
    assert alone[best] == max(alone.values())


def test_chinese_has_no_words_between_spaces_but_characters():
    assert tokenizer("zh")("明天 南方晴天，25 度。") == "明 天 南 方 晴 天 ， 25 度 。"
    assert tokenizer("char")("ab  c") == "a b c"
    assert tokenizer("13a")("It rains, (a lot).") == "It rains , ( a lot ) ."
    assert tokenizer("none")("a  b ") == "a  b "
    assert score(SAID, CHINESE).bleu4 == 0 < score(SAID, CHINESE, tokens="zh").bleu4
    assert score(SAID, CHINESE, tokens="zh").chrf == score(SAID, CHINESE).chrf, "chrF knows no words"


@pytest.mark.parametrize("tokens", ["ja-mecab", "ko-mecab"])
def test_without_mecab_it_is_one_line(tokens, monkeypatch):
    from sacrebleu.tokenizers import tokenizer_ja_mecab, tokenizer_ko_mecab

    for module in (tokenizer_ja_mecab, tokenizer_ko_mecab):
        monkeypatch.setattr(module, "MeCab", None)
    with pytest.raises(MissingDependency, match=rf"{tokens} needs MeCab.*sacrebleu\[{tokens[:2]}\]") as error:
        score(["a"], ["a"], tokens=tokens)
    assert "\n" not in str(error.value)


def test_files_and_the_command(tmp_path, capsys):
    (tmp_path / "h").write_text("\n".join(SAID), encoding="utf-8")
    (tmp_path / "r").write_text("\n".join(CHINESE), encoding="utf-8")
    expected = score_files(tmp_path / "h", tmp_path / "r", tokens="zh")
    assert main("score", ["--hyp", str(tmp_path / "h"), "--ref", str(tmp_path / "r"), "--tokens", "zh"], "") == 0
    assert capsys.readouterr().out == expected.lines() + "\n" and "tok:zh" in expected.lines()


def test_names_are_known_without_the_scores(tmp_path):
    """The help of the commands must not load numpy and sacreBLEU."""
    code = "import sys, slt.score.tokens; sys.exit('sacrebleu' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("seed", ["-1", "1.5", "x", "9" * 30])
def test_a_seed_that_is_none_is_refused(tmp_path, seed, capsys):
    (tmp_path / "a.txt").write_text("a b c d\n")
    with pytest.raises(SystemExit) as caught:
        main("score", ["--hyp", str(tmp_path / "a.txt"), "--ref", str(tmp_path / "a.txt"), "--seed", seed], "")
    assert caught.value.code == 2 and "whole number" in capsys.readouterr().err
