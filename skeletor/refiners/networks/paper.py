"""The Skeletor network as printed: a transformer encoder over skeletons (Jiang, Camgöz, Bowden, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from skeletor.poses.skeleton import Skeleton
from skeletor.refiners.networks.kind import Count, Dropout, EncoderConfig, Frame, Inner, RefinerKind, Width
from skeletor.refiners.networks.layers import (
    Attention,
    RefinerNetwork,
    embed_poses,
    feed_forward,
    initialise,
    positional_encoding,
)


class PaperConfig(EncoderConfig):
    """Size of the paper's network; see `PaperSkeletor`. Where the paper gives none, JoeyNMT's of the time."""

    kind: Literal["paper"] = "paper"
    d_model: Width = 512
    d_ff: Inner = 2048
    layers: Count = 8
    dropout: Dropout = 0.1

    adds_to_input: ClassVar[bool] = False  # it predicts positions


class Layer(nn.Module):
    """Self-attention, then a feed-forward network, each with a residual connection, normalised after each sum."""

    def __init__(self, width: int, inner: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(width, heads, dropout)
        self.feed_forward = feed_forward(width, inner, dropout)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        for norm, part in zip(self.norms, (self.attention, self.feed_forward), strict=True):
            x = norm(x + self.dropout(part(x)))
        return x


class PaperSkeletor(RefinerNetwork):
    """Predicts the skeletons of a window from their coordinates and their places in the window.

    joints, dims, window: see `RefinerNetwork`. d_model, d_ff, heads, layers, dropout: the encoder. The confidences do
    not enter, and the spread of the joints is not used.
    """

    places: Tensor

    def __init__(
        self, joints: int, dims: int, window: int, d_model: int, d_ff: int, heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__(joints, dims, window)
        self.embedding = embed_poses(joints * dims, d_model)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList([Layer(d_model, d_ff, heads, dropout) for _ in range(layers)])
        self.out = nn.Linear(d_model, joints * dims)
        self.register_buffer("places", positional_encoding(window, d_model), persistent=False)
        initialise(self)

    def forward(self, points: Tensor, confidence: Tensor) -> Tensor:
        """(B, T, J, D) without gaps and (B, T, J) -> (B, T, J, D) refined; T at most `window`."""
        self.check_shapes(points, confidence)
        x = self.embedding(points.flatten(2))  # (B, T, d_model), equation 1
        x = self.dropout(x + self.places[: points.shape[1]])  # equation 2
        for layer in self.layers:
            x = layer(x)  # equations 3 to 5
        return torch.as_tensor(self.out(x).view_as(points))


def _arguments(config: PaperConfig, skeleton: Skeleton, dims: int, window: int) -> dict[str, Any]:
    return {"joints": len(skeleton), "dims": dims, "window": window, **config.model_dump()}


def _build(arguments: Mapping[str, Any]) -> PaperSkeletor:
    return PaperSkeletor(**{name: value for name, value in arguments.items() if name != "kind"})


PAPER = RefinerKind("paper", "skeletor", PaperConfig, Frame, _arguments, _build)
