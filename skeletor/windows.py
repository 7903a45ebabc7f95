"""Training clips in one place, and random windows of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from skeletor.errors import InputError
from skeletor.normalise import normalise
from skeletor.pose import PoseSequence
from skeletor.skeleton import Skeleton


@dataclass(frozen=True)
class Windows:
    """A batch: what the network may see before it is corrupted, and what it has to give."""

    source: Tensor  # (B, N, J, D)
    source_confidence: Tensor  # (B, N, J)
    target: Tensor  # (B, N, J, D)
    target_confidence: Tensor  # (B, N, J)
    first: Tensor  # (B,) index within the window of the clip's first frame, 0 if it lies before the window
    last: Tensor  # (B,) likewise of the last frame, N - 1 if it lies behind the window


@dataclass(frozen=True)
class ClipStore:
    """All frames of all clips, one after the other.

    Missing joints are 0 with confidence 0. degraded: worse versions of the same clips, if there are any.
    """

    points: Tensor  # (F, J, D)
    confidence: Tensor  # (F, J)
    degraded: tuple[Tensor, Tensor] | None
    starts: Tensor  # (clips,)
    stops: Tensor  # (clips,)

    @property
    def frames(self) -> int:
        """Frames in all."""
        return len(self.points)

    def at(self, clip_of: Tensor, centres: Tensor, length: int, use_degraded: Tensor | None = None) -> Windows:
        """Windows of `length` frames around frames `centres` (B,) of clips `clip_of` (B,).

        Frames outside the clip repeat its first or last frame. use_degraded: (B,) bool.
        """
        offsets = torch.arange(length, device=self.points.device) - length // 2
        wanted = centres[:, None] + offsets  # (B, N)
        start, stop = self.starts[clip_of][:, None], self.stops[clip_of][:, None] - 1
        index = torch.minimum(torch.maximum(wanted, start), stop)
        target, confidence = self.points[index], self.confidence[index]
        source, source_confidence = target, confidence
        if self.degraded is not None and use_degraded is not None:
            worse = use_degraded[:, None, None]
            source = torch.where(worse[..., None], self.degraded[0][index], target)
            source_confidence = torch.where(worse, self.degraded[1][index], confidence)
        first = (start - wanted[:, :1]).clamp(0, length - 1)[:, 0]
        last = (stop - wanted[:, :1]).clamp(0, length - 1)[:, 0]
        return Windows(source, source_confidence, target, confidence, first, last)

    def draw(self, batch: int, length: int, degraded_share: float, g: Generator) -> Windows:
        """Windows around random frames: every frame of the store is a centre with the same probability."""
        device = self.points.device
        centres = torch.randint(self.frames, (batch,), generator=g, device=device)
        clip_of = torch.searchsorted(self.stops, centres, right=True)
        worse = torch.rand(batch, generator=g, device=device) < degraded_share
        return self.at(clip_of, centres, length, worse)

    def typical_pose(self) -> Tensor:
        """(J, D) mean position of each joint over the frames where it was observed (0 if never)."""
        weight = (self.confidence > 0)[..., None].to(self.points.dtype)
        return (self.points * weight).sum(0) / weight.sum(0).clamp(min=1)

    def spread(self, view: Callable[[Tensor], Tensor], sample: int = 20_000) -> Tensor:
        """(J, D) standard deviation of `view` of the points over observed joints, at most `sample` frames.

        At least a tenth of its mean over all joints, and 1 if nothing was observed.
        """
        step = -(-self.frames // sample)
        seen = (self.confidence[::step] > 0)[..., None].to(self.points.dtype)
        points = view(self.points[::step])
        count = seen.sum(0).clamp(min=1)
        mean = (points * seen).sum(0) / count
        deviation = (((points - mean) ** 2 * seen).sum(0) / count).sqrt()
        return deviation.clamp(min=0.1 * float(deviation.mean())) if float(deviation.mean()) > 0 else deviation + 1

    def digest(self) -> str:
        """Hash of all that can influence a training."""
        tensors = [self.points, self.confidence, self.stops, *(self.degraded or ())]
        sha = hashlib.sha256()
        for tensor in tensors:
            sha.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
        return sha.hexdigest()[:16]


def repeat_edges(values: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Make frames before `first` and behind `last` (B,) equal to those frames. values: (B, N, ...)."""
    time = torch.arange(values.shape[1], device=values.device)
    index = torch.minimum(torch.maximum(time, first[:, None]), last[:, None])  # (B, N)
    return values[torch.arange(len(values), device=values.device)[:, None], index]


def clip_store(
    clips: Sequence[PoseSequence], degraded: Sequence[PoseSequence] | None, device: torch.device
) -> ClipStore:
    """Put clips of one skeleton, dimension, unit and frame rate on a device."""
    points, confidence = _frames(clips, device)
    stops = torch.tensor(np.cumsum([len(c) for c in clips]), device=device)
    starts = torch.cat([stops.new_zeros(1), stops[:-1]])
    return ClipStore(points, confidence, _frames(degraded, device) if degraded is not None else None, starts, stops)


def _frames(clips: Sequence[PoseSequence], device: torch.device) -> tuple[Tensor, Tensor]:
    points = np.nan_to_num(np.concatenate([c.keypoints for c in clips]))
    confidence = np.concatenate([c.confidence for c in clips])
    return torch.from_numpy(points).to(device), torch.from_numpy(confidence).to(device)


def alike(clips: Sequence[PoseSequence], fps: float, skeleton: Skeleton) -> list[PoseSequence]:
    """Clips ready for training: normalised if they are in pixels or metres, at `fps`, and all of one form.

    Raises InputError, naming the clip, if skeleton, dimensions or units differ.
    """
    ready: list[PoseSequence] = []
    for number, clip in enumerate(clips):
        name = clip.provenance.source or f"clip {number}"
        if clip.skeleton != skeleton:
            raise InputError(f"{name}: skeleton {clip.skeleton.name}, the others have {skeleton.name}; map it first")
        if clip.provenance.units in ("pixel", "metre"):
            clip = normalise(clip)
        if ready and (clip.dims, clip.provenance.units) != (ready[0].dims, ready[0].provenance.units):
            raise InputError(
                f"{name}: {clip.dims}D in unit {clip.provenance.units}, the first clip is {ready[0].dims}D in "
                f"{ready[0].provenance.units}; lift and normalise all alike"
            )
        ready.append(clip if clip.fps == fps else clip.resample(fps))
    return ready
