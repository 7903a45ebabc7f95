"""A small lifter with the habits of MotionBERT and MotionAGFormer: a token per joint throughout, confidence as third
input, every frame supervised. Joints look at each other by attention, frames at each other by convolution over time,
so that a clip of any length is lifted at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from skeletor.lifters.learned.clips import ClipSet, Draw
from skeletor.lifters.learned.networks.kind import Frame
from skeletor.lifters.learned.networks.layers import Attention, LiftNetwork, mean_where
from skeletor.poses.hands import carriers
from skeletor.poses.skeleton import Skeleton
from skeletor.support.config import Config

FEATURES = 6  # of a joint: place in the picture, place as its carrier sees it, confidence, seen or not
SAMPLE = 20_000  # frames from which `rest` and `scale` are taken
PIECE = 512  # frames of a long clip that are lifted at once


class JointTokenConfig(Config):
    """The lifter with a token per joint; see `JointToken`. window: frames of a training window."""

    kind: Literal["joint-token"] = "joint-token"
    width: int = Field(64, ge=8, le=1024)
    heads: int = Field(4, ge=1, le=64)
    blocks: int = Field(3, ge=1, le=64)
    taps: int = Field(9, ge=1, le=63)
    mlp_ratio: int = Field(2, ge=1, le=8)
    linear_taps: int = Field(9, ge=1, le=63)
    window: int = Field(32, ge=2, le=1024)
    velocity_weight: float = Field(1.0, ge=0)
    scale_weight: float = Field(0.5, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> JointTokenConfig:
        if self.width % self.heads:
            raise ValueError("width must be a multiple of heads")
        if self.taps % 2 == 0:
            raise ValueError("taps must be odd")
        return self


class Block(nn.Module):
    """Along time, across joints, and each token by itself; pre-norm residual branches."""

    def __init__(self, width: int, heads: int, taps: int, mlp_ratio: int) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.along = nn.Conv2d(width, width, (taps, 1), padding=(taps // 2, 0), groups=width)
        self.mix = nn.Linear(width, width)
        self.across = Attention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, width * mlp_ratio), nn.ReLU(), nn.Linear(width * mlp_ratio, width))

    def forward(self, x: Tensor, hidden: Tensor | None) -> Tensor:
        """(B, T, J, C) -> (B, T, J, C). hidden: (B * T, J) bool, joints that no other may look at."""
        # The permutation is the memory format "channels last" of (B, C, T, J): nothing is copied.
        moved = self.along(self.norm1(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)  # (B, T, J, C)
        x = x + self.mix(functional.relu(moved))
        x = x + self.across(self.norm2(x).flatten(0, 1), hidden).view_as(x)
        return torch.as_tensor(x + self.mlp(self.norm3(x)))


class JointToken(LiftNetwork):
    """The network.

    joints: J. carriers: for each joint the joint that it is seen from (hands from their wrists; itself: from the
    origin). width, heads, blocks, mlp_ratio: of the tokens' blocks. taps: frames of a block's convolution.
    linear_taps: frames of a linear path from all joints to all joints past the blocks: what ridge regression can do.

    `rest` and `scale` (J, 3), set by the training: mean and spread of what is to be added to the input's x and y and
    to depth 0, seen from the carriers. The blocks' and the linear path's outputs start at 0, hence at `rest`.
    """

    kind = "joint-token"
    rest: Tensor
    scale: Tensor
    carrier: Tensor
    carried: Tensor

    def __init__(
        self,
        joints: int,
        carriers: Sequence[int],
        width: int = 64,
        heads: int = 4,
        blocks: int = 4,
        taps: int = 9,
        mlp_ratio: int = 2,
        linear_taps: int = 9,
    ) -> None:
        super().__init__()
        assert len(carriers) == joints, (len(carriers), joints)
        self.joints, self.taps = joints, taps
        self.embedding = nn.Linear(FEATURES, width)
        self.joint = nn.Parameter(torch.randn(joints, width) * 0.02)
        self.unseen = nn.Parameter(torch.zeros(width))
        self.blocks = nn.ModuleList(Block(width, heads, taps, mlp_ratio) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 3)
        self.linear = nn.Conv1d(joints * 3, joints * 3, linear_taps)
        for last in (self.out, self.linear):
            nn.init.zeros_(last.weight)
            assert last.bias is not None
            nn.init.zeros_(last.bias)
        carrier = torch.tensor(list(carriers))
        self.register_buffer("rest", torch.zeros(joints, 3))
        self.register_buffer("scale", torch.ones(joints, 3))
        self.register_buffer("carrier", carrier, persistent=False)
        self.register_buffer("carried", (carrier != torch.arange(joints)).float()[:, None], persistent=False)

    def forward(self, points: Tensor, confidence: Tensor) -> Tensor:
        """(B, T, J, 2) without gaps, (B, T, J), 0 = not seen -> (B, T, J, 3), in the units of `points`."""
        assert points.shape[2:] == (self.joints, 2), (points.shape, self.joints)
        assert confidence.shape == points.shape[:3], confidence.shape
        local = self.seen_from_carrier(points)  # (B, T, J, 2)
        seen = (confidence > 0).to(points.dtype)
        features = torch.cat([points, local / self.scale[:, 2:], confidence[..., None], seen[..., None]], -1)
        x = self.embedding(features) + self.joint + (1 - seen[..., None]) * self.unseen  # (B, T, J, C)
        hidden = (seen == 0).flatten(0, 1)
        for number, block in enumerate(self.blocks):
            x = block(x, hidden if number == 0 else None)  # what was not seen tells nothing at first
        change = self.out(self.norm(x)) + self._linear(local, confidence)  # (B, T, J, 3)
        result = functional.pad(local, (0, 1)) + self.rest + self.scale * change
        return torch.as_tensor(result + result.index_select(2, self.carrier) * self.carried)

    def _linear(self, local: Tensor, confidence: Tensor) -> Tensor:
        """(B, T, J, 3) from all joints in a few frames; the first and the last frame stand for those outside."""
        x = torch.cat([local / self.scale[:, 2:], confidence[..., None]], -1).flatten(2).transpose(1, 2)  # (B, 3J, T)
        taps = self.linear.kernel_size[0]
        x = functional.pad(x, ((taps - 1) // 2, taps // 2), mode="replicate")
        return torch.as_tensor(self.linear(x).transpose(1, 2).unflatten(2, (self.joints, 3)))

    def seen_from_carrier(self, points: Tensor) -> Tensor:
        """(..., J, D) relative to each joint's carrier; a joint without one stays as it is."""
        return points - points.index_select(-2, self.carrier) * self.carried

    @property
    def reach(self) -> int:
        """Frames to each side that a frame's result depends on."""
        return max(len(self.blocks) * (self.taps // 2), self.linear.kernel_size[0] // 2)

    @torch.no_grad()
    def fit(self, clips: ClipSet) -> None:
        """Set `rest` and `scale` from the clips: what the network has to add, its mean and spread."""
        rows = np.linspace(0, len(clips.points) - 1, min(SAMPLE, len(clips.points))).astype(int)
        points, _, truth, _ = clips.take(rows)
        wanted = self.seen_from_carrier(truth)  # (F, J, 3)
        wanted[..., :2] -= self.seen_from_carrier(points)
        self.rest.copy_(wanted.mean(0))
        self.scale.copy_(wanted.std(0).clamp(min=0.02))


def joint_token_loss(
    predicted: Tensor, truth: Tensor, known: Tensor, velocity_weight: float, scale_weight: float
) -> Tensor:
    """MPJPE of every frame, of the velocities, and of poses brought to the truth's size (MotionBERT, section 3.3).

    predicted, truth: (B, T, J, 3); known: (B, T, J) bool, joints whose truth is known.
    """
    assert predicted.shape == truth.shape and known.shape == truth.shape[:3], (predicted.shape, truth.shape)
    wanted = known.to(predicted.dtype)
    loss = mean_where((predicted - truth).norm(dim=-1), wanted)
    if velocity_weight:
        both = wanted[:, 1:] * wanted[:, :-1]
        loss = loss + velocity_weight * mean_where((predicted - truth).diff(dim=1).norm(dim=-1), both)
    if scale_weight:
        weight = wanted[..., None]
        size = (predicted * truth * weight).sum((2, 3)) / (predicted.square() * weight).sum((2, 3)).clamp(min=1e-6)
        loss = loss + scale_weight * mean_where((predicted * size[..., None, None] - truth).norm(dim=-1), wanted)
    return loss


class JointTokenFrame(Frame):
    """carriers: see `JointToken`."""

    carriers: list[int] = Field([])

    def joint_numbers(self) -> list[int]:
        """The carriers."""
        return self.carriers


class JointTokenLifter:
    """The lifter with a token per joint; see `skeletor.lifters.learned.networks.kind.LifterKind`."""

    name = JointToken.kind
    config = JointTokenConfig
    frame: type[Frame] = JointTokenFrame

    def arguments(self, config: JointTokenConfig, skeleton: Skeleton) -> dict[str, Any]:
        """The network's options, J, and what each joint is seen from."""
        shape = config.model_dump(mode="json", exclude={"kind", "window", "velocity_weight", "scale_weight"})
        return {**shape, "kind": self.name, "joints": len(skeleton), "carriers": carriers(skeleton)}

    def options(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """They are the arguments."""
        return dict(arguments)

    def build(self, arguments: Mapping[str, Any]) -> JointToken:
        """With fresh weights."""
        return JointToken(**arguments)

    def loss(self, network: JointToken, config: JointTokenConfig, draw: Draw, runner: nn.Module) -> Tensor:
        """Of every frame of random windows; see `joint_token_loss`."""
        batch = draw.windows(config.window)
        predicted = runner(batch.points, batch.confidence)
        return joint_token_loss(predicted, batch.truth, batch.known, config.velocity_weight, config.scale_weight)

    def lift(
        self, network: JointToken, points: Tensor, confidence: Tensor, stride: int, output: str, root: int
    ) -> Tensor:
        """(T, J, 3), in pieces that overlap by all that a frame can see: the memory is bounded, the result the same."""
        reach = network.reach
        parts = []
        for start in range(0, len(points), PIECE):
            part = slice(max(0, start - reach), start + PIECE + reach)
            inside = start - part.start
            parts.append(network(points[None, part], confidence[None, part])[0, inside : inside + PIECE])
        return torch.cat(parts)
