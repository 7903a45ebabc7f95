"""What each kind of lifter learns from a set of clips: draw windows, lift them, compare with the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skeletor.learning.augment import mirrored
from skeletor.lifters.learned.anatomy import (
    Anatomy,
    anatomy_loss,
    bone_lengths,
    length_loss,
    random_lengths,
    with_lengths,
)
from skeletor.lifters.learned.clips import ClipSet
from skeletor.lifters.learned.config import AnatomyConfig, JointTokenConfig, ModelConfig, UpliftConfig
from skeletor.lifters.learned.joint_token import JointToken, joint_token_loss
from skeletor.lifters.learned.networks import LiftNetwork
from skeletor.lifters.learned.uplift import UpliftUpsample
from skeletor.poses.skeleton import Skeleton


@dataclass(frozen=True)
class Batch:
    """points (B, N, J, 2), confidence and known (B, N, J), truth (B, N, J, 3); times (B, N): frame numbers."""

    points: Tensor
    confidence: Tensor
    truth: Tensor
    known: Tensor
    times: np.ndarray


@dataclass(frozen=True)
class Draw:
    """What a batch is drawn with; all randomness of a step is of `rng`. root: the joint that others are seen from."""

    clips: ClipSet
    skeleton: Skeleton
    root: int
    size: int
    mirror: bool
    device: torch.device
    rng: np.random.Generator

    def windows(self, length: int, step: int = 1) -> Batch:
        """Windows of `length` frames, `step` apart, around random frames."""
        clip_of, centre = self.clips.draw(self.size, self.rng)
        times = centre[:, None] + (np.arange(length) - length // 2) * step
        return self.batch(clip_of, times, self.flips(), step)

    def relative(self, joints: Tensor) -> Tensor:
        """(..., J, 3) seen from the root."""
        return joints - joints[..., self.root : self.root + 1, :]

    def flips(self) -> np.ndarray:
        """(B,) which samples are mirrored."""
        return self.rng.random(self.size) < 0.5 * self.mirror

    def batch(self, clip_of: np.ndarray, times: np.ndarray, flips: np.ndarray, step: int = 1) -> Batch:
        """Frames `times` (B, N) of clips (B,), `step` apart."""
        points, confidence, truth, known = (
            part.to(self.device) for part in self.clips.take(self.clips.rows(clip_of, times, step))
        )
        order = torch.as_tensor(self.skeleton.mirror, device=self.device)
        flip = torch.as_tensor(flips, device=self.device)
        points, confidence = mirrored(points, confidence, flip, order)
        truth, sure = mirrored(truth, known.to(truth.dtype), flip, order)
        return Batch(points, confidence, truth, sure > 0, times)


def lifting_loss(network: LiftNetwork, config: ModelConfig, draw: Draw, runner: torch.nn.Module) -> Tensor:
    """The loss of one random batch. runner: what runs `network` (itself, or Fabric's wrapper of it)."""
    if isinstance(config, UpliftConfig):
        assert isinstance(network, UpliftUpsample)
        return _uplift_loss(network, config, draw, runner)
    if isinstance(config, AnatomyConfig):
        assert isinstance(network, Anatomy)
        return _anatomy_loss(network, config, draw, runner)
    assert isinstance(network, JointToken) and isinstance(config, JointTokenConfig)
    batch = draw.windows(config.window)
    predicted = runner(batch.points, batch.confidence)
    return joint_token_loss(predicted, batch.truth, batch.known, config.velocity_weight, config.scale_weight)


def _uplift_loss(network: UpliftUpsample, config: UpliftConfig, draw: Draw, runner: torch.nn.Module) -> Tensor:
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
    parts = [_mean(off[0], batch.known), _mean(off[1], batch.known[:, middle])]
    return config.sequence_weight * parts[0] + config.centre_weight * parts[1]


def _anatomy_loss(network: Anatomy, config: AnatomyConfig, draw: Draw, runner: torch.nn.Module) -> Tensor:
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


def _mean(values: Tensor, known: Tensor) -> Tensor:
    return (values * known).sum() / known.sum().clamp(min=1)
