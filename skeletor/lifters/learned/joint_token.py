"""A small lifter with the habits of MotionBERT and MotionAGFormer: a token per joint throughout, confidence as third
input, every frame supervised. Joints look at each other by attention, frames at each other by convolution over time,
so that a clip of any length is lifted at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from skeletor.lifters.learned.layers import Attention, parameter_count

FEATURES = 6  # of a joint: place in the picture, place as its carrier sees it, confidence, seen or not


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
        return x + self.mlp(self.norm3(x))


class JointToken(nn.Module):
    """The network.

    joints: J. carriers: for each joint the joint that it is seen from (hands from their wrists; itself: from the
    origin). width, heads, blocks, mlp_ratio: of the tokens' blocks. taps: frames of a block's convolution.
    linear_taps: frames of a linear path from all joints to all joints past the blocks: what ridge regression can do.

    `rest` and `scale` (J, 3), set by the training: mean and spread of what is to be added to the input's x and y and
    to depth 0, seen from the carriers. The blocks' and the linear path's outputs start at 0, hence at `rest`.
    """

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
        change = self.out(self.norm(x)) + self._linear(points, local, confidence)  # (B, T, J, 3)
        result = functional.pad(local, (0, 1)) + self.rest + self.scale * change
        return result + result.index_select(2, self.carrier) * self.carried

    def _linear(self, points: Tensor, local: Tensor, confidence: Tensor) -> Tensor:
        """(B, T, J, 3) from all joints in a few frames; the first and the last frame stand for those outside."""
        x = torch.cat([local / self.scale[:, 2:], confidence[..., None]], -1).flatten(2).transpose(1, 2)  # (B, 3J, T)
        taps = self.linear.kernel_size[0]
        x = functional.pad(x, ((taps - 1) // 2, taps // 2), mode="replicate")
        return self.linear(x).transpose(1, 2).unflatten(2, (self.joints, 3))

    def seen_from_carrier(self, points: Tensor) -> Tensor:
        """(..., J, D) relative to each joint's carrier; a joint without one stays as it is."""
        return points - points.index_select(-2, self.carrier) * self.carried

    @property
    def reach(self) -> int:
        """Frames to each side that a frame's result depends on."""
        return max(len(self.blocks) * (self.taps // 2), self.linear.kernel_size[0] // 2)

    def parameter_count(self) -> int:
        """Number of trained values."""
        return parameter_count(self)


def joint_token_loss(
    predicted: Tensor, truth: Tensor, known: Tensor, velocity_weight: float, scale_weight: float
) -> Tensor:
    """MPJPE of every frame, of the velocities, and of poses brought to the truth's size (MotionBERT, section 3.3).

    predicted, truth: (B, T, J, 3); known: (B, T, J) bool, joints whose truth is known.
    """
    assert predicted.shape == truth.shape and known.shape == truth.shape[:3], (predicted.shape, truth.shape)
    wanted = known.to(predicted.dtype)
    loss = _mean((predicted - truth).norm(dim=-1), wanted)
    if velocity_weight:
        both = wanted[:, 1:] * wanted[:, :-1]
        loss = loss + velocity_weight * _mean((predicted - truth).diff(dim=1).norm(dim=-1), both)
    if scale_weight:
        weight = wanted[..., None]
        size = (predicted * truth * weight).sum((2, 3)) / (predicted.square() * weight).sum((2, 3)).clamp(min=1e-6)
        loss = loss + scale_weight * _mean((predicted * size[..., None, None] - truth).norm(dim=-1), wanted)
    return loss


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1)
