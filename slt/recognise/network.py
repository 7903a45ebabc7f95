"""The recogniser's network: streams of body and hands, joined; a CTC head on each stream and on what is joined.

Streams with a head each, that learn from the mean of all heads, are those of MSKA (Guan et al. 2024); CTC is Graves et
al. 2006. No attention goes from one part of the body to another before they are joined.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from skeletor.refiners.networks.layers import positional_encoding
from slt.recognise.config import RecogniserConfig
from slt.translate.features import STREAMS
from slt.translate.features import WIDTH as FEATURES
from slt.translate.joey.body_streams import MaskedConvolution


class Read(NamedTuple):
    """What the network makes of a batch: logits (B, T', 1 + glosses) of the joined head, of each stream's and of what
    is signed in each step; the states (B, T', hidden) under the joined head; and which steps are real (B, T')."""

    joined: Tensor
    streams: tuple[Tensor, ...]
    frames: Tensor
    states: Tensor
    real: Tensor


class States(NamedTuple):
    """What the encoder makes of a batch: each stream's part (B, T', width); the states (B, T', hidden) over all parts;
    and which steps are real (B, T')."""

    parts: tuple[Tensor, ...]
    states: Tensor
    real: Tensor


class Encoder(nn.Module):
    """All of the network that knows no glosses: the streams, and the layers over what is joined.

    glosses: also heads for so many on the streams. They are made here, so that a seed gives the weights that it always
    gave.
    """

    def __init__(self, config: RecogniserConfig, glosses: int | None = None) -> None:
        super().__init__()
        self.columns = [list(columns) for columns in STREAMS.values()]
        self.streams = nn.ModuleList(_Stream(len(c), config.width, config.subsample) for c in self.columns)
        heads = self.columns if glosses is not None else []
        self.stream_heads = nn.ModuleList(nn.Linear(config.width, 1 + (glosses or 0)) for _ in heads)
        self.join = nn.Linear(len(self.columns) * config.width, config.hidden)
        self.subsample, self.drop = config.subsample, nn.Dropout(config.dropout)
        layer = [
            nn.TransformerEncoderLayer(
                config.hidden, config.heads, config.feed_forward, config.dropout, batch_first=True, norm_first=True
            )
            for _ in range(config.layers)
        ]
        self.nearby = nn.ModuleList(_Nearby(config.hidden, config.dropout) for _ in layer)
        self.layers = nn.ModuleList(layer)
        self.norm = nn.LayerNorm(config.hidden)

    def encode(self, frames: Tensor) -> States:
        """(B, T, features + 1) standardised features, the last of them 1 on real frames and 0 on padding, to T' =
        ceil(T / subsample) steps."""
        assert frames.dim() == 3 and frames.shape[2] == FEATURES + 1, frames.shape
        real = frames[:, :, -1] > 0.5  # (B, T)
        steps = real[:, :: self.subsample]  # (B, T')
        parts = [
            self.drop(s(frames[:, :, c], real)) for s, c in zip(self.streams, self.columns, strict=True)
        ]  # 3 x (B, T', width)
        x = self.drop(self.join(torch.cat(parts, 2)))  # (B, T', hidden)
        x = x + positional_encoding(x.shape[1], x.shape[2]).to(x)
        for near, layer in zip(self.nearby, self.layers, strict=True):
            x = layer(near(x, steps), src_key_padding_mask=~steps)  # (B, T', hidden)
        return States(tuple(parts), self.norm(x), steps)


class RecogniserNetwork(Encoder):
    """(B, T, features + 1), as of `Encoder.encode`, to `Read`."""

    def __init__(self, config: RecogniserConfig, glosses: int) -> None:
        super().__init__(config, glosses)
        self.head = nn.Linear(config.hidden, 1 + glosses)
        self.frame_head = nn.Linear(config.hidden, 1 + glosses)

    def forward(self, frames: Tensor) -> Read:
        """(B, T, features + 1) -> logits and states of T' = ceil(T / subsample) steps."""
        found = self.encode(frames)
        each = tuple(head(part) for head, part in zip(self.stream_heads, found.parts, strict=True))
        states = found.states  # (B, T', hidden)
        return Read(self.head(states), each, self.frame_head(states), states, found.real)


class _Stream(nn.Module):
    """Features (B, T, C) of one part of the body to (B, T', width): three convolutions, the second of them strided."""

    def __init__(self, features: int, width: int, subsample: int) -> None:
        super().__init__()
        self.first = MaskedConvolution(features, width, 5, 1)
        self.second = MaskedConvolution(width, width, 5, subsample)
        self.third = MaskedConvolution(width, width, 3, 1)
        self.subsample = subsample

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        steps = real[:, :: self.subsample]
        reduced = self.second(self.first(x, real), real)  # (B, T', width)
        deeper: Tensor = reduced + self.third(reduced, steps)
        return deeper


class _Nearby(nn.Module):
    """x (B, T, C) plus a depthwise convolution over 7 neighbouring steps."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.over_time = nn.Conv1d(channels, channels, 7, padding=3, groups=channels)
        self.mix = nn.Linear(channels, channels)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        normed = self.norm(x) * real[:, :, None]  # (B, T, C), 0 behind a clip's end
        mixed = self.mix(torch.nn.functional.silu(self.over_time(normed.transpose(1, 2)).transpose(1, 2)))
        result: Tensor = x + self.drop(mixed)
        return result
