"""A temporal MLP in the manner of SmoothNet (Zeng et al., ECCV 2022): the learned baseline without attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from skeletor.poses.hands import carriers
from skeletor.poses.skeleton import Skeleton
from skeletor.refiners.networks.kind import Frame, RefinerKind, are_joints
from skeletor.refiners.networks.layers import RefinerNetwork
from skeletor.support.config import Config


class TemporalMLPConfig(Config):
    """The rival's options; see `TemporalMLP`. The size is SmoothNet's.

    The network has all that Skeletor has: confidences, hands seen from their wrists (`local`), a residual over the
    input; no dropout. As published all three are off and dropout is 0.5.
    """

    kind: Literal["temporal_mlp"] = "temporal_mlp"
    d_model: int = Field(default=512, ge=8, le=4096)
    d_ff: int = Field(default=256, ge=8, le=16384)
    layers: int = Field(default=3, ge=1, le=64)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    confidence_input: bool = True
    residual: bool = True
    local: bool = True

    @property
    def adds_to_input(self) -> bool:
        """Whether gaps must be filled with positions: zeros would be added to."""
        return self.residual


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


@dataclass(frozen=True)
class BlockSize:
    """width: between the blocks. inner: within one. count: of the blocks. dropout: in them."""

    width: int
    inner: int
    count: int
    dropout: float


class TemporalMLP(RefinerNetwork):
    """Refines a window of skeletons; every coordinate of every joint by itself, all with the same weights.

    joints, dims, window: see `RefinerNetwork`; an input shorter than the window is padded by repeating its first and
    last frames. size: of the blocks between a first layer from `window` frames to their width and a last one back.
    confidence_input: the joint's confidences over the window enter beside the coordinate (SmoothNet: no).
    residual: the output is added to the input (SmoothNet: no); the last layer then starts at 0.
    carriers: the joint that each joint is seen from (a hand's wrist) or itself; coordinates are then divided by
    `scale`, too. None: as they are (SmoothNet).
    """

    carrier: Tensor
    carried: Tensor

    def __init__(
        self,
        joints: int,
        dims: int,
        window: int,
        size: BlockSize,
        confidence_input: bool,
        residual: bool,
        carriers: Sequence[int] | None = None,
    ) -> None:
        super().__init__(joints, dims, window)
        self.confidence_input, self.residual, self.local = confidence_input, residual, carriers is not None
        self.first = nn.Linear(window * (1 + confidence_input), size.width)
        self.blocks = nn.Sequential(*[Block(size.width, size.inner, size.dropout) for _ in range(size.count)])
        self.out = nn.Linear(size.width, window)
        carrier = torch.tensor(list(range(joints)) if carriers is None else list(carriers))
        self.register_buffer("carrier", carrier, persistent=False)
        self.register_buffer("carried", (carrier != torch.arange(joints)).float()[:, None], persistent=False)
        if residual:
            nn.init.zeros_(self.out.weight)
            nn.init.zeros_(self.out.bias)

    def forward(self, points: Tensor, confidence: Tensor) -> Tensor:
        """(B, T, J, D) without gaps and (B, T, J) -> (B, T, J, D) refined; T at most `window`."""
        self.check_shapes(points, confidence)
        frames = points.shape[1]
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
        return torch.as_tensor(result)

    def seen_from_carrier(self, points: Tensor) -> Tensor:
        """(..., J, D) relative to each joint's carrier; a joint without one stays as it is."""
        return points - points.index_select(-2, self.carrier) * self.carried


class _Frame(Frame):
    """carriers: None unless the options say `local`."""

    carriers: list[int] | None = None

    @model_validator(mode="after")
    def _one_for_each(self) -> _Frame:
        if self.carriers is not None and not are_joints(self.carriers, self.joints):
            raise ValueError(f"its carriers are not one joint for each of {self.joints}")
        return self


def _arguments(config: TemporalMLPConfig, skeleton: Skeleton, dims: int, window: int) -> dict[str, Any]:
    seen_from = carriers(skeleton) if config.local else None
    frame = {"joints": len(skeleton), "dims": dims, "window": window, "carriers": seen_from}
    return {**frame, **config.model_dump(exclude={"local"})}


def _build(arguments: Mapping[str, Any]) -> TemporalMLP:
    sizes = ("d_model", "d_ff", "layers", "dropout")
    rest = {name: value for name, value in arguments.items() if name not in ("kind", *sizes)}
    return TemporalMLP(size=BlockSize(*(arguments[name] for name in sizes)), **rest)


TEMPORAL_MLP = RefinerKind("temporal_mlp", "temporal-mlp", TemporalMLPConfig, _Frame, _arguments, _build)
