import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.support.errors import InputError
from slt.data.layout import read_annotation
from slt.score.bleu import bleu_from_statistics, bleu_statistics, corpus_bleu
from slt.score.bootstrap import compare, intervals, paired_bootstrap, statistics
from slt.score.content import content_accuracy
from slt.score.floor import constant_sentence
from slt.score.rouge import sentence_rouge
from slt.score.scores import mean_scores, score, score_files

ORACLES = Path(__file__).parents[4] / "shared/oracles/metrics/metrics.json"
ANNOTATIONS = ORACLES.parents[2] / "data/phoenix14t_annotations"
METRICS = ("bleu1", "bleu2", "bleu3", "bleu4", "rouge")
REFERENCES = [
    "am tag regnet es im süden .",
    "in der nacht schneit es .",
    "der wind weht schwach .",
    "sonne und wolken .",
]
HYPOTHESES = ["am tag regnet es im norden .", "in der nacht regnet es .", "der wind weht schwach .", "es regnet ."]


@pytest.mark.skipif(not ORACLES.exists(), reason="the oracles of the metrics are not at ../shared")
@pytest.mark.parametrize("case", range(5))
def test_scores_equal_those_of_the_literature(case):
    oracle = json.loads(ORACLES.read_text())["oracles"][case]
    references, lines = oracle["references"], [oracle["hypotheses"], oracle["hypotheses"][::-1]]
    scores, other = (score(one, references) for one in lines)
    several = mean_scores([scores, other], [statistics(one, references) for one in lines])
    for metric in (*METRICS, "chrf"):
        assert getattr(scores, metric) == pytest.approx(oracle["signjoey"][metric], abs=1e-9), metric
        mean = (getattr(scores, metric) + getattr(other, metric)) / 2
        assert getattr(several, metric) == pytest.approx(mean, abs=1e-9)


@pytest.mark.skipif(not ANNOTATIONS.exists(), reason="the annotation of PHOENIX14T is not at ../shared")
def test_the_floor_on_the_real_text_is_the_published_one():
    """Best constant sentence of all training sentences on dev: 4.36 BLEU-4 and 18.7 ROUGE on test."""
    texts = {
        split: [c.text for c in read_annotation(ANNOTATIONS / f"PHOENIX-2014-T.{split}.corpus.csv", split, None)[0]]
        for split in ("train", "dev", "test")
    }
    floor = score([constant_sentence(texts["train"], texts["dev"])] * len(texts["test"]), texts["test"])
    assert (round(floor.bleu4, 2), round(floor.rouge, 1)) == (4.36, 18.7)


def test_an_order_without_a_match_scores_0():
    scores = score(["a b c x"], ["a b c d"])
    assert scores.bleu1 == pytest.approx(75) and scores.bleu3 > 0 and scores.bleu4 == 0
    assert corpus_bleu([""], ["a b"]).bleu == (0, 0, 0, 0)


def test_rouge_by_hand():
    # LCS "a c", P = 2/3, R = 2/4
    precision, recall, square = 2 / 3, 2 / 4, 1.2**2
    expected = 100 * (1 + square) * precision * recall / (recall + square * precision)
    assert sentence_rouge(["a c x"], ["a b c d"]) == pytest.approx([expected])
    assert sentence_rouge(["süden"], ["sden"]) == 0


words = st.lists(st.sampled_from(["a", "b", "c", "d", "ä"]), min_size=1, max_size=8).map(" ".join)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(words, words), min_size=1, max_size=5))
def test_sums_of_statistics_give_the_corpus_score(pairs):
    hypotheses, references = zip(*pairs, strict=True)
    totals = bleu_statistics(hypotheses, references).sum(0)
    np.testing.assert_allclose(bleu_from_statistics(totals), corpus_bleu(hypotheses, references).bleu, atol=1e-9)


@given(words)
def test_a_perfect_translation_scores_100(sentence):
    assert score([sentence] * 3, [sentence] * 3).rouge == pytest.approx(100)
    assert score([sentence] * 3, [sentence] * 3).bleu1 == pytest.approx(100)


def test_the_interval_holds_the_score_shrinks_with_n_and_repeats():
    few = statistics(HYPOTHESES, REFERENCES)
    many = np.tile(few, (50, 1))
    scores = score(HYPOTHESES, REFERENCES)
    low, high = scores.intervals["rouge"]
    assert low < scores.rouge < high
    wide, narrow = intervals(few)["bleu1"], intervals(many)["bleu1"]
    assert narrow[1] - narrow[0] < 0.3 * (wide[1] - wide[0])
    assert intervals(few, seed=3) == intervals(few, seed=3) != intervals(few, seed=4)


def test_the_interval_of_a_mean_is_that_of_the_central_limit():
    rng = np.random.default_rng(0)
    stats = np.concatenate([np.ones((400, 10)), rng.normal(50, 10, (400, 1))], 1)
    low, high = intervals(stats, resamples=4000)["rouge"]
    assert high - low == pytest.approx(2 * 1.96 * stats[:, -1].std() / 20, rel=0.06)


def test_paired_bootstrap_tells_better_from_equal():
    references = REFERENCES * 20
    better = paired_bootstrap(HYPOTHESES * 20, references, references)["bleu4"]
    assert better.difference > 0 and better.interval[0] > 0 and better.p < 0.01
    same = paired_bootstrap(HYPOTHESES * 20, HYPOTHESES * 20, references)["rouge"]
    assert same.difference == 0 and same.p == 1
    with pytest.raises(InputError, match="same lines"):
        paired_bootstrap(HYPOTHESES[:1], HYPOTHESES, references)


@settings(deadline=None, max_examples=30)
@given(st.lists(words, min_size=1, max_size=8), st.lists(words, min_size=1, max_size=6))
def test_the_constant_sentence_is_the_best_of_all_candidates(candidates, references):
    def bleu(text: str) -> float:
        return corpus_bleu([text] * len(references), references).bleu[3]

    assert bleu(constant_sentence(candidates, references)) == pytest.approx(max(map(bleu, candidates)), abs=1e-9)


def test_no_candidates_no_constant_sentence():
    with pytest.raises(InputError, match="candidates"):
        constant_sentence([], ["a"])


def test_one_training_scores_as_before_and_several_are_a_mean_with_a_deviation():
    single, right = score(HYPOTHESES, REFERENCES), score(REFERENCES, REFERENCES)
    stats = [statistics(lines, REFERENCES) for lines in (HYPOTHESES, REFERENCES)]
    assert mean_scores([single], stats[:1]) == single
    both = mean_scores([single, right], stats)
    for metric in (*METRICS, "chrf"):
        a, b = getattr(single, metric), 100.0
        assert getattr(both, metric) == pytest.approx((a + b) / 2)
        assert both.deviations[metric] == pytest.approx(abs(b - a) / np.sqrt(2))
    low, high = both.intervals["rouge"]
    assert both.trainings == 2 and single.intervals["rouge"][0] < low < both.rouge < high <= 100


def test_trainings_are_compared_by_their_means():
    references = REFERENCES * 20
    bad, good = statistics(HYPOTHESES * 20, references), statistics(references, references)
    one = compare([bad], [good])["bleu4"]
    assert one == paired_bootstrap(HYPOTHESES * 20, references, references)["bleu4"]
    assert compare([bad, bad], [good, good, good])["bleu4"] == one  # the same trainings again are the same mean
    mixed = compare([bad], [bad, good])["bleu4"]
    assert mixed.difference == pytest.approx(one.difference / 2)
    base = score(HYPOTHESES, REFERENCES).bleu4
    assert one.relative == pytest.approx(100 * one.difference / base) and one.relative_interval[0] > 0
    assert compare([bad, good], [good, bad])["bleu4"].p == 1
    with pytest.raises(InputError, match="same sentences"):
        compare([bad], [good[:3]])


def test_nothing_is_relative_to_a_score_of_0():
    zero, good = statistics(["x"] * 4, REFERENCES), statistics(REFERENCES, REFERENCES)
    paired = compare([zero], [good])["bleu4"]
    assert paired.relative is None and paired.relative_interval is None and paired.difference == pytest.approx(100)


def test_content_words_count_tokens_phrases_and_repetitions():
    result = content_accuracy(
        ["am montag regen und regen", "minus zwölf grad"], [["regen", "regen", "montag"], ["zwölf grad", "grad", "süd"]]
    )
    assert (result.right, result.total) == (5, 6) and result.missed == (("süd", 1, 1),)
    assert content_accuracy(["regenschauer"], [["regen"]]).accuracy == 0
    assert content_accuracy(["regen"], [["regen", "regen"]]).accuracy == 50
    assert content_accuracy(["regen regen"], [["regen", "regen"]]).accuracy == 100


def write(folder: Path, name: str, data: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_files_score_like_lists(tmp_path):
    hyp = write(tmp_path, "hyp", "\n".join(HYPOTHESES) + "\n")
    ref = write(tmp_path, "ref", "\ufeff" + "\r\n".join(REFERENCES) + "\r\n")
    assert score_files(hyp, ref) == score(HYPOTHESES, REFERENCES)
    empty_last = write(tmp_path, "last", "\n".join(HYPOTHESES[:3]) + "\n\n")
    assert score_files(empty_last, ref).n == 4


def test_lines_quoted_by_a_spreadsheet_score_as_without(tmp_path):
    quoted = write(tmp_path, "quoted", "".join(f'"{line}"\n' for line in HYPOTHESES))
    ref = write(tmp_path, "ref", "\n".join(REFERENCES) + "\n")
    assert score_files(quoted, ref) == score(HYPOTHESES, REFERENCES)
    one = write(tmp_path, "one", "\n".join([f'"{HYPOTHESES[0]}"', *HYPOTHESES[1:]]) + "\n")
    assert score_files(one, ref) == score([f'"{HYPOTHESES[0]}"', *HYPOTHESES[1:]], REFERENCES)


@pytest.mark.parametrize(
    "hyp, ref, message",
    [
        ("a\nb\n", "a\n", "2 lines"),
        ("", "a\n", "is empty"),
        ("a\n", "\n\n", "is empty"),
        ("a\nb\n", "a\n\n", "line 2 is empty"),
        (b"\xff\xfe\x00", "a\n", "UTF-8"),
        (None, "a\n", "cannot be read"),
    ],
)
def test_bad_files_are_one_clear_line(tmp_path, hyp, ref, message):
    paths = [tmp_path / "hyp", tmp_path / "ref"]
    for path, data in zip(paths, (hyp, ref), strict=True):
        if data is not None:
            write(tmp_path, path.name, data)
    with pytest.raises(InputError, match=message) as caught:
        score_files(*paths)
    assert "\n" not in str(caught.value)


def test_lists_of_unequal_length_or_none_are_refused():
    with pytest.raises(InputError, match="2 references"):
        score(["a"], ["a", "b"])
    with pytest.raises(InputError, match="no sentences"):
        score([], [])


def test_files_are_compared_in_nfc(tmp_path):
    lines = ["regen im süden und wärme .", "schauer über köln ."]
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, "\r\n".join(lines))
        (tmp_path / form).write_bytes(b"\xef\xbb\xbf" + text.encode())
    same = score_files(tmp_path / "NFC", tmp_path / "NFC")
    assert same.bleu4 == pytest.approx(100) and same == score_files(tmp_path / "NFD", tmp_path / "NFC")
    assert same == score_files(tmp_path / "NFC", tmp_path / "NFD")


def test_mistakes_of_several_trainings_are_their_mean_and_json_has_them() -> None:
    import dataclasses

    from slt.score.bootstrap import statistics
    from slt.score.scores import mean_scores
    from slt.score.wer import Mistakes

    lines = ["a b c d e", "f g h i j"]
    plain, stats = score(lines, lines), [statistics(lines, lines)] * 2
    some = [dataclasses.replace(plain, wer=6.0, mistakes=Mistakes(1.0, 2.0, 3.0)),
            dataclasses.replace(plain, wer=12.0, mistakes=Mistakes(3.0, 2.0, 7.0))]  # fmt: skip
    mean = mean_scores(some, stats)
    assert mean.wer == 9.0 and mean.mistakes == Mistakes(2.0, 2.0, 5.0)
    assert mean.as_dict()["mistakes"] == {"substitutions": 2.0, "deletions": 2.0, "insertions": 5.0}
    assert mean_scores([plain, plain], stats).mistakes is None
