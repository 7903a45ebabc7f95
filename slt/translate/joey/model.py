"""JoeyNMT's transformer with a continuous source: its encoder, decoder and `Model`, and our frame embedding."""

from __future__ import annotations

import math

import torch
from joeynmt.decoders import TransformerDecoder
from joeynmt.embeddings import Embeddings
from joeynmt.encoders import TransformerEncoder
from joeynmt.model import Model as Model
from joeynmt.vocabulary import Vocabulary
from torch import Tensor, nn

from slt.translate.joey.glosses import GlossModel


class FrameEmbedding(nn.Module):
    """Source embedding of feature frames: one or two convolutions over time, each with layer norm and ReLU.

    (B, T, features) to (B, T', hidden), T' = ceil(T / subsample). The last feature is 1 on real frames and 0
    on padding (`features.FeatureStats.standardise` adds it): by it the first layer's output is cleared behind
    a clip's end, so that a clip's embedding does not depend on the batch that it is in.
    width: of the first of two layers, 0 for a single one (linear in a window of frames).
    """

    def __init__(self, features: int, hidden: int, window: int, subsample: int, width: int = 0) -> None:
        super().__init__()
        self.features, self.subsample = features, subsample
        self.first = _Convolution(features, width or hidden, window, subsample)
        self.second = _Convolution(width, hidden, 3, 1) if width else None
        self.embedding_dim = hidden  # what JoeyNMT's encoder asks for

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, features) -> (B, ceil(T / subsample), hidden)."""
        assert frames.dim() == 3 and frames.shape[2] == self.features, frames.shape
        embedded: Tensor = self.first(frames)  # (B, T', width)
        if self.second is None:
            return embedded
        real = frames[:, :: self.subsample, -1:]  # (B, T', 1)
        deeper: Tensor = self.second(embedded * real)  # (B, T', hidden)
        return deeper


class _Convolution(nn.Module):
    """A convolution over time with a centred window and zeros at both ends, layer norm, ReLU.

    (B, T, inputs) to (B, ceil(T / stride), outputs).
    """

    def __init__(self, inputs: int, outputs: int, window: int, stride: int) -> None:
        super().__init__()
        self.window, self.stride = window, stride
        self.project = nn.Linear(window * inputs, outputs)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm(self.project(windows(x, self.window, self.stride))))


def windows(x: Tensor, window: int, stride: int) -> Tensor:
    """(B, T, F) to (B, ceil(T / stride), F * window): centred windows, zeros beyond both ends."""
    tokens = token_count(x.shape[1], stride)
    before = (window - 1) // 2
    after = (tokens - 1) * stride + window - before - x.shape[1]
    padded = nn.functional.pad(x, (0, 0, before, max(0, after)))
    return padded.unfold(1, window, stride)[:, :tokens].flatten(2)


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
        """x of any shape -> the same shape; in training a share `p` of it is 0 and the rest is divided by 1 - p."""
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu" or x.numel() > self.POOL // 2:
            return nn.functional.dropout(x, self.p, True)
        if self._pool is None:
            generator = torch.Generator().manual_seed(0)  # the same pool in a resumed training
            self._pool = torch.empty(self.POOL).bernoulli_(1 - self.p, generator=generator).div_(1 - self.p)
        start = int(torch.randint(self.POOL - x.numel(), ()))
        return x * self._pool[start : start + x.numel()].view(x.shape)


def use_pooled_dropout(model: nn.Module) -> None:
    """Exchange every dropout of a network for `PooledDropout`, in place; those of the same probability share a pool."""
    shared: dict[float, PooledDropout] = {}
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout):
                setattr(module, name, shared.setdefault(child.p, PooledDropout(child.p)))


def token_count(frames: int, subsample: int) -> int:
    """Source tokens of a clip of `frames` feature frames: ceil(frames / subsample)."""
    return -(-frames // subsample)


def build_transformer(
    source: nn.Module,
    target: Vocabulary,
    layers: int = 2,
    hidden: int = 64,
    feed_forward: int = 256,
    heads: int = 4,
    dropout: float = 0.1,
    norm: str = "pre",
    glosses: int = 0,
) -> Model:
    """A JoeyNMT transformer with `source` as its source embedding, Xavier-initialised (torch's global generator).

    hidden, feed_forward: widths. glosses: if above 0, a `GlossModel` whose head tells that many glosses apart.
    """
    encoder = TransformerEncoder(
        hidden_size=hidden, ff_size=feed_forward, num_layers=layers, num_heads=heads, dropout=dropout,
        emb_dropout=dropout, layer_norm=norm,
    )  # fmt: skip
    decoder = TransformerDecoder(
        hidden_size=hidden, ff_size=feed_forward, num_layers=layers, num_heads=heads, dropout=dropout,
        emb_dropout=dropout, layer_norm=norm, vocab_size=len(target),
    )  # fmt: skip
    parts = {"encoder": encoder, "decoder": decoder, "src_embed": source, "trg_embed": word_embedding(target, hidden),
             "src_vocab": None, "trg_vocab": target}  # fmt: skip
    model = GlossModel(parts, hidden, glosses) if glosses else Model(**parts)
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
