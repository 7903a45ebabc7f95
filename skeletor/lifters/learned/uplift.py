"""Uplift and Upsample (Einfalt, Ludwig and Lienhart, WACV 2023): sparse 2D poses in, dense 3D poses out.

Three transformers: over the joints of each key frame; over all output frames, where those that are no key frames
start as one learnable upsampling token (equation 3); and a strided one that narrows the sequence down to its centre.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from skeletor.lifters.learned.layers import Attention, DropPath, parameter_count

BLOCK_EPS, SPATIAL_NORM_EPS = 1e-5, 1e-6  # as published


class Block(nn.Module):
    """A pre-norm transformer block. gelu: exact GELU, otherwise ReLU."""

    def __init__(self, width: int, heads: int, mlp_ratio: int, drop_path: float, gelu: bool) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=BLOCK_EPS), nn.LayerNorm(width, eps=BLOCK_EPS)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, width * mlp_ratio),
            nn.GELU() if gelu else nn.ReLU(),
            nn.Linear(width * mlp_ratio, width),
        )
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, hidden: Tensor | None = None) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        x = x + self.drop_path(self.attention(self.norm1(x), hidden))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class StridedBlock(nn.Module):
    """A block whose MLP is a convolution over 3 tokens with a stride (Li et al. 2022), with its own positions.

    tokens: N at its entry. stride, padding: of the convolution; padding: zeros (before, after).
    """

    def __init__(
        self, tokens: int, width: int, heads: int, mlp_ratio: int, stride: int, padding: tuple[int, int]
    ) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.zeros(tokens, width))
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=BLOCK_EPS), nn.LayerNorm(width, eps=BLOCK_EPS)
        self.attention = Attention(width, heads)
        self.widen = nn.Conv1d(width, width * mlp_ratio, 1)
        self.narrow = nn.Conv1d(width * mlp_ratio, width, 3, stride=stride)
        self.stride, self.padding = stride, padding
        self.tokens_out = (tokens + sum(padding) - 3) // stride + 1

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N', C); the residual of an output token is the token in the middle of its 3."""
        x = x + self.position
        x = x + self.attention(self.norm1(x))
        inner = functional.relu(self.widen(self.norm2(x).transpose(1, 2)))  # (B, 2C, N)
        branch = self.narrow(functional.pad(inner, self.padding)).transpose(1, 2)  # (B, N', C)
        before, after = (1 - pad for pad in self.padding)
        return torch.as_tensor(x[:, before : x.shape[1] - after][:, :: self.stride] + branch)


class UpliftUpsample(nn.Module):
    """The network. J joints, N output frames in the receptive field.

    joints: J. tokens: N, the paper's N_out. strides, paddings: of the strided blocks; None: (1, 1) each. They must
    narrow N to 1. joint_width, width: of the tokens of a joint and of a frame. heads, mlp_ratio: of all blocks.
    spatial_blocks, temporal_blocks: how many. output_stride: frames from one token to the next, s_out; whoever makes
    the windows needs it, the network itself does not. drop_path: stochastic depth of the last temporal block, 0 at the
    first. sequence_head: the 3D poses of all frames, which only training (and whole-sequence output) needs.
    """

    def __init__(
        self,
        joints: int,
        tokens: int,
        strides: Sequence[int],
        paddings: Sequence[Sequence[int]] | None = None,
        joint_width: int = 32,
        width: int = 384,
        heads: int = 8,
        spatial_blocks: int = 4,
        temporal_blocks: int = 4,
        mlp_ratio: int = 2,
        drop_path: float = 0.0,
        sequence_head: bool = True,
        output_stride: int = 1,
    ) -> None:
        super().__init__()
        self.joints, self.tokens, self.width, self.output_stride = joints, tokens, width, output_stride
        self.embedding = nn.Linear(2, joint_width)
        self.joint_position = nn.Parameter(torch.zeros(joints, joint_width))
        spatial = [Block(joint_width, heads, mlp_ratio, 0.0, gelu=True) for _ in range(spatial_blocks)]
        self.spatial = nn.ModuleList(spatial)
        self.spatial_norm = nn.LayerNorm(joint_width, eps=SPATIAL_NORM_EPS)
        self.pose_token = nn.Linear(joints * joint_width, width)
        self.upsampling_token = nn.Parameter(torch.zeros(width))
        self.position = nn.Parameter(torch.zeros(tokens, width))
        rates = torch.linspace(0, drop_path, temporal_blocks, device="cpu").tolist()
        self.temporal = nn.ModuleList([Block(width, heads, mlp_ratio, rate, gelu=False) for rate in rates])
        self.sequence_head = nn.Linear(width, joints * 3) if sequence_head else None
        self.strided = nn.ModuleList()
        for stride, padding in zip(strides, paddings or [(1, 1)] * len(strides), strict=True):
            before, after = padding
            self.strided.append(StridedBlock(tokens, width, heads, mlp_ratio, stride, (before, after)))
            tokens = (tokens + before + after - 3) // stride + 1
        if tokens != 1:
            raise ValueError(f"strides and paddings narrow {self.tokens} frames to {tokens}, not to 1")
        self.centre_head = nn.Linear(width, joints * 3)
        for name, part in self.named_parameters():
            if name.endswith(("position", "upsampling_token")):
                nn.init.normal_(part, std=0.02)

    def forward(self, points: Tensor, key_frames: Tensor) -> tuple[Tensor | None, Tensor]:
        """(B, N, J, 2), (B, N) bool -> the sequence (B, N, J, 3), None without its head, and the centre (B, J, 3).

        key_frames: which frames have a 2D pose; what stands in the others is not looked at.
        """
        frames = self.frame_tokens(points, key_frames)  # (B, N, C)
        sequence = None if self.sequence_head is None else self.sequence_head(frames).unflatten(-1, (self.joints, 3))
        z = frames
        for block in self.strided:
            z = block(z)
        return sequence, self.centre_head(z[:, 0]).unflatten(-1, (self.joints, 3))

    def frame_tokens(self, points: Tensor, key_frames: Tensor) -> Tensor:
        """(B, N, C) tokens of all frames after the temporal transformer; arguments as of `forward`."""
        batch = points.shape[0]
        assert points.shape == (batch, self.tokens, self.joints, 2), (points.shape, self.tokens, self.joints)
        assert key_frames.shape == points.shape[:2] and key_frames.dtype == torch.bool, key_frames.shape
        x = self.embedding(points[key_frames]) + self.joint_position  # (K, J, C_joint), K key frames of the batch
        for block in self.spatial:
            x = block(x)
        known = self.pose_token(self.spatial_norm(x).flatten(1))  # (K, C)
        y = self.upsampling_token.to(known.dtype).expand(batch, self.tokens, -1).clone()
        y = y.index_put((key_frames,), known) + self.position  # (B, N, C)
        for number, block in enumerate(self.temporal):
            y = block(y, ~key_frames if number == 0 else None)
        return y

    def parameter_count(self) -> int:
        """Number of trained values."""
        return parameter_count(self)
