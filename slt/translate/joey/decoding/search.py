"""Greedy and beam search with the same hypotheses as JoeyNMT's, but with cached keys and values, and for ensembles.

JoeyNMT's search gives the whole prefix to the decoder at every step, repeats the encoder's output for each beam, and
looks at finished hypotheses one by one in Python. Here a step decodes one token: keys and values of earlier tokens are
kept, those of the source are computed once for all beams, and the book-keeping is tensors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from joeynmt.decoders import TransformerDecoder
from joeynmt.model import Model
from joeynmt.transformer_layers import MultiHeadedAttention, TransformerDecoderLayer
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


class CachedDecoder:
    """The decoder of one model, fed with one token at a time.

    states: (B, S, H) encoder states; mask: (B, 1, S). rows: hypotheses for each of the B sources.
    """

    def __init__(self, model: Model, states: Tensor, mask: Tensor, rows: int = 1) -> None:
        assert states.dim() == 3 and mask.shape == (len(states), 1, states.shape[1]), (states.shape, mask.shape)
        assert isinstance(model.decoder, TransformerDecoder) and not model.training
        self.model, self.rows, self.position = model, rows, 0
        self.mask = mask.unsqueeze(1)  # (B, 1, 1, S)
        self.source = [_keys_values(layer.src_trg_att, states) for layer in model.decoder.layers]
        self.past: list[tuple[Tensor, Tensor] | None] = [None] * len(self.source)

    def step(self, tokens: Tensor) -> Tensor:
        """The last tokens' ids (B * rows,) to logits (B * rows, V) of the next token."""
        decoder = self.model.decoder
        x = self.model.trg_embed(tokens.unsqueeze(1)) + decoder.pe.pe[:, self.position : self.position + 1]
        for number, layer in enumerate(decoder.layers):
            x = self._layer(number, layer, x)  # (B * rows, 1, H)
        self.position += 1
        x = x if decoder.layer_norm is None else decoder.layer_norm(x)
        logits: Tensor = decoder.output_layer(x).squeeze(1)
        return logits

    def _layer(self, number: int, layer: TransformerDecoderLayer, x: Tensor) -> Tensor:
        """JoeyNMT's decoder layer for one position."""
        pre = layer._layer_norm_position == "pre"
        y = layer.x_layer_norm(x) if pre else x
        keys, values = _keys_values(layer.trg_trg_att, y)
        past = self.past[number]
        if past is not None:
            keys, values = torch.cat([past[0], keys], 2), torch.cat([past[1], values], 2)
        self.past[number] = keys, values  # (B * rows, heads, L, d)
        y = _attend(layer.trg_trg_att, y, keys, values) + layer.alpha * x
        y = y if pre else layer.x_layer_norm(y)
        z = layer.dec_layer_norm(y) if pre else y
        grouped = z.view(-1, self.rows, z.shape[2])  # (B, rows, H): the hypotheses of a source are its queries
        z = _attend(layer.src_trg_att, grouped, *self.source[number], self.mask).view_as(y) + layer.alpha * y
        out: Tensor = layer.feed_forward(z if pre else layer.dec_layer_norm(z))
        return out

    def select(self, rows: Tensor, sources: Tensor | None = None) -> None:
        """Keep the hypotheses `rows` (B' * rows,) and, if some sources have ended, the `sources` (B',).

        Both are indices.
        """
        self.past = [(p[0].index_select(0, rows), p[1].index_select(0, rows)) for p in self.past if p is not None]
        if sources is not None:
            self.mask = self.mask[sources]
            self.source = [(keys[sources], values[sources]) for keys, values in self.source]


def _keys_values(attention: MultiHeadedAttention, x: Tensor) -> tuple[Tensor, Tensor]:
    return _heads(attention, attention.k_layer(x)), _heads(attention, attention.v_layer(x))


def _heads(attention: MultiHeadedAttention, x: Tensor) -> Tensor:
    """(B, L, H) to (B, heads, L, d)."""
    return x.view(len(x), -1, attention.num_heads, attention.head_size).transpose(1, 2)


def _attend(
    attention: MultiHeadedAttention, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None
) -> Tensor:
    queries = _heads(attention, attention.q_layer(x))
    found = scaled_dot_product_attention(queries, keys, values, mask)  # (B, heads, L, d)
    out: Tensor = attention.output_layer(found.transpose(1, 2).reshape(len(x), -1, attention.model_size))
    return out


def _log_probs(decoders: Sequence[CachedDecoder], tokens: Tensor) -> Tensor:
    """(N,) ids to (N, V) log probabilities of the next; of several models, of the mean of their probabilities."""
    each = [torch.log_softmax(decoder.step(tokens), -1) for decoder in decoders]
    return each[0] if len(each) == 1 else torch.stack(each).logsumexp(0) - math.log(len(each))


def forbid(model: Model, log_probs: Tensor, step: int, padding: bool) -> None:
    """Make impossible in `log_probs` (N, V), in place, what JoeyNMT never generates, and an end as the first word."""
    for index in (model.bos_index, model.pad_index if padding else None, model.sep_index, *model.lang_tags):
        if index is not None and index < log_probs.shape[1]:
            log_probs[:, index] = -math.inf
    if step < 1:
        log_probs[:, model.eos_index] = -math.inf


@torch.no_grad()
def greedy(models: Sequence[Model], states: Sequence[Tensor], mask: Tensor, longest: int) -> Tensor:
    """(B, L) ids with the end symbol, padded. states: of each model, (B, S, H); mask: (B, 1, S)."""
    model = models[0]
    decoders = [CachedDecoder(m, s, mask) for m, s in zip(models, states, strict=True)]
    result = torch.full((len(mask), longest), model.pad_index, device=mask.device)
    alive = torch.arange(len(mask), device=mask.device)
    tokens = torch.full_like(alive, model.bos_index)
    for step in range(longest):
        log_probs = _log_probs(decoders, tokens)
        forbid(model, log_probs, step, padding=False)
        tokens = log_probs.argmax(1)
        result[alive, step] = tokens
        going = (tokens != model.eos_index).nonzero().squeeze(1)
        if len(going) < len(alive):
            if not len(going):
                return result[:, : step + 1]
            alive, tokens = alive[going], tokens[going]
            for decoder in decoders:
                decoder.select(going, going)
    return result


@torch.no_grad()
def beam_search(
    models: Sequence[Model], states: Sequence[Tensor], mask: Tensor, beam: int, alpha: float, longest: int
) -> Tensor:
    """(B, L) ids of the best hypotheses with the end symbol, padded. states, mask: as for `greedy`.

    JoeyNMT's rules, kept to the letter: scores are log probabilities / ((5 + n) / 6)^alpha if alpha > 0; a hypothesis
    that has ended keeps its place in the beam and is even continued; a place counts as ended from its first end on;
    a source is done when all its places have ended.
    """
    model, (sources, device) = models[0], (len(mask), mask.device)
    decoders = [CachedDecoder(m, s, mask, beam) for m, s in zip(models, states, strict=True)]
    result = torch.full((sources, longest), model.pad_index, device=device)
    result[:, 0] = model.unk_index
    best = torch.full((sources,), -math.inf, device=device)
    alive = torch.arange(sources, device=device)  # (R,) the sources that are not done
    written = torch.full((sources * beam, 1), model.bos_index, device=device)  # (R * beam, 1 + step)
    totals = torch.zeros(sources, beam, device=device)
    totals[:, 1:] = -math.inf  # all places start alike: the first has it all
    ended = torch.zeros(sources, beam, dtype=torch.bool, device=device)
    ends = torch.zeros(sources, beam, dtype=torch.long, device=device)  # end symbols in a hypothesis
    for step in range(longest):
        log_probs = _log_probs(decoders, written[:, -1])  # (R * beam, V)
        forbid(model, log_probs, step, padding=True)
        penalty = ((5.0 + (step + 1)) / 6.0) ** alpha if alpha > 0 else 1.0
        scores = ((log_probs + totals.view(-1, 1)) / penalty).view(len(alive), -1)
        scores, flat = scores.topk(beam)  # (R, beam)
        totals, tokens = scores * penalty, flat % log_probs.shape[1]
        origin = flat // log_probs.shape[1] + beam * torch.arange(len(alive), device=device).unsqueeze(1)  # (R, beam)
        written = torch.cat([written[origin.view(-1)], tokens.view(-1, 1)], 1)
        is_end, last = tokens == model.eos_index, step + 1 == longest
        ends = ends.view(-1)[origin] + is_end
        ended = ended | is_end | (scores == -math.inf) | last
        offered = (is_end & (ends == 1)) | ((ends == 0) & last)
        value, place = scores.masked_fill(~offered, -math.inf).max(1)  # (R,)
        better = value > best[alive]
        best[alive[better]] = value[better]
        result[alive[better], : step + 1] = written.view(len(alive), beam, -1)[better, place[better], 1:]
        going = (~ended.all(1)).nonzero().squeeze(1)
        if not len(going):
            return result[:, : step + 1]
        some = len(going) < len(alive)
        if some:
            alive, totals, ended, ends, origin = (x[going] for x in (alive, totals, ended, ends, origin))
            written = written.view(-1, beam, step + 2)[going].view(-1, step + 2)
        for decoder in decoders:
            decoder.select(origin.view(-1), going if some else None)
    return result
