from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slt.score.bleu import corpus_bleu
from slt.translate.consensus import ConsensusConfig, Drawn, Gain, tune

SENTENCES = st.lists(st.text("abc ", min_size=0, max_size=12), min_size=1, max_size=8)
GAINS = st.builds(Gain, st.floats(0.3, 1.0), st.floats(0.0, 2.0))


def shared(text: str, other: str, order: int) -> int:
    """Clipped matches, as BLEU counts them."""

    def count(sentence: str) -> Counter:
        words = sentence.split()
        return Counter(tuple(words[k : k + order]) for k in range(len(words) - order + 1))

    return (count(text) & count(other)).total()


@given(SENTENCES)
def test_matches_are_the_mean_of_bleu_s_over_what_was_drawn(samples: list[str]) -> None:
    drawn = Drawn.of(samples)
    assert set(drawn.texts) == set(samples) and len(drawn.texts) == len(set(samples))
    expected = [[np.mean([shared(t, s, n) for s in samples]) for n in (1, 2, 3, 4)] for t in drawn.texts]
    np.testing.assert_allclose(drawn.matches, expected, atol=1e-9)


@given(SENTENCES, GAINS)
def test_the_best_gains_most_and_is_shorter_the_more_a_word_costs(samples: list[str], gain: Gain) -> None:
    drawn = Drawn.of(samples)

    def worth(text: str) -> float:
        matches = [np.mean([shared(text, s, n) for s in samples]) for n in (1, 2, 3, 4)]
        return sum(m * gain.decay**-k for k, m in enumerate(matches)) - gain.cost * len(text.split())

    assert worth(drawn.best(gain)) == pytest.approx(max(map(worth, samples)))
    dearer = Gain(gain.decay, gain.cost + 0.5)
    assert len(drawn.best(dearer).split()) <= len(drawn.best(gain).split())


def test_a_translation_that_is_drawn_once_may_be_the_one_that_all_are_like() -> None:
    samples = ["am tag regen im norden", "am tag sonne im süden", "am tag sonne im norden"]
    assert Drawn.of(samples).best(Gain(0.5, 0.4)) == "am tag sonne im norden"
    assert Drawn.of(["ja"] * 5).best(Gain(0.5, 9.0)) == "ja"


def test_the_gain_that_scores_best_on_dev_is_taken() -> None:
    references = ["regen im norden und im süden", "am tag sonne"]
    drawn = [
        Drawn.of(["regen", "regen im norden", "regen im norden und im süden", "regen im norden und im süden ."]),
        Drawn.of(["am tag", "am tag sonne", "am tag sonne und wind"]),
    ]
    config = ConsensusConfig(decays=[0.4, 1.0], costs=[0.0, 0.8, 1.6, 9.0])
    gain, bleu = tune(drawn, references, config)
    scores = {
        (decay, cost): corpus_bleu([d.best(Gain(decay, cost)) for d in drawn], references).bleu[3]
        for decay in config.decays
        for cost in config.costs
    }
    assert bleu == max(scores.values()) == scores[gain.decay, gain.cost] and min(scores.values()) < bleu
