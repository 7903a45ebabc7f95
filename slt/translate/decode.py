"""Search with JoeyNMT: translate sources, and choose beam size and length penalty on dev."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from joeynmt.model import Model
from joeynmt.search import beam_search, greedy
from torch import Tensor

from slt.score.bleu import corpus_bleu
from slt.translate.data import pad
from slt.translate.model import token_count
from slt.translate.text import Text

_BATCH = 64


@dataclass(frozen=True)
class Decoding:
    """Search options: beam size (1 is greedy), length penalty alpha of ((5 + n) / 6)^alpha, longest output."""

    beam: int = 1
    alpha: float = 0.0
    max_words: int = 40


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
        """Mean log probability of a token."""
        return float(np.mean(self.token_log_probs)) if self.token_log_probs else -math.inf

    @property
    def score(self) -> float:
        """Log probability of the whole output."""
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
    """Translations in the order of the sources that were encoded."""
    result: dict[int, Hypothesis] = {}
    for batch in batches:
        ids = _search(model, batch, decoding)
        log_probs = _score(model, batch, ids)
        for row, position in enumerate(batch.positions):
            result[position] = _hypothesis(ids[row].tolist(), log_probs[row].tolist(), model, text)
    return [result[k] for k in sorted(result)]


def tune(
    model: Model,
    batches: Sequence[Encoded],
    text: Text,
    references: Sequence[str],
    beams: Sequence[int],
    alphas: Sequence[float],
    max_words: int,
) -> tuple[Decoding, list[tuple[int, float, float]]]:
    """The search options with the best BLEU-4 on dev, and all that were tried as (beam, alpha, BLEU-4).

    Greedy search has no length penalty and is tried once. Of equals, the first (smallest beam) is taken.
    """  # fmt: skip
    grid = [(beam, alpha) for beam in sorted(set(beams)) for alpha in ([0.0] if beam == 1 else alphas)]
    tried = []
    for beam, alpha in grid:
        hypotheses = decode(model, batches, text, Decoding(beam, alpha, max_words))
        tried.append((beam, alpha, corpus_bleu([h.text for h in hypotheses], references).bleu[3]))
    beam, alpha, _ = max(tried, key=lambda row: row[2])
    return Decoding(beam, alpha, max_words), tried


def _search(model: Model, batch: Encoded, decoding: Decoding) -> Tensor:
    """(B, L) token ids, padded."""
    with torch.no_grad():
        if decoding.beam == 1:
            ids, _, _ = greedy(
                src_mask=batch.mask, max_output_length=decoding.max_words, model=model, encoder_output=batch.states,
                encoder_hidden=batch.last,
            )  # fmt: skip
        else:
            ids, _, _ = beam_search(
                model=model, beam_size=decoding.beam, encoder_output=batch.states, encoder_hidden=batch.last,
                src_mask=batch.mask, max_output_length=decoding.max_words, alpha=decoding.alpha, n_best=1,
            )  # fmt: skip
    return ids.to(batch.states.device).long()


def _score(model: Model, batch: Encoded, ids: Tensor) -> Tensor:
    """(B, L) natural log probabilities of the tokens, by one pass with the output as input."""
    begin = ids.new_full((len(ids), 1), model.bos_index)
    inputs = torch.cat([begin, ids[:, :-1]], 1)
    mask = torch.ones_like(inputs, dtype=torch.bool).unsqueeze(1)  # (B, 1, L); the decoder adds the causal mask
    with torch.no_grad():
        logits, *_ = model(
            return_type="decode", trg_input=inputs, encoder_output=batch.states, encoder_hidden=batch.last,
            src_mask=batch.mask, unroll_steps=inputs.shape[1], decoder_hidden=None, trg_mask=mask,
        )  # fmt: skip
    return torch.log_softmax(logits, -1).gather(2, ids.unsqueeze(2)).squeeze(2)


def _hypothesis(ids: list[int], log_probs: list[float], model: Model, text: Text) -> Hypothesis:
    complete = model.eos_index in ids
    end = ids.index(model.eos_index) if complete else len(ids)
    kept = [k for k in range(end) if ids[k] != model.pad_index]
    tokens = [text.words._itos[ids[k]] for k in kept]  # JoeyNMT has no public way from an id to its token
    sentence = text.tokenizer.post_process(tokens, generate_unk=True) if tokens else ""
    probabilities = [log_probs[k] for k in kept] + ([log_probs[end]] if complete else [])
    return Hypothesis(sentence, tuple(tokens), tuple(probabilities), complete)
