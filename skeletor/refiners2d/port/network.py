"""PORT: a transformer over the joints of one pose (Chi, Chi, Chan, Ramani 2023, section III, equations 4-11).

The paper's half million parameters fit one reading alone: heads that are each as wide as the embedding (64), and
separate weights for each power of the adjacency matrix. It then has 528,914 (with the literal reading 135,570).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


def adjacency_powers(joints: int, bones: Sequence[tuple[int, int]], powers: Sequence[int]) -> Tensor:
    """(K, N, N): the symmetrically normalised adjacency matrix with self-loops, to each power.

    Power 0 is the identity.
    """
    links = torch.eye(joints, dtype=torch.float64)
    for a, b in bones:
        links[a, b] = links[b, a] = 1
    degree = links.sum(0).rsqrt()
    normalised = degree[:, None] * links * degree
    return torch.stack([torch.linalg.matrix_power(normalised, k) for k in powers]).float()


class GraphConvolution(nn.Module):
    """Multi-scale graph convolution (equation 4): the mean over powers k of A^k X W_k."""

    def __init__(self, inputs: int, outputs: int, powers: Tensor) -> None:
        super().__init__()
        self.register_buffer("powers", powers / len(powers), persistent=False)  # (K, N, N), for the mean
        weight = torch.empty(len(powers), inputs, outputs)
        for part in weight:
            nn.init.xavier_uniform_(part)
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, inputs) -> (B, N, outputs)."""
        powers: Tensor = self.powers  # type: ignore[assignment]
        count, joints, _ = powers.shape
        spread = (powers.reshape(count * joints, joints) @ x).view(-1, count, joints, x.shape[2])  # (B, K, N, inputs)
        wide = spread.transpose(1, 2).flatten(2)  # (B, N, K inputs)
        return wide @ self.weight.flatten(0, 1)


class Layer(nn.Module):
    """Attention with graph-convolved queries, keys and values, then two linear layers (equations 6-9)."""

    def __init__(self, width: int, inner: int, heads: int, powers: Tensor, dropout: float) -> None:
        super().__init__()
        self.heads, self.width = heads, width
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.project = GraphConvolution(width, 3 * heads * width, powers)
        self.out = nn.Linear(heads * width, width)
        self.mlp = nn.Sequential(nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, z: Tensor) -> Tensor:
        """(B, N, D) -> (B, N, D)."""
        batch, joints, _ = z.shape
        both = self.project(self.norms[0](z)).view(batch, joints, 3, self.heads, self.width)
        q, k, v = both.permute(2, 0, 3, 1, 4)  # each (B, H, N, D)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        z = z + self.dropout(self.out(mixed.transpose(1, 2).reshape(batch, joints, -1)))
        out: Tensor = z + self.dropout(self.mlp(self.norms[1](z)))
        return out


class Port(nn.Module):
    """Reconstructs masked joints of a pose from the visible ones.

    joints, bones: the graph. powers: of the adjacency matrix, the paper's K; (0,) is a plain linear projection.
    width, inner, heads, layers, reduction: the paper's D, H and L, and what it leaves open (MLP and SE widths).
    extras: further inputs of each joint beside its two coordinates (as published: none).
    identity: a learned embedding of each joint is added. Without it the network cannot tell fingers apart: the
    graph of a hand is the same under any order of its fingers.
    zeroed: the inputs of masked joints are 0. Without it they leak to their neighbours through the graph
    convolution, before the mask embedding replaces their own rows.
    silent: the untrained network gives 0, for a network whose output is a correction.
    """

    def __init__(
        self,
        joints: int,
        bones: Sequence[tuple[int, int]],
        powers: Sequence[int] = (1, 2),
        width: int = 64,
        inner: int = 128,
        heads: int = 4,
        layers: int = 4,
        reduction: int = 4,
        extras: int = 0,
        identity: bool = False,
        zeroed: bool = False,
        dropout: float = 0.0,
        silent: bool = False,
    ) -> None:
        super().__init__()
        if not powers or len(set(powers)) < len(powers) or min(powers) < 0:
            raise ValueError(f"powers {tuple(powers)} must be different numbers from 0 on")
        graph = adjacency_powers(joints, bones, powers)
        self.joints, self.extras, self.zeroed = joints, extras, zeroed
        self.embedding = GraphConvolution(2 + extras, width, graph)  # equation 5
        self.mask = nn.Parameter(torch.randn(width) * 0.02)
        self.identity = nn.Parameter(torch.randn(joints, width) * 0.02) if identity else None
        self.layers = nn.ModuleList([Layer(width, inner, heads, graph, dropout) for _ in range(layers)])
        self.excite = nn.Sequential(  # equation 10
            nn.Linear(width, width // reduction), nn.ReLU(), nn.Linear(width // reduction, width), nn.Sigmoid()
        )
        self.out = nn.Linear(width, 2)
        if silent:
            nn.init.zeros_(self.out.weight)
            nn.init.zeros_(self.out.bias)

    def forward(self, points: Tensor, masked: Tensor, extras: Tensor | None = None) -> Tensor:
        """points (B, N, 2), masked (B, N) bool, extras (B, N, E) or None -> points (B, N, 2)."""
        assert points.ndim == 3 and points.shape[1:] == (self.joints, 2), points.shape
        assert masked.shape == points.shape[:2] and (extras is None) == (self.extras == 0), masked.shape
        x = points if extras is None else torch.cat([points, extras], 2)  # (B, N, 2 + E)
        if self.zeroed:
            x = x.masked_fill(masked[..., None], 0)
        z = torch.where(masked[..., None], self.mask, self.embedding(x))  # (B, N, D)
        if self.identity is not None:
            z = z + self.identity
        for layer in self.layers:
            z = layer(z)
        offsets: Tensor = self.out(self.excite(z.mean(1, keepdim=True)) * z)  # equation 11: (B, N, 2)
        return offsets
