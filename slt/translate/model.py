"""JoeyNMT's transformer with a continuous source: its encoder, decoder and `Model`, and our frame embedding."""

from __future__ import annotations

import math

import torch
from joeynmt.decoders import TransformerDecoder
from joeynmt.embeddings import Embeddings
from joeynmt.encoders import TransformerEncoder
from joeynmt.model import Model
from joeynmt.vocabulary import Vocabulary
from torch import Tensor, nn


class FrameEmbedding(nn.Module):
    """Source embedding of feature frames: a convolution over time, layer norm, ReLU.

    (B, T, F) to (B, T', hidden), T' = ceil(T / subsample). Frames behind a clip's end have to be 0; the
    convolution pads with 0 too, so a clip's embedding does not depend on the batch it is in.
    """

    def __init__(self, features: int, hidden: int, window: int, subsample: int) -> None:
        super().__init__()
        self.features, self.window, self.subsample = features, window, subsample
        self.project = nn.Linear(window * features, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.embedding_dim = hidden  # what JoeyNMT's encoder asks for

    def forward(self, frames: Tensor) -> Tensor:
        assert frames.dim() == 3 and frames.shape[2] == self.features, frames.shape
        tokens = token_count(frames.shape[1], self.subsample)
        before = (self.window - 1) // 2
        after = (tokens - 1) * self.subsample + self.window - before - frames.shape[1]
        padded = nn.functional.pad(frames, (0, 0, before, max(0, after)))
        windows = padded.unfold(1, self.window, self.subsample)[:, :tokens]  # (B, T', F, window)
        return torch.relu(self.norm(self.project(windows.flatten(2))))  # (B, T', hidden)


class PooledDropout(nn.Module):
    """Dropout whose coin flips are a slice, at a random place, of a pool drawn once.

    Drawing them anew takes half of the time of an update on a CPU, at the paper's size. Elsewhere, and for
    tensors larger than half the pool, it is torch's dropout.
    """

    POOL = 1 << 22

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self._pool: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu" or x.numel() > self.POOL // 2:
            return nn.functional.dropout(x, self.p, True)
        if self._pool is None:
            self._pool = torch.empty(self.POOL).bernoulli_(1 - self.p).div_(1 - self.p)
        start = int(torch.randint(self.POOL - x.numel(), ()))
        return x * self._pool[start : start + x.numel()].view(x.shape)


def use_pooled_dropout(model: nn.Module) -> None:
    """Exchange every dropout of a network; those of the same probability share a pool."""
    shared: dict[float, PooledDropout] = {}
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout):
                setattr(module, name, shared.setdefault(child.p, PooledDropout(child.p)))


def token_count(frames: int, subsample: int) -> int:
    """Source tokens of a clip of so many feature frames."""
    return -(-frames // subsample)


def build_model(
    source: nn.Module,
    target: Vocabulary,
    layers: int = 2,
    hidden: int = 64,
    feed_forward: int = 256,
    heads: int = 4,
    dropout: float = 0.1,
    norm: str = "pre",
) -> Model:
    """A JoeyNMT model with `source` as its source embedding, Xavier-initialised (torch's global generator)."""
    encoder = TransformerEncoder(
        hidden_size=hidden, ff_size=feed_forward, num_layers=layers, num_heads=heads, dropout=dropout,
        emb_dropout=dropout, layer_norm=norm,
    )  # fmt: skip
    decoder = TransformerDecoder(
        hidden_size=hidden, ff_size=feed_forward, num_layers=layers, num_heads=heads, dropout=dropout,
        emb_dropout=dropout, layer_norm=norm, vocab_size=len(target),
    )  # fmt: skip
    model = Model(
        encoder=encoder, decoder=decoder, src_embed=source, trg_embed=word_embedding(target, hidden),
        src_vocab=None, trg_vocab=target,
    )  # fmt: skip
    _initialise(model)
    use_pooled_dropout(model)
    return model


def word_embedding(words: Vocabulary, hidden: int) -> Embeddings:
    """JoeyNMT's embedding of token ids, scaled by sqrt(hidden) as in Vaswani et al. 2017."""
    return Embeddings(embedding_dim=hidden, scale=True, vocab_size=len(words), padding_idx=words.pad_index)


def _initialise(model: Model) -> None:
    """Xavier-uniform matrices, zero biases, N(0, 1 / hidden) embeddings with a zero padding row."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, Embeddings):
            nn.init.normal_(module.lut.weight, std=1 / math.sqrt(module.embedding_dim))
            with torch.no_grad():
                module.lut.weight[module.lut.padding_idx].zero_()
