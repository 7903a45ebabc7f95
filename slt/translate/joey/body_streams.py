"""Source embedding of body, dominant and other hand apart: strided convolutions a stream, then joined."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from slt.translate.joey.model import windows


class StreamEmbedding(nn.Module):
    """(B, T, features) frames to (B, ceil(T / subsample), hidden), each stream by two convolutions of its own.

    streams: the columns that each stream sees. The last feature is 1 on real frames and 0 on padding; nothing
    depends on what lies behind a clip's end, nor the normalisation's statistics on how much of it there is.
    subsample: split over the strides of both convolutions. width: channels of a stream.
    """

    def __init__(
        self, streams: Sequence[Sequence[int]], features: int, hidden: int, window: int, subsample: int, width: int
    ) -> None:
        super().__init__()
        late = max(d for d in range(1, math.isqrt(subsample) + 1) if subsample % d == 0)
        self.features, self.streams = features, [list(columns) for columns in streams]
        self.first = nn.ModuleList(MaskedConvolution(len(s), width, window, subsample // late) for s in streams)
        self.second = nn.ModuleList(MaskedConvolution(width, width, 3, late) for _ in streams)
        self.join = nn.Linear(len(streams) * width, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.embedding_dim = hidden  # what JoeyNMT's encoder asks for

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, features) -> (B, ceil(T / subsample), hidden)."""
        assert frames.dim() == 3 and frames.shape[2] == self.features, frames.shape
        joined: Tensor = self.norm(self.join(torch.cat(self.parts(frames), 2)))  # (B, T', hidden)
        return joined

    def parts(self, frames: Tensor) -> list[Tensor]:
        """(B, T', width) of each stream, before they are joined."""
        real = frames[:, :, -1] > 0.5  # (B, T)
        found = []
        for columns, first, second in zip(self.streams, self.first, self.second, strict=True):
            embedded = first(frames[:, :, columns], real)  # (B, T / first.stride, width)
            found.append(second(embedded, real[:, :: first.stride]))
        return found


class MaskedConvolution(nn.Module):
    """A convolution over time, masked batch normalisation, ReLU; 0 behind a clip's end.

    (B, T, inputs), which is 0 there, and real (B, T) to (B, ceil(T / stride), outputs).
    """

    def __init__(self, inputs: int, outputs: int, window: int, stride: int) -> None:
        super().__init__()
        self.window, self.stride = window, stride
        self.project = nn.Linear(window * inputs, outputs)
        self.norm = MaskedBatchNorm(outputs)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """x (B, T, inputs), 0 behind a clip's end, and real (B, T) bool -> (B, ceil(T / stride), outputs)."""
        projected = self.project(windows(x, self.window, self.stride))  # (B, T', outputs)
        return torch.relu(self.norm(projected, real[:, :: self.stride]))


class MaskedBatchNorm(nn.Module):
    """Batch normalisation (Ioffe and Szegedy 2015) over real frames only; (B, T, C), real (B, T) to (B, T, C)."""

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        """(B, T, C), (B, T) bool -> (B, T, C): frames that are `real` normalised, 0 elsewhere."""
        assert x.dim() == 3 and real.shape == x.shape[:2], (x.shape, real.shape)
        rows = x[real]  # (N, C)
        learn = self.training and len(rows) > 1  # one row has no variance
        normalised = nn.functional.batch_norm(
            rows, self.mean, self.variance, self.weight, self.bias, learn, self.momentum
        )
        result = torch.zeros_like(x)
        result[real] = normalised
        return result
