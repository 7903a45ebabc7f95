"""Clips that a learned lifter learns from, 2D as a detector saw it and the true 3D, and the batches drawn of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skeletor.learning.augment import mirrored
from skeletor.lifters.learned.network_input import lifter_input
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import Skeleton


@dataclass(frozen=True)
class View:
    """A clip as a detector gave it, and its truth. seen: 2D, pixels. truth: 3D in metres, camera axes."""

    seen: PoseSequence
    truth: PoseSequence


def on_grid(times: np.ndarray, frames: np.ndarray | int, step: int) -> np.ndarray:
    """times (B, N), `step` apart, kept inside [0, frames): what lies outside copies the grid's last frame inside."""
    first = times[:, :1] % step
    last = first + np.maximum(frames - 1 - first, 0) // step * step
    return np.asarray(np.clip(times, np.minimum(first, last), np.minimum(last, frames - 1)))


@dataclass(frozen=True)
class ClipSet:
    """Clips one after the other. points (F, J, 2), confidence (F, J), truth (F, J, 3), known (F, J): truth is known.

    starts: (N + 1,) first frame of each clip, then F.
    """

    points: np.ndarray
    confidence: np.ndarray
    truth: np.ndarray
    known: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    def clip(self, number: int) -> slice:
        """Frames of one clip."""
        return slice(int(self.starts[number]), int(self.starts[number + 1]))

    def rows(self, clip_of: np.ndarray, times: np.ndarray, step: int = 1) -> np.ndarray:
        """(B, N) rows of frames `times` (B, N) of clips (B,); those outside a clip are copies of its ends.

        step: from one time to the next; the copies are of the first and the last frame on that grid.
        """
        frames = (self.starts[clip_of + 1] - self.starts[clip_of])[:, None]
        return np.asarray(self.starts[clip_of][:, None] + on_grid(times, frames, step))

    def draw(self, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(B,) clips and (B,) frames of them; every frame of every clip is as likely."""
        frame = rng.integers(self.starts[-1], size=size)
        clip_of = np.searchsorted(self.starts, frame, side="right") - 1
        return clip_of, frame - self.starts[clip_of]

    def take(self, rows: np.ndarray) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """points, confidence, truth and known of rows of any shape."""
        arrays = (self.points, self.confidence, self.truth, self.known)
        found = [torch.from_numpy(array[rows]) for array in arrays]
        return found[0], found[1], found[2], found[3]

    def split(self, share: float) -> tuple[ClipSet, ClipSet]:
        """The clips but for the last ones, and those: `share` of them, at least one. They were drawn at random."""
        held = max(1, round(share * len(self)))
        cut = self.starts[len(self) - held]
        arrays = (self.points, self.confidence, self.truth, self.known)
        first, rest = [a[:cut] for a in arrays], [a[cut:] for a in arrays]
        starts = self.starts[: len(self) - held + 1], self.starts[len(self) - held :] - cut
        return ClipSet(first[0], first[1], first[2], first[3], starts[0]), ClipSet(
            rest[0], rest[1], rest[2], rest[3], starts[1]
        )


def clip_set(views: Sequence[View], minimum_confidence: float, hand_reach: float) -> ClipSet:
    """The clips as the networks take them: truth normalised by itself, as `skeletor.poses.metrics` compares."""
    ready = [lifter_input(view.seen, minimum_confidence, hand_reach) for view in views]
    truths = [normalise(view.truth) for view in views]
    missing = np.concatenate([t.missing for t in truths])
    return ClipSet(
        np.concatenate([r.points for r in ready]).astype(np.float32),
        np.concatenate([r.confidence for r in ready]),
        np.nan_to_num(np.concatenate([t.keypoints for t in truths])),
        ~missing,
        np.cumsum([0, *(len(t) for t in truths)]),
    )


@dataclass(frozen=True)
class Material:
    """What a lifter learns from. root: the joint that others are seen from. words: about the data, for the card."""

    clips: ClipSet
    skeleton: Skeleton
    root: int
    fps: float
    words: str


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
