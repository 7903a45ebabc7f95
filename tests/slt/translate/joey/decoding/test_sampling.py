import pytest
import torch

from slt.translate.joey.decoding.sampling import draw
from slt.translate.joey.decoding.search import CachedDecoder, beam_search
from tests.slt.translate.joey.decoding.test_search import WORDS, cut, encoded, network


def codes(number: int) -> torch.Tensor:
    return (torch.arange(number, dtype=torch.float64) + 0.5) / number


@torch.no_grad()
def next_words(model, states, mask, written: list[int]) -> torch.Tensor:
    """(V,) probabilities of the word behind `written`, of one source; what is never generated has 0."""
    decoder = CachedDecoder(model, states, mask)
    for word in [model.bos_index, *written]:
        logits = decoder.step(torch.tensor([word]))
    probabilities = logits.softmax(-1)[0].double()
    probabilities[[model.bos_index, model.pad_index]] = 0
    if not written:
        probabilities[model.eos_index] = 0
    return probabilities / probabilities.sum()


def intervals(model, states, mask, longest: int, least: float) -> list[tuple[float, list[int]]]:
    """All outputs in the order of the vocabulary, each with the end of its interval in [0, 1)."""
    found, end = [], 0.0

    def walk(written: list[int], share: float) -> None:
        nonlocal end
        if len(written) == longest or written[-1:] == [model.eos_index]:
            end += share
            found.append((end, written))
            return
        probabilities = next_words(model, states, mask, written)
        probabilities[probabilities < min(least, float(probabilities.max()))] = 0
        probabilities /= probabilities.sum()
        for word in probabilities.nonzero().squeeze(1).tolist():
            walk([*written, word], share * float(probabilities[word]))

    walk([], 1.0)
    return found


@pytest.mark.parametrize("least", [0.0, 0.1])
@pytest.mark.parametrize("seed", [0, 3])
def test_a_code_stands_for_the_output_whose_interval_it_lies_in(seed: int, least: float) -> None:
    model = network(seed, sharp=3.0)
    states, mask = encoded(model, seed, sources=1)
    table = intervals(model, states, mask, 3, least)
    assert table[-1][0] == pytest.approx(1.0)
    places = codes(101)
    drawn = draw(model, states, mask, places, least, 3)[0].tolist()
    for place, ids in zip(places.tolist(), drawn, strict=True):
        expected = next(written for end, written in table if place < end)
        on_a_border = any(abs(end - place) < 1e-5 for end, _ in table)  # rounding may put it on either side
        assert cut(ids, model) == expected or on_a_border


def test_each_first_word_is_drawn_as_often_as_it_is_likely() -> None:
    model = network(5, sharp=2.0)
    states, mask = encoded(model, 5, sources=4)
    drawn = draw(model, states, mask, codes(200), 0.0, 2)  # (4, 200, 2)
    for source in range(4):
        length = int(mask[source].sum())
        probabilities = next_words(
            model, states[source : source + 1, :length], mask[source : source + 1, :, :length], []
        )
        often = torch.bincount(drawn[source, :, 0], minlength=len(WORDS))
        assert (often - 200 * probabilities).abs().max() < 1.001


def test_what_is_drawn_of_a_source_does_not_depend_on_its_batch() -> None:
    model = network(2)
    states, mask = encoded(model, 2)
    together = draw(model, states, mask, codes(16), 0.02, 12)
    for source in range(len(mask)):
        alone = draw(model, states[source : source + 1], mask[source : source + 1], codes(16), 0.02, 12)
        assert [cut(row, model) for row in alone[0].tolist()] == [cut(row, model) for row in together[source].tolist()]


def test_nothing_but_the_likeliest_word_is_left_by_a_high_limit() -> None:
    model = network(4)
    states, mask = encoded(model, 4)
    greedy = beam_search([model], [states], mask, 1, 0.0, 10)
    drawn = draw(model, states, mask, codes(5), 0.999, 10)
    for source, row in enumerate(greedy.tolist()):
        assert all(cut(ids, model) == cut(row, model) for ids in drawn[source].tolist())
