"""What more than one learned lifter is made of."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from skeletor.lifters.learned.clips import ClipSet


class Attention(nn.Module):
    """Multi-head self-attention with separate projections (Vaswani et al. 2017)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        assert width % heads == 0, (width, heads)
        self.heads = heads
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor, hidden: Tensor | None = None) -> Tensor:
        """(B, N, C) -> (B, N, C). hidden: (B, N) bool, True for tokens that nobody may look at."""
        batch, tokens, width = x.shape
        shape = (batch, tokens, self.heads, width // self.heads)
        q, k, v = (part(x).view(shape).transpose(1, 2) for part in (self.query, self.key, self.value))  # (B, H, N, C/H)
        mask = None
        if hidden is not None:
            assert hidden.shape == (batch, tokens), hidden.shape
            # -1e9, not -inf: where all are hidden, all are seen alike, as in the published network.
            mask = hidden[:, None, None].to(q.dtype) * -1e9  # (B, 1, 1, N)
        seen = functional.scaled_dot_product_attention(q, k, v, mask)
        return torch.as_tensor(self.out(seen.transpose(1, 2).reshape(batch, tokens, width)))


class DropPath(nn.Module):
    """Stochastic depth (Huang et al. 2016): in training a sample skips the branch with probability `rate`."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """(B, ...) -> (B, ...); the mean stays."""
        if not self.training or self.rate == 0:
            return x
        kept = torch.rand(x.shape[0], device=x.device) >= self.rate  # (B,)
        return x * (kept / (1 - self.rate)).view(-1, *[1] * (x.ndim - 1))


class LiftNetwork(nn.Module):
    """A network that lifts. output_stride: frames from one frame of its output to the next."""

    kind: ClassVar[str]  # as configs and the headers of weights call it
    output_stride: int = 1

    def fit(self, clips: ClipSet) -> None:
        """Set what the network knows of its training clips beside its weights: nothing, unless it says otherwise."""

    def parameter_count(self) -> int:
        """Number of trained values."""
        return parameter_count(self)


def parameter_count(network: nn.Module) -> int:
    """Number of trained values."""
    return sum(p.numel() for p in network.parameters())


def mean_where(values: Tensor, weight: Tensor) -> Tensor:
    """The mean of the values with a weight, 0 if there is none. weight: of the same shape, bool or 0 and 1."""
    return (values * weight).sum() / weight.sum().clamp(min=1)


def on_root(joints: Tensor, points: Tensor, root: int) -> Tensor:
    """(T, J, 3) moved so that the root lies where (T, J, 2) has it, at depth 0."""
    place = functional.pad(points[:, root : root + 1], (0, 1))  # (T, 1, 3)
    return joints - joints[:, root : root + 1] + place
