"""Uplift and Upsample (Einfalt, Ludwig and Lienhart, WACV 2023): sparse 2D poses in, dense 3D poses out.

Three transformers: over the joints of each key frame; over all output frames, where those that are no key frames
start as one learnable upsampling token (equation 3); and a strided one that narrows the sequence down to its centre.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from skeletor.lifters.learned.clips import Draw
from skeletor.lifters.learned.networks.kind import Frame
from skeletor.lifters.learned.networks.layers import Attention, DropPath, LiftNetwork, mean_where, on_root
from skeletor.lifters.protocols import interpolated
from skeletor.poses.skeleton import Skeleton
from skeletor.support.config import Config

BLOCK_EPS, SPATIAL_NORM_EPS = 1e-5, 1e-6  # as published
WINDOWS = 256  # of a clip that are lifted together


class UpliftConfig(Config):
    """Uplift and Upsample; see `UpliftUpsample`. The defaults are a size for 2 cores.

    tokens: of a window; output_stride: frames from one to the next, those between are interpolated. strides, paddings:
    of the strided blocks, which must narrow the tokens to 1. input_strides: every N-th frame is a key frame,
    drawn anew for each window of the training. sequence_weight, centre_weight: of the two losses.
    """

    kind: Literal["uplift-upsample"] = "uplift-upsample"
    tokens: int = Field(27, ge=3, le=1001)
    output_stride: int = Field(1, ge=1, le=100)
    strides: list[int] = Field([3, 3, 3], min_length=1, max_length=16)
    paddings: list[list[int]] | None = Field(None, max_length=16)
    joint_width: int = Field(16, ge=4, le=512)
    width: int = Field(128, ge=8, le=4096)
    heads: int = Field(4, ge=1, le=64)
    spatial_blocks: int = Field(2, ge=0, le=32)
    temporal_blocks: int = Field(2, ge=1, le=32)
    mlp_ratio: int = Field(2, ge=1, le=8)
    drop_path: float = Field(0.1, ge=0, lt=1)
    input_strides: list[int] = Field([1, 2, 4, 8], min_length=1, max_length=64)
    sequence_weight: float = Field(0.5, ge=0)
    centre_weight: float = Field(0.5, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> UpliftConfig:
        if any(stride < 1 for stride in self.strides):
            raise ValueError("strides must be 1 or more")
        if any(stride < 1 or stride % self.output_stride for stride in self.input_strides):
            raise ValueError("input_strides must be multiples of output_stride")
        if self.joint_width % self.heads or self.width % self.heads:
            raise ValueError("joint_width and width must be multiples of heads")
        if self.paddings is not None and [len(p) for p in self.paddings] != [2] * len(self.strides):
            raise ValueError("paddings must be one pair (before, after) for each of strides")
        if any(not 0 <= pad <= self.tokens for pair in self.paddings or () for pad in pair):
            raise ValueError("paddings must be 0 or more, and no more than tokens")
        return self


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
        return torch.as_tensor(x + self.drop_path(self.mlp(self.norm2(x))))


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


class UpliftUpsample(LiftNetwork):
    """The network. J joints, N output frames in the receptive field.

    joints: J. tokens: N, the paper's N_out. strides, paddings: of the strided blocks; None: (1, 1) each. They must
    narrow N to 1. joint_width, width: of the tokens of a joint and of a frame. heads, mlp_ratio: of all blocks.
    spatial_blocks, temporal_blocks: how many. output_stride: frames from one token to the next, s_out; whoever makes
    the windows needs it, the network itself does not. drop_path: stochastic depth of the last temporal block, 0 at the
    first. sequence_head: the 3D poses of all frames, which only training (and whole-sequence output) needs.
    """

    kind = "uplift-upsample"

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


def uplift_loss(config: UpliftConfig, draw: Draw, runner: nn.Module) -> Tensor:
    """Equations 4 and 5: root-relative, for the whole sequence and its centre. Every sample has its input stride."""
    batch = draw.windows(config.tokens, config.output_stride)
    strides = draw.rng.choice(config.input_strides, draw.size)[:, None]
    shift = draw.rng.integers(strides // config.output_stride) * config.output_stride
    shift += batch.times[:, :1] % config.output_stride  # a key frame is a token
    keys = torch.as_tensor(batch.times % strides == shift, device=draw.device)
    keys |= ~keys.any(1, keepdim=True)  # a stride longer than the window
    sequence, centre = runner(batch.points, keys)
    truth, middle = draw.relative(batch.truth), config.tokens // 2
    off = [(draw.relative(sequence) - truth).norm(dim=-1), (draw.relative(centre) - truth[:, middle]).norm(dim=-1)]
    parts = [mean_where(off[0], batch.known), mean_where(off[1], batch.known[:, middle])]
    return config.sequence_weight * parts[0] + config.centre_weight * parts[1]


def lift_uplift(network: UpliftUpsample, points: Tensor, stride: int, output: str, root: int) -> Tensor:
    """(T, J, 2) -> (T, J, 3), on the root of the input. output: "centre" slides a window over all frames, as published;
    "sequence" takes the middle halves of windows that overlap by half, from the sequence head: many times faster.
    Frames between the tokens (`output_stride`) are interpolated, the tail held.
    """
    step = network.output_stride
    if stride % step:
        raise ValueError(f"a stride of {stride} is no multiple of the {step} frames from one token to the next")
    size = network.tokens
    half = size // 2
    frames = -(-len(points) // step)  # output frames
    if output == "sequence" and network.sequence_head is None:
        raise ValueError("these weights have no sequence head; output must be centre")
    hop = 1 if output == "centre" else max(1, half)
    centres = torch.arange(hop // 2, frames + hop // 2, hop, device=points.device)  # (W,)
    times = centres[:, None] + torch.arange(size, device=points.device) - half  # (W, N)
    rows, keys = times.clamp(0, frames - 1) * step, times * step % stride == 0
    parts: list[Tensor] = []
    for some, key in zip(torch.split(rows, WINDOWS), torch.split(keys, WINDOWS), strict=True):
        sequence, centre = network(points[some], key)
        if output == "centre":
            parts.append(centre)
        else:
            first = half - hop // 2
            parts.append(sequence[:, first : first + hop].flatten(0, 1))
    joints = torch.cat(parts)[:frames]
    if step > 1:
        joints = torch.from_numpy(interpolated(joints.cpu().numpy(), step, len(points))).to(points)
    return on_root(joints, _held(points, stride), root)


def _held(points: Tensor, stride: int) -> Tensor:
    """(T, J, 2) with straight lines between the frames that are looked at: all that may be known of the neck."""
    if stride == 1:
        return points
    frames = len(points)
    time = torch.arange(frames, device=points.device)
    before = time // stride * stride
    after = torch.where(before + stride < frames, before + stride, before)
    share = ((time - before) / stride)[:, None, None]
    return points[before] * (1 - share) + points[after] * share


class UpliftFrame(Frame):
    """sequence_head: see `UpliftUpsample`."""

    sequence_head: bool = True


class UpliftLifter:
    """Uplift and Upsample; see `skeletor.lifters.learned.networks.kind.LifterKind`."""

    name = UpliftUpsample.kind
    config = UpliftConfig
    frame: type[Frame] = UpliftFrame

    def arguments(self, config: UpliftConfig, skeleton: Skeleton) -> dict[str, Any]:
        """The network's options, and J."""
        shape = config.model_dump(mode="json", exclude={"kind", "input_strides", "sequence_weight", "centre_weight"})
        return {**shape, "kind": self.name, "joints": len(skeleton)}

    def options(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The strides that it was trained with are no arguments, and must fit the output's."""
        fitting = {"input_strides": [arguments["output_stride"]]} if "output_stride" in arguments else {}
        return {**arguments, **fitting}

    def build(self, arguments: Mapping[str, Any]) -> UpliftUpsample:
        """With fresh weights."""
        return UpliftUpsample(**arguments)

    def loss(self, network: UpliftUpsample, config: UpliftConfig, draw: Draw, runner: nn.Module) -> Tensor:
        """See `uplift_loss`."""
        return uplift_loss(config, draw, runner)

    def lift(
        self, network: UpliftUpsample, points: Tensor, confidence: Tensor, stride: int, output: str, root: int
    ) -> Tensor:
        """See `lift_uplift`; the confidences have no part in it."""
        return lift_uplift(network, points, stride, output, root)
