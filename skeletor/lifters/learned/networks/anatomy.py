"""Anatomy-aware lifting (Chen, Fang, Shen et al., arXiv 2002.10322): directions of bones, lengths of bones, joints.

The direction network sees consecutive frames (two temporal convolutional sub-networks, the second of which reads the
first); the length network sees single frames from anywhere in the clip, since a person's bones do not change. What is
not in the paper is as the published code has it: the element-wise product in the head, unit directions, the weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from skeletor.lifters.learned.clips import Draw
from skeletor.lifters.learned.networks.kind import Frame
from skeletor.lifters.learned.networks.layers import LiftNetwork, on_root
from skeletor.poses.skeleton import Skeleton
from skeletor.support.config import Config

SHARPNESS = 10.0  # gamma of equation 6
TINY = 1e-9


class AnatomyConfig(Config):
    """Anatomy-aware lifting; see `Anatomy`. The defaults are a size for 2 cores.

    blocks: the window is 3 ** (blocks + 1) frames. frames: how many frames of the clip tell of the bones' lengths.
    augment: bones of a second batch of frames are changed by up to that share of their mean length; 0 for none.
    """

    kind: Literal["anatomy"] = "anatomy"
    channels: int = Field(256, ge=8, le=4096)
    blocks: int = Field(2, ge=1, le=5)
    dropout: float = Field(0.1, ge=0, lt=1)
    causal: bool = False
    frames: int = Field(50, ge=1, le=1000)
    augment: float = Field(0.3, ge=0, lt=1)


class AnatomyOutput(NamedTuple):
    """What the network gives in training. J joints, J - 1 bones, P pairs of joints.

    joints (B, J, 3); lengths (B, J-1); per_frame (B, L, J, 3): joints of the single frames. directions, shifts: of both
    sub-networks, the first one first: (B, J-1, 3) unit vectors along the bones, (B, P, 3) joint shifts.
    """

    joints: Tensor
    lengths: Tensor
    per_frame: Tensor
    directions: tuple[Tensor, Tensor]
    shifts: tuple[Tensor, Tensor]


class Layer(nn.Sequential):
    """Convolution or linear layer, batch norm, ReLU, dropout."""

    def __init__(self, inner: nn.Module, channels: int, dropout: float) -> None:
        super().__init__(inner, nn.BatchNorm1d(channels), nn.ReLU(), nn.Dropout(dropout))


def _convolution(inputs: int, channels: int, taps: int, dropout: float) -> Layer:
    """Taps that do not overlap: a window of frames shrinks by the factor `taps`."""
    return Layer(nn.Conv1d(inputs, channels, taps, stride=taps, bias=False), channels, dropout)


class Step(nn.Module):
    """A residual block that makes a third of the frames: (B, inputs, 3 T), (B, C, 3 T) -> (B, C, T)."""

    def __init__(self, inputs: int, channels: int, dropout: float, taken: int) -> None:
        super().__init__()
        self.taken = taken
        self.wide, self.narrow = (
            _convolution(inputs, channels, 3, dropout),
            _convolution(channels, channels, 1, dropout),
        )

    def forward(self, x: Tensor, straight: Tensor) -> Tensor:
        """straight: what goes past the convolutions, at the present frame's tap."""
        return torch.as_tensor(straight[:, :, self.taken :: 3] + self.narrow(self.wide(x)))


class DirectionNetwork(nn.Module):
    """Unit vectors of all bones of one frame, from `receptive_field` = 3 ** (blocks + 1) frames."""

    def __init__(self, joints: int, channels: int, blocks: int, dropout: float, causal: bool, both_heads: bool) -> None:
        super().__init__()
        self.taken = 2 if causal else 1  # which of 3 taps is the present frame
        self.points = _convolution(2 * joints, channels, 3, dropout)
        self.visibility = _convolution(joints, channels, 3, dropout)
        self.first = nn.ModuleList(
            Step(channels * (1 + (k == 0)), channels, dropout, self.taken) for k in range(blocks)
        )
        self.second = nn.ModuleList(Step(channels * 2, channels, dropout, self.taken) for _ in range(blocks))
        heads = [nn.Conv1d(channels, 3 * (joints - 1), 1) for _ in range(1 + both_heads)]
        self.heads = nn.ModuleList(heads)  # of the second sub-network, and of the first one in training

    def forward(self, window: Tensor) -> list[Tensor]:
        """(B, R, J, 3 = x, y, visibility) -> (B, J-1, 3) of the second sub-network; then of the first, if asked for."""
        points = self.points(window[..., :2].flatten(2).transpose(1, 2))  # (B, C, R/3)
        visibility = self.visibility(window[..., 2].transpose(1, 2)) * points  # implicit attention, section 3.5
        x = self.first[0](torch.cat([points, visibility], 1), points)
        steps = [x.detach()]  # the sub-networks learn independently
        for step in self.first[1:]:
            x = step(x, x)
            steps.append(x.detach())
        features = [x]
        x = steps[-1].expand(-1, -1, points.shape[2])
        for step, other in zip(self.second, [points, *steps], strict=False):
            x = step(torch.cat([x, other], 1), x)
        features.insert(0, x)
        bones = [
            head(feature)[..., 0].unflatten(1, (-1, 3)) for head, feature in zip(self.heads, features, strict=False)
        ]
        return [functional.normalize(bone, dim=-1, eps=TINY) for bone in bones]


class LengthNetwork(nn.Module):
    """Joints of single frames, and from them, weighed by how much a frame tells of each bone, the bones' lengths."""

    def __init__(self, joints: int, bones: Tensor, channels: int, blocks: int, dropout: float) -> None:
        super().__init__()
        self.joints = joints
        self.register_buffer("bones", bones, persistent=False)
        self.enter = Layer(nn.Linear(2 * joints, channels), channels, dropout)
        self.blocks = nn.ModuleList(
            nn.Sequential(*[Layer(nn.Linear(channels, channels), channels, dropout) for _ in range(2)])
            for _ in range(blocks)
        )
        self.leave = nn.Linear(channels, 3 * joints)
        self.attention = nn.Linear(6 * joints, joints - 1)

    bones: Tensor

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """(B, L, J, 2) -> joints (B, L, J, 3) and lengths (B, J-1)."""
        batch, count, joints, two = frames.shape
        assert (joints, two) == (self.joints, 2), frames.shape
        x = self.enter(frames.reshape(batch * count, 2 * joints))
        for block in self.blocks:
            x = x + block(x)
        flat = self.leave(x).view(batch, count, 3 * joints)
        known = flat.detach()  # joints learn from joints, the attention from lengths
        weight = (SHARPNESS * self.attention(torch.cat([known, known.abs()], -1))).softmax(1)  # (B, L, J-1)
        lengths = bone_lengths(known.view(batch, count, joints, 3), self.bones)
        return flat.view(batch, count, joints, 3), (weight * lengths).sum(1)


class Head(nn.Module):
    """Joints, or joint shifts, from lengths and directions: their projections multiplied, then a linear layer."""

    def __init__(self, bones: int, channels: int, points: int) -> None:
        super().__init__()
        self.lengths, self.directions = nn.Linear(bones, channels), nn.Linear(3 * bones, channels)
        self.out = nn.Linear(channels, 3 * points)

    def forward(self, lengths: Tensor, directions: Tensor) -> Tensor:
        """(B, J-1), (B, J-1, 3) -> (B, points, 3)."""
        x = self.lengths(lengths) * self.directions(directions.flatten(1))
        return torch.as_tensor(self.out(x).unflatten(1, (-1, 3)))


class Anatomy(LiftNetwork):
    """The network. joints: J. bones: J - 1 pairs of joints that hang together; a bone points to its first one.

    blocks: of each sub-network; `receptive_field` is 3 ** (blocks + 1) frames. causal: the window ends with the present
    frame, otherwise it lies in the middle. training_heads: what only the losses need.
    """

    kind = "anatomy"
    bones: Tensor
    pairs: Tensor

    def __init__(
        self,
        joints: int,
        bones: Sequence[Sequence[int]],
        channels: int = 1024,
        blocks: int = 3,
        dropout: float = 0.25,
        causal: bool = False,
        training_heads: bool = True,
    ) -> None:
        super().__init__()
        if len(bones) != joints - 1:
            raise ValueError(f"{joints} joints hang together by {joints - 1} bones, not {len(bones)}")
        self.joints, self.causal, self.receptive_field = joints, causal, 3 ** (blocks + 1)
        self.register_buffer("bones", torch.tensor(bones), persistent=False)
        self.register_buffer("pairs", torch.tensor(joint_pairs(joints, bones)), persistent=False)
        self.direction = DirectionNetwork(joints, channels, blocks, dropout, causal, training_heads)
        self.length = LengthNetwork(joints, self.bones, channels, blocks, dropout)
        self.head = Head(joints - 1, channels, joints)
        heads = [Head(joints - 1, channels, len(self.pairs)) for _ in range(2 * training_heads)]
        self.shift_heads = nn.ModuleList(heads)

    def forward(self, window: Tensor, frames: Tensor) -> AnatomyOutput:
        """(B, R, J, 3 = x, y, visibility), (B, L, J, 2) frames from anywhere in the clip."""
        assert window.shape[1:] == (self.receptive_field, self.joints, 3), (window.shape, self.receptive_field)
        assert len(self.shift_heads) == 2, "forward is for training; without training_heads, use lift"
        second, first = self.direction(window)
        per_frame, lengths = self.length(frames)
        fixed = lengths.detach()  # joints and shifts teach the directions only
        shifts = self.shift_heads[0](fixed, first), self.shift_heads[1](fixed, second)
        return AnatomyOutput(self.head(fixed, second), lengths, per_frame, (first, second), shifts)

    def lift(self, clip: Tensor) -> Tensor:
        """All frames of a clip, padded by `padding`: (B, T + R - 1, J, 3) -> (B, T, J, 3); all tell of the lengths."""
        batch, field = clip.shape[0], self.receptive_field
        assert clip.shape[2:] == (self.joints, 3) and clip.shape[1] >= field, clip.shape
        frames = clip.shape[1] - field + 1
        before = self.padding[0]
        lengths = self.length(clip[:, before : before + frames, :, :2])[1]
        windows = clip.unfold(1, field, 1).permute(0, 1, 4, 2, 3)  # (B, T, R, J, 3)
        directions = self.direction(windows.flatten(0, 1))[0]  # (B * T, J-1, 3)
        joints = self.head(lengths.repeat_interleave(frames, 0), directions)  # (B * T, J, 3)
        return torch.as_tensor(joints.view(batch, frames, self.joints, 3))

    @property
    def padding(self) -> tuple[int, int]:
        """Frames before and after a clip that `lift` needs."""
        field = self.receptive_field
        return (field - 1, 0) if self.causal else (field // 2, field // 2)


def joint_pairs(joints: int, bones: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Pairs (i, j), i <= j, that no bone joins, in order. i = j are in, as published: their shift is 0."""
    joined = {(min(bone), max(bone)) for bone in bones}
    return [pair for pair in combinations_with_replacement(range(joints), 2) if pair not in joined]


def bone_vectors(joints: Tensor, bones: Tensor) -> Tensor:
    """(..., J, 3), (J-1, 2) -> (..., J-1, 3), to the bone's first joint from its second."""
    return joints.index_select(-2, bones[:, 0]) - joints.index_select(-2, bones[:, 1])


def bone_lengths(joints: Tensor, bones: Tensor) -> Tensor:
    """(..., J, 3), (J-1, 2) -> (..., J-1)."""
    return torch.as_tensor(bone_vectors(joints, bones).norm(dim=-1))


@dataclass(frozen=True)
class AnatomyLoss:
    """The terms, each with its weight in it, in the units of the joints; the weights were published for metres."""

    joints: Tensor
    direction: Tensor
    shift: Tensor
    per_frame: Tensor
    length: Tensor

    def total(self) -> Tensor:
        """Their sum."""
        return self.joints + self.direction + self.shift + self.per_frame + self.length


def anatomy_loss(
    output: AnatomyOutput,
    truth: Tensor,
    frames_truth: Tensor,
    lengths: Tensor,
    bones: Tensor,
    pairs: Tensor,
    chosen: int,
) -> AnatomyLoss:
    """Equation 7 with the weights of the published code.

    truth (B, J, 3): of the window's frame; frames_truth (B, L, J, 3); lengths (B, J-1) true ones. chosen: which of the
    L frames is supervised; the paper draws one, for else the length network learns faster than the other.
    """
    bone = functional.normalize(bone_vectors(truth, bones), dim=-1, eps=TINY)
    wrong = [(found - bone).square().sum(-1).mean() for found in output.directions]
    shift = truth.index_select(1, pairs[:, 1]) - truth.index_select(1, pairs[:, 0])
    off = [(found - shift).norm(dim=-1).mean() for found in output.shifts]
    return AnatomyLoss(
        joints=(output.joints - truth).norm(dim=-1).mean(),
        direction=0.3 * (wrong[1] + 0.5 * wrong[0]),
        shift=2.0 * (off[1] + 0.5 * off[0]),
        **length_loss(output.per_frame, output.lengths, frames_truth, lengths, chosen),
    )


def length_loss(
    per_frame: Tensor, found: Tensor, frames_truth: Tensor, lengths: Tensor, chosen: int
) -> dict[str, Tensor]:
    """The terms `per_frame` and `length`: those that augmented frames have as well."""
    one = (per_frame[:, chosen] - frames_truth[:, chosen]).norm(dim=-1).mean()
    return {"per_frame": one, "length": 100.0 * functional.mse_loss(found, lengths)}


def with_lengths(joints: Tensor, bones: Tensor, lengths: Tensor) -> Tensor:
    """The same poses with other bones: (B, T, J, 3), (B, J-1) -> (B, T, J, 3); directions and joint 0 stay."""
    vectors = functional.normalize(bone_vectors(joints, bones), dim=-1, eps=TINY) * lengths[:, None, :, None]
    count = joints.shape[2]
    order = torch.arange(len(bones), device=bones.device)
    ends = torch.zeros(len(bones), count, device=joints.device)
    ends[order, bones[:, 0]], ends[order, bones[:, 1]] = 1.0, -1.0
    paths = torch.linalg.inv(ends[:, 1:]).round().to(joints.dtype)  # (J-1, J-1), the bones B^k of equation 1, signed
    return torch.cat([joints[:, :, :1], torch.einsum("jb,ntbd->ntjd", paths, vectors) + joints[:, :, :1]], 2)


def random_lengths(joints: Tensor, bones: Tensor, spread: float, g: torch.Generator) -> Tensor:
    """(B, J-1) new lengths: each bone's own, plus up to +-`spread` of its mean over the batch (published: .3)."""
    own = bone_lengths(joints, bones).mean(1)  # (B, J-1)
    change = torch.rand(own.shape, generator=g, device=own.device) * 2 - 1
    return own + spread * change * own.mean(0)


def batch_loss(network: Anatomy, config: AnatomyConfig, draw: Draw, runner: torch.nn.Module) -> Tensor:
    """Equation 7, with frames from anywhere in the clip, and those again with other bones, seen without errors."""
    before, after = network.padding
    clip_of, centre = draw.clips.draw(draw.size, draw.rng)
    flips = draw.flips()
    batch = draw.batch(clip_of, centre[:, None] + np.arange(-before, after + 1), flips)
    length = np.diff(draw.clips.starts)[clip_of]
    limit = np.where(config.causal, centre + 1, length)  # a causal lifter knows the past only
    times = (draw.rng.random((draw.size, config.frames)) * limit[:, None]).astype(int)
    frames = draw.batch(clip_of, times, flips)
    window = torch.cat([batch.points, batch.confidence[..., None]], -1)
    output = runner(window, frames.points)
    truth, known = draw.relative(batch.truth[:, before]), draw.relative(frames.truth)
    lengths = bone_lengths(known, network.bones).median(1).values  # (B, J-1), the same in all frames
    chosen = int(draw.rng.integers(config.frames))
    loss = anatomy_loss(output, truth, known, lengths, network.bones, network.pairs, chosen).total()
    if config.augment:
        g = torch.Generator(draw.device).manual_seed(int(draw.rng.integers(2**62)))
        new = random_lengths(known, network.bones, config.augment, g)
        changed = draw.relative(with_lengths(known, network.bones, new))
        # Seen without perspective: the truth is in the units of the picture, or nearly so.
        joints, found = network.length(changed[..., :2] + frames.points[:, :, draw.root : draw.root + 1])
        loss = loss + sum(length_loss(joints, found, changed, new, chosen).values())
    return loss


class AnatomyFrame(Frame):
    """bones, training_heads: see `Anatomy`."""

    bones: list[list[int]] = Field([])
    training_heads: bool = True

    @model_validator(mode="after")
    def _pairs(self) -> AnatomyFrame:
        if any(len(bone) != 2 for bone in self.bones):
            raise ValueError("bones that are no pairs of joints")
        return self

    def joint_numbers(self) -> list[int]:
        """Both ends of all bones."""
        return [number for bone in self.bones for number in bone]


class AnatomyLifter:
    """Anatomy-aware lifting; see `skeletor.lifters.learned.networks.kind.LifterKind`."""

    name = Anatomy.kind
    config = AnatomyConfig
    frame: type[Frame] = AnatomyFrame

    def arguments(self, config: AnatomyConfig, skeleton: Skeleton) -> dict[str, Any]:
        """The network's options, J, and the skeleton's bones, each to a joint from its parent."""
        shape = config.model_dump(mode="json", exclude={"kind", "frames", "augment"})
        bones = [[child, parent] for parent, child in skeleton.bones]
        return {**shape, "kind": self.name, "joints": len(skeleton), "bones": bones}

    def options(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """They are the arguments."""
        return dict(arguments)

    def build(self, arguments: Mapping[str, Any]) -> Anatomy:
        """With fresh weights."""
        return Anatomy(**arguments)

    def loss(self, network: Anatomy, config: AnatomyConfig, draw: Draw, runner: nn.Module) -> Tensor:
        """See `batch_loss`."""
        return batch_loss(network, config, draw, runner)

    def lift(self, network: Anatomy, points: Tensor, confidence: Tensor, stride: int, output: str, root: int) -> Tensor:
        """(T, J, 3) of every frame, from a clip padded by its first and last frames."""
        before, after = network.padding
        clip = torch.cat([points, confidence[..., None]], -1)  # (T, J, 3)
        clip = torch.cat([clip[:1].expand(before, -1, -1), clip, clip[-1:].expand(after, -1, -1)])
        return on_root(network.lift(clip[None])[0], points, root)
