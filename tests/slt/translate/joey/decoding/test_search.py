import joeynmt.search
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slt.translate.joey.decoding.search import CachedDecoder, beam_search, greedy
from slt.translate.joey.model import build_transformer, word_embedding
from slt.translate.joey.text import vocabulary

WORDS = vocabulary(list("abcdefghijkl"))


def network(seed: int, norm: str = "pre", sharp: float = 6.0):
    """A random model; sharp: how far apart its logits are, so that hypotheses end at different steps."""
    torch.manual_seed(seed)
    model = build_transformer(word_embedding(WORDS, 16), WORDS, hidden=16, feed_forward=32, heads=2, norm=norm).eval()
    with torch.no_grad():
        model.decoder.output_layer.weight *= sharp
    return model


def encoded(model, seed: int, sources: int = 5):
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 8, (sources,), generator=generator)
    source = torch.randint(4, len(WORDS), (sources, 7), generator=generator)
    mask = (torch.arange(7)[None] < lengths[:, None]).unsqueeze(1)
    with torch.no_grad():
        states, *_ = model(return_type="encode", src=source, src_length=lengths, src_mask=mask)
    return states, mask


def cut(row: list[int], model) -> list[int]:
    """Ids up to the first end symbol."""
    return row[: row.index(model.eos_index) + 1] if model.eos_index in row else row


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_step_with_cached_keys_gives_the_decoder_s_logits(norm):
    model = network(0, norm)
    states, mask = encoded(model, 0)
    ids = torch.randint(4, len(WORDS), (10, 6))
    cached = CachedDecoder(model, states, mask, rows=2)
    steps = torch.stack([cached.step(ids[:, k]) for k in range(6)], 1)
    whole, *_ = model(
        return_type="decode", trg_input=ids, encoder_output=states.repeat_interleave(2, 0), encoder_hidden=None,
        src_mask=mask.repeat_interleave(2, 0), unroll_steps=None, decoder_hidden=None,
        trg_mask=torch.ones(1, 1, 6, dtype=torch.bool),
    )  # fmt: skip
    torch.testing.assert_close(steps, whole, atol=1e-4, rtol=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    beam=st.integers(2, 5),
    alpha=st.sampled_from([-1.0, 0.0, 0.7, 2.0]),
    longest=st.integers(1, 12),
    norm=st.sampled_from(["pre", "post"]),
)
def test_beam_search_finds_what_joeynmt_finds(seed, beam, alpha, longest, norm):
    model = network(seed, norm)
    states, mask = encoded(model, seed)
    expected, *_ = joeynmt.search.beam_search(
        model=model, beam_size=beam, encoder_output=states, encoder_hidden=None, src_mask=mask,
        max_output_length=longest, alpha=alpha, n_best=1,
    )  # fmt: skip
    found = beam_search([model], [states], mask, beam, alpha, longest).tolist()
    assert [cut(row, model) for row in found] == [cut(row, model) for row in expected.tolist()]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), longest=st.integers(1, 12))
def test_greedy_search_finds_what_joeynmt_finds(seed, longest):
    model = network(seed)
    states, mask = encoded(model, seed)
    expected, *_ = joeynmt.search.greedy(
        src_mask=mask, max_output_length=longest, model=model, encoder_output=states, encoder_hidden=None
    )
    found = greedy([model], [states], mask, longest).tolist()
    assert [cut(row, model) for row in found] == [cut(row, model) for row in expected.tolist()]


def test_an_ensemble_of_the_same_model_is_the_model_and_of_others_is_their_mean():
    one, other = network(1), network(2)
    states, mask = encoded(one, 1)
    others, _ = encoded(other, 1)
    alone = beam_search([one], [states], mask, 3, 1.0, 10)
    assert beam_search([one, one], [states, states], mask, 3, 1.0, 10).tolist() == alone.tolist()
    both = greedy([one, other], [states, others], mask, 1).squeeze(1)  # (B,) the first words
    begin = torch.full((len(mask),), one.bos_index)
    probabilities = [
        torch.softmax(CachedDecoder(model, s, mask).step(begin), -1) for model, s in ((one, states), (other, others))
    ]
    mean = (probabilities[0] + probabilities[1]) / 2
    mean[:, [one.bos_index, one.eos_index]] = 0
    assert both.tolist() == mean.argmax(1).tolist()
