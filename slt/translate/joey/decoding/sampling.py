"""Translations drawn from a model, evenly spread over all that it may say, without a random number."""

from __future__ import annotations

import torch
from joeynmt.model import Model
from torch import Tensor

from slt.translate.joey.decoding.search import CachedDecoder, forbid


@torch.no_grad()
def draw(model: Model, states: Tensor, mask: Tensor, codes: Tensor, least: float, longest: int) -> Tensor:
    """(B, N, L) ids with the end symbol, padded: for each of B sources, what N codes stand for.

    states: (B, S, H); mask: (B, 1, S). codes: (N,) float64 in [0, 1). All outputs, in the order of the vocabulary word
    by word, divide [0, 1) into intervals as long as they are likely; a code stands for the output in whose interval it
    lies (arithmetic sampling, Vilnis et al. 2023). Codes at equal distances are samples that repeat themselves little,
    and a source's do not depend on its batch. least: words of a smaller probability, unless they are the likeliest, are
    never drawn (epsilon sampling, Hewitt et al. 2022).
    """
    assert codes.dim() == 1 and codes.dtype == torch.float64, (codes.shape, codes.dtype)
    sources, rows = len(mask), len(codes)
    decoder = CachedDecoder(model, states, mask, rows)
    result = torch.full((sources, rows, longest), model.pad_index, device=mask.device)
    alive = torch.arange(sources, device=mask.device)  # (R,) the sources that are not done
    ended = torch.zeros(sources, rows, dtype=torch.bool, device=mask.device)
    place = codes.to(mask.device).repeat(sources).unsqueeze(1)  # (R * N, 1) within the interval of what is written
    words = torch.full((len(place),), model.bos_index, device=mask.device)  # (R * N,) the last ones
    for step in range(longest):
        logits = decoder.step(words)  # (R * N, V)
        forbid(model, logits, step, padding=True)
        chosen, place = _located(_kept(logits.softmax(-1), least), place)  # (R * N, 1) each
        words = chosen.squeeze(1)
        drawn = words.view(-1, rows)  # (R, N)
        result[alive, :, step] = drawn.masked_fill(ended[alive], model.pad_index)
        ended[alive] |= drawn == model.eos_index
        going = (~ended[alive].all(1)).nonzero().squeeze(1)
        if not len(going):
            return result[:, :, : step + 1]
        if len(going) < len(alive):
            kept = (going.unsqueeze(1) * rows + torch.arange(rows, device=mask.device)).view(-1)
            alive, words, place = alive[going], words[kept], place[kept]
            decoder.select(kept, going)
    return result


def _kept(probabilities: Tensor, least: float) -> Tensor:
    """(R, V) without what is rarer than `least`; the likeliest stays."""
    limit = probabilities.amax(1, keepdim=True).clamp(max=least)
    return probabilities.masked_fill(probabilities < limit, 0.0)


def _located(shares: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    """(R, V) lengths of intervals side by side and places (R, 1) in [0, 1) of all: which interval, where in it."""
    ends = shares.cumsum(1, dtype=torch.float64)  # (R, V)
    place = place * ends[:, -1:]
    index = torch.searchsorted(ends, place, right=True).clamp(max=shares.shape[1] - 1)
    length = shares.double().gather(1, index)
    within = (place - (ends.gather(1, index) - length)) / length.clamp(min=1e-300)
    return index, within.clamp(0.0, 1.0 - 2.0**-53)
