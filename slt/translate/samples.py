"""Many translations of the same glosses, drawn from a Gloss2Text model."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from slt.translate.joey.decoding.decode import encode
from slt.translate.joey.decoding.sampling import draw
from slt.translate.translator import Translator, gloss_sources

Sentences = Sequence[Sequence[str]]


def samples(one: Translator, sentences: Sentences, number: int, least: float) -> list[list[str]]:
    """`number` translations of each sequence of glosses, as a Gloss2Text model deals them out. least: as of `draw`."""
    codes = (torch.arange(number, dtype=torch.float64) + 0.5) / number
    sources = gloss_sources(sentences, one.glosses, one.text, one.config.gloss_pieces)
    found: dict[int, list[str]] = {}
    for batch in encode(one.model, sources, 1, one.device):
        drawn = draw(one.model, batch.states, batch.mask, codes, least, one.decoding.max_words)  # (B, N, L)
        for position, rows in zip(batch.positions, drawn.tolist(), strict=True):
            found[position] = [_written(one, ids) for ids in rows]
    return [found[k] for k in range(len(sentences))]


def _written(one: Translator, ids: Sequence[int]) -> str:
    words = one.text.words
    special = {one.model.pad_index, one.model.bos_index, one.model.eos_index}
    tokens = [words._itos[k] for k in ids if k not in special]
    return str(one.text.tokenizer.post_process(tokens, generate_unk=True)) if tokens else ""
