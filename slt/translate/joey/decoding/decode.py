"""Translation of sources with one model or several, and the choice of beam size and length penalty on dev."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import joeynmt.search
import numpy as np
import torch
from joeynmt.decoders import TransformerDecoder
from joeynmt.model import Model
from pydantic import Field
from torch import Tensor

from skeletor.support.config import Config
from slt.score.bleu import corpus_bleu
from slt.score.tokens import Tokens
from slt.translate.joey.batches import pad
from slt.translate.joey.decoding.search import beam_search, greedy
from slt.translate.joey.model import token_count
from slt.translate.joey.text import Text

_BATCH = 64


@dataclass(frozen=True)
class Decoding:
    """Search options: beam size (1 is greedy), length penalty alpha of ((5 + n) / 6)^alpha, longest output."""

    beam: int = 1
    alpha: float = 0.0
    max_words: int = 40


class DecodingConfig(Config):
    """What a file may say of the search: the memory that it takes grows with both numbers."""

    beam: int = Field(1, ge=1, le=100)
    alpha: float = Field(0.0, ge=-100, le=100)
    max_words: int = Field(40, ge=1, le=1000)


@dataclass(frozen=True)
class Hypothesis:
    """A translation. tokens without the end symbol; token_log_probs (natural) with the end symbol last, if the
    search ended by itself. complete: whether it did, before the longest output was reached.
    """

    text: str
    tokens: tuple[str, ...]
    token_log_probs: tuple[float, ...]
    complete: bool = True

    @property
    def log_prob(self) -> float:
        """Mean natural log probability of a token; -infinity without tokens."""
        return float(np.mean(self.token_log_probs)) if self.token_log_probs else -math.inf

    @property
    def score(self) -> float:
        """Natural log probability of the whole output: the sum over its tokens."""
        return float(sum(self.token_log_probs))

    @property
    def confidence(self) -> float:
        """Geometric mean of the token probabilities, in [0, 1]."""
        return math.exp(self.log_prob)


@dataclass(frozen=True, eq=False)
class Encoded:
    """Encoder states (B, T', H) of a batch, their mask (B, 1, T'), and where its items stood in the input.

    last: a recurrent encoder's last states, None for a transformer.
    """

    states: Tensor
    mask: Tensor
    positions: tuple[int, ...]
    last: Tensor | None = None


def encode(model: Model, sources: Sequence[np.ndarray], subsample: int, device: torch.device) -> Iterator[Encoded]:
    """Encode sources (T, F) or (T,), batches of like length, longest first. The model has to be in eval mode."""
    order = sorted(range(len(sources)), key=lambda k: -len(sources[k]))
    for start in range(0, len(order), _BATCH):
        positions = order[start : start + _BATCH]
        source = pad([sources[k] for k in positions], model.pad_index).to(device)
        lengths = torch.tensor([token_count(len(sources[k]), subsample) for k in positions], device=device)
        mask = (torch.arange(int(lengths.max()), device=device)[None] < lengths[:, None]).unsqueeze(1)
        with torch.no_grad():
            states, *_ = model(return_type="encode", src=source, src_length=lengths, src_mask=mask)
        yield Encoded(states, mask, tuple(positions))


def decode(model: Model, batches: Sequence[Encoded], text: Text, decoding: Decoding) -> list[Hypothesis]:
    """One hypothesis per source, in the order of the sources that were encoded (states (B, T', H))."""
    return decode_ensemble([model], [batches], text, decoding)


def decode_ensemble(
    models: Sequence[Model], batches: Sequence[Sequence[Encoded]], text: Text, decoding: Decoding
) -> list[Hypothesis]:
    """One hypothesis per source by the mean of the models' probabilities, in the order of the sources.

    batches: of each model, of the same sources, states (B, T', H). The models must have the same vocabulary.
    """
    assert all(len(model.trg_vocab) == len(text.words) for model in models) and len(models) == len(batches)
    result: dict[int, Hypothesis] = {}
    for group in zip(*batches, strict=True):
        ids = _search(models, group, decoding)
        log_probs = _score(models, group, ids)
        for row, position in enumerate(group[0].positions):
            result[position] = _hypothesis(ids[row].tolist(), log_probs[row].tolist(), models[0], text)
    return [result[k] for k in sorted(result)]


def tune(
    model: Model,
    batches: Sequence[Encoded],
    text: Text,
    references: Sequence[str],
    beams: Sequence[int],
    alphas: Sequence[float],
    max_words: int,
    tokens: Tokens = "none",
) -> tuple[Decoding, list[tuple[int, float, float]]]:
    """`tune_ensemble` of one model: the best options, and all that were tried as (beam, alpha, BLEU-4 in per cent)."""
    return tune_ensemble([model], [batches], text, references, beams, alphas, max_words, tokens)


def tune_ensemble(
    models: Sequence[Model], batches: Sequence[Sequence[Encoded]], text: Text, references: Sequence[str],
    beams: Sequence[int], alphas: Sequence[float], max_words: int, tokens: Tokens = "none",
) -> tuple[Decoding, list[tuple[int, float, float]]]:  # fmt: skip
    """The search options with the best BLEU-4 on dev, and all that were tried as (beam, alpha, BLEU-4 in per cent).

    tokens: what is a word in the scores. Greedy search (beam 1) has no length penalty and is tried once. Of equals, the
    first (smallest beam) is taken.
    """
    grid = [(beam, alpha) for beam in sorted(set(beams)) for alpha in ([0.0] if beam == 1 else alphas)]
    tried = []
    for beam, alpha in grid:
        hypotheses = decode_ensemble(models, batches, text, Decoding(beam, alpha, max_words))
        tried.append((beam, alpha, corpus_bleu([h.text for h in hypotheses], references, tokens).bleu[3]))
    beam, alpha, _ = max(tried, key=lambda row: row[2])
    return Decoding(beam, alpha, max_words), tried


def _search(models: Sequence[Model], group: Sequence[Encoded], decoding: Decoding) -> Tensor:
    """(B, L) token ids, padded. group: the batch as each model encoded it."""
    if not isinstance(models[0].decoder, TransformerDecoder):
        return _recurrent_search(models, group, decoding)
    states, mask = [batch.states for batch in group], group[0].mask
    if decoding.beam == 1:
        return greedy(models, states, mask, decoding.max_words)
    return beam_search(models, states, mask, decoding.beam, decoding.alpha, decoding.max_words)


def _recurrent_search(models: Sequence[Model], group: Sequence[Encoded], decoding: Decoding) -> Tensor:
    """JoeyNMT's own search: a recurrent decoder has a state instead of keys and values. For one model."""
    assert len(models) == 1, "no ensembles of recurrent decoders"
    model, batch = models[0], group[0]
    with torch.no_grad():
        if decoding.beam == 1:
            ids, _, _ = joeynmt.search.greedy(
                src_mask=batch.mask, max_output_length=decoding.max_words, model=model, encoder_output=batch.states,
                encoder_hidden=batch.last,
            )  # fmt: skip
        else:
            ids, _, _ = joeynmt.search.beam_search(
                model=model, beam_size=decoding.beam, encoder_output=batch.states, encoder_hidden=batch.last,
                src_mask=batch.mask, max_output_length=decoding.max_words, alpha=decoding.alpha, n_best=1,
            )  # fmt: skip
    found: Tensor = ids.to(batch.states.device).long()
    return found


def _score(models: Sequence[Model], group: Sequence[Encoded], ids: Tensor) -> Tensor:
    """(B, L) natural log probabilities of the tokens, by one pass with the output as input."""
    begin = ids.new_full((len(ids), 1), models[0].bos_index)
    inputs = torch.cat([begin, ids[:, :-1]], 1)
    mask = torch.ones_like(inputs, dtype=torch.bool).unsqueeze(1)  # (B, 1, L); the decoder adds the causal mask
    each = []
    for model, batch in zip(models, group, strict=True):
        with torch.no_grad():
            logits, *_ = model(
                return_type="decode", trg_input=inputs, encoder_output=batch.states, encoder_hidden=batch.last,
                src_mask=batch.mask, unroll_steps=inputs.shape[1], decoder_hidden=None, trg_mask=mask,
            )  # fmt: skip
        each.append(torch.log_softmax(logits, -1).gather(2, ids.unsqueeze(2)).squeeze(2))
    return torch.stack(each).logsumexp(0) - math.log(len(each))


def _hypothesis(ids: list[int], log_probs: list[float], model: Model, text: Text) -> Hypothesis:
    complete = model.eos_index in ids
    end = ids.index(model.eos_index) if complete else len(ids)
    kept = [k for k in range(end) if ids[k] != model.pad_index]
    tokens = [text.words._itos[ids[k]] for k in kept]  # JoeyNMT has no public way from an id to its token
    words = [token for token in tokens if token not in text.words.specials[1:4]]
    # JoeyNMT asserts that something is left, and of spaces alone nothing is: models of pieces or characters write such.
    blank = not tokens or (words and not any(word.strip(text.tokenizer.SPACE_ESCAPE) for word in words))
    sentence = "" if blank else text.tokenizer.post_process(tokens, generate_unk=True)
    probabilities = [log_probs[k] for k in kept] + ([log_probs[end]] if complete else [])
    return Hypothesis(sentence, tuple(tokens), tuple(probabilities), complete)
