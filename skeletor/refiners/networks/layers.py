"""What more than one network that refines is made of."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from skeletor.learning.data.windows import WindowSource


class RefinerNetwork(nn.Module):
    """A network that refines a window of skeletons.

    joints, dims: J and D of the skeletons. window: frames of a window, n1 in the paper.

    `rest` (J, D): a typical pose, for joints that are never observed. `scale` (J, D): the spread of each joint as
    `seen_from_carrier` gives it. `fit` sets both. `keeps_fill`: whether it adds to the fill alone, so that its
    correction can be taken to another frame rate without the frames; `bound`: it then moves no surely seen joint
    further.
    """

    keeps_fill: ClassVar[bool] = False
    bound: float = math.inf
    rest: Tensor
    scale: Tensor

    def __init__(self, joints: int, dims: int, window: int) -> None:
        super().__init__()
        self.joints, self.dims, self.window = joints, dims, window
        self.register_buffer("rest", torch.zeros(joints, dims))
        self.register_buffer("scale", torch.ones(joints, dims))

    @property
    def default_radius(self) -> int:
        """Frames around a window's centre whose predictions are averaged unless a user says otherwise."""
        return 3 * self.window // 8

    def seen_from_carrier(self, points: Tensor) -> Tensor:
        """(..., J, D) relative to what the network sees each joint from: the origin, unless it says otherwise."""
        return points

    def fit(self, clips: WindowSource, seed: int) -> None:
        """Set what the network knows of its training clips beside its weights. seed: of the clips' sampling."""
        self.rest.copy_(clips.typical_pose())
        self.scale.copy_(clips.spread(self.seen_from_carrier))

    def check_shapes(self, points: Tensor, confidence: Tensor) -> None:
        """AssertionError unless they are (B, T, J, D) and (B, T, J), T at most `window`."""
        shape = (self.joints, self.dims)
        assert points.shape[2:] == shape, f"expected {self.joints} x {self.dims}, got {tuple(points.shape)}"
        assert confidence.shape == points.shape[:3], f"confidence is {tuple(confidence.shape)}"
        assert points.shape[1] <= self.window, f"{points.shape[1]} frames, the window has {self.window}"

    def parameter_count(self) -> int:
        """Number of trained values."""
        return sum(p.numel() for p in self.parameters())


class Attention(nn.Module):
    """Multi-head self-attention over the frames of a window (equations 3 and 4)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"d_model {width} is not a multiple of heads {heads}")
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def score_bias(self, frames: int) -> Tensor | None:
        """What is added to the scores, (heads, T, T), or None for nothing."""
        return None

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        batch, frames, width = x.shape
        split = (batch, frames, self.heads, width // self.heads)
        q, k, v = (f(x).view(split).transpose(1, 2) for f in (self.query, self.key, self.value))  # (B, H, T, width/H)
        dropout = self.dropout if self.training else 0.0
        bias = self.score_bias(frames)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=dropout)  # (B, H, T, ...)
        return torch.as_tensor(self.out(mixed.transpose(1, 2).reshape(batch, frames, width)))


def embed_poses(values: int, width: int) -> nn.Sequential:
    """(..., values) of a frame -> (..., width) (equation 1)."""
    return nn.Sequential(nn.Linear(values, width), nn.ReLU(), nn.LayerNorm(width))


def feed_forward(width: int, inner: int, dropout: float) -> nn.Sequential:
    """The position-wise feed-forward network (equation 5): (..., width) -> (..., width)."""
    return nn.Sequential(nn.Linear(width, inner), nn.ReLU(), nn.Dropout(dropout), nn.Linear(inner, width))


def positional_encoding(frames: int, width: int) -> Tensor:
    """(frames, width) sines and cosines of the frame's place in the window (equation 2)."""
    place = torch.arange(frames, dtype=torch.float32)[:, None]
    rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float32) * (-math.log(10000.0) / width))
    table = torch.zeros(frames, width)
    table[:, 0::2] = torch.sin(place * rate)
    table[:, 1::2] = torch.cos(place * rate[: width // 2])
    return table


def initialise(network: nn.Module) -> None:
    """Xavier for all matrices, 0 for their biases (the paper, section 4.1)."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
