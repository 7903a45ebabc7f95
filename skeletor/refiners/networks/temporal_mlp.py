"""A temporal MLP in the manner of SmoothNet (Zeng et al., ECCV 2022): the learned baseline without attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """Two linear layers with dropout and leaky ReLUs, and a residual connection."""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(width, inner), nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> (..., width)."""
        hidden = functional.leaky_relu(self.dropout(self.inner(x)), 0.2)
        return x + functional.leaky_relu(self.dropout(self.outer(hidden)), 0.2)


class TemporalMLP(nn.Module):
    """Refines a window of skeletons; every coordinate of every joint by itself, all with the same weights.

    joints, dims: J and D. window: frames; a shorter input is padded by repeating its first and last frames.
    d_model, d_ff, layers, dropout: width, inner width and number of the blocks between a first layer from
    `window` frames to d_model and a last one back. SmoothNet is 512, 256, 3, 0.5.
    confidence_input: the joint's confidences over the window enter beside the coordinate (SmoothNet: no).
    residual: the output is added to the input (SmoothNet: no); the last layer then starts at 0.
    carriers: as of `skeletor.refiners.networks.skeletor.Skeletor`: the joint that each joint is seen from, and
    coordinates are divided by `scale`; None: as they are (SmoothNet).

    `rest` and `scale` (J, D) are set by the training, as of `Skeletor`.
    """

    rest: Tensor
    scale: Tensor
    carrier: Tensor
    carried: Tensor

    def __init__(
        self,
        joints: int,
        dims: int,
        window: int,
        d_model: int,
        d_ff: int,
        layers: int,
        dropout: float,
        confidence_input: bool,
        residual: bool,
        carriers: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.joints, self.dims, self.window = joints, dims, window
        self.confidence_input, self.residual, self.local = confidence_input, residual, carriers is not None
        self.first = nn.Linear(window * (1 + confidence_input), d_model)
        self.blocks = nn.Sequential(*[Block(d_model, d_ff, dropout) for _ in range(layers)])
        self.out = nn.Linear(d_model, window)
        carrier = torch.tensor(list(range(joints)) if carriers is None else list(carriers))
        self.register_buffer("rest", torch.zeros(joints, dims))
        self.register_buffer("scale", torch.ones(joints, dims))
        self.register_buffer("carrier", carrier, persistent=False)
        self.register_buffer("carried", (carrier != torch.arange(joints)).float()[:, None], persistent=False)
        if residual:
            nn.init.zeros_(self.out.weight)
            nn.init.zeros_(self.out.bias)

    def forward(self, points: Tensor, confidence: Tensor) -> Tensor:
        """(B, T, J, D) without gaps and (B, T, J) -> (B, T, J, D) refined; T at most `window`."""
        frames = points.shape[1]
        assert points.shape[2:] == (self.joints, self.dims), (points.shape, self.joints, self.dims)
        assert confidence.shape == points.shape[:3] and frames <= self.window, (confidence.shape, self.window)
        before = (self.window - frames) // 2
        if frames < self.window:
            index = (torch.arange(self.window, device=points.device) - before).clamp(0, frames - 1)
            points, confidence = points.index_select(1, index), confidence.index_select(1, index)
        if self.local:
            points = (self.seen_from_carrier(points) - self.seen_from_carrier(self.rest)) / self.scale
        tracks = points.permute(0, 2, 3, 1)  # (B, J, D, window)
        x = tracks
        if self.confidence_input:
            x = torch.cat([x, confidence.permute(0, 2, 1)[:, :, None].expand(-1, -1, self.dims, -1)], dim=-1)
        x = self.out(self.blocks(functional.leaky_relu(self.first(x), 0.1)))
        result = (x + tracks if self.residual else x).permute(0, 3, 1, 2)[:, before : before + frames]
        if self.local:
            result = result * self.scale + self.seen_from_carrier(self.rest)
            result = result + result.index_select(2, self.carrier) * self.carried
        return result

    def seen_from_carrier(self, points: Tensor) -> Tensor:
        """(..., J, D) relative to each joint's carrier; a joint without one stays as it is."""
        return points - points.index_select(-2, self.carrier) * self.carried

    def parameter_count(self) -> int:
        """Number of trained values."""
        return sum(p.numel() for p in self.parameters())
