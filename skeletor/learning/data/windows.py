"""Stores of training clips in memory, and random windows of them."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Generator, Tensor

from skeletor.learning.data.quantise import unpack_confidence
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import Skeleton
from skeletor.poses.turns import check_one_signer
from skeletor.support.errors import InputError

TYPICAL_FRAMES = 100_000  # a typical pose is the mean over at most this number of frames


@dataclass(frozen=True)
class Windows:
    """A batch of B windows of N frames: the network's input before corruption (source) and its target."""

    source: Tensor  # (B, N, J, D)
    source_confidence: Tensor  # (B, N, J)
    target: Tensor  # (B, N, J, D)
    target_confidence: Tensor  # (B, N, J)
    first: Tensor  # (B,) index within the window of the clip's first frame, 0 if it lies before the window
    last: Tensor  # (B,) likewise of the last frame, N - 1 if it lies behind the window


class ClipStore(Protocol):
    """Gives random windows on the training device."""

    def draw(self, batch: int, length: int, degraded_share: float, g: Generator) -> Windows:
        """`batch` windows of `length` frames: points (batch, length, J, D), confidence (batch, length, J).

        degraded_share: in how many of the windows (0 to 1, in the mean) the source is the degraded version of the clip.
        """


@dataclass(frozen=True)
class Ready:
    """A `ClipStore` of windows that were drawn before."""

    windows: Windows

    def draw(self, batch: int, length: int, degraded_share: float, g: Generator) -> Windows:
        """The windows (batch, length, J, D) as they are. Raises AssertionError if they have another shape."""
        assert self.windows.target.shape[:2] == (batch, length), self.windows.target.shape
        return self.windows


@dataclass(frozen=True)
class Drawn:
    """Windows on the CPU as a store holds them: float32, or float16 positions with packed confidences.

    target: points (B, N, J, D) and confidence (B, N, J), or bytes (B, N, C) of `skeletor.learning.data.quantise`.
    source: likewise, None where it is the target.
    """

    target: tuple[Tensor, Tensor]
    source: tuple[Tensor, Tensor] | None
    first: Tensor
    last: Tensor

    def pinned(self) -> Drawn:
        """A copy in page-locked memory, from which a GPU copies while the CPU goes on; shapes and types stay."""
        source = None if self.source is None else (self.source[0].pin_memory(), self.source[1].pin_memory())
        target = self.target[0].pin_memory(), self.target[1].pin_memory()
        return Drawn(target, source, self.first.pin_memory(), self.last.pin_memory())

    def on(self, device: torch.device) -> Windows:
        """The windows on a device in float32: points (B, N, J, D), confidence (B, N, J).

        The packed values are copied to the device and unpacked there.
        """
        target = _values(*self.target, device)
        source = target if self.source is None else _values(*self.source, device)
        first, last = (x.to(device, non_blocking=True) for x in (self.first, self.last))
        return Windows(*source, *target, first, last)


def _values(points: Tensor, confidence: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    points, confidence = points.to(device, non_blocking=True), confidence.to(device, non_blocking=True)
    if confidence.dtype == torch.uint8:
        confidence = unpack_confidence(confidence, points.shape[-2])
    return points.float(), confidence


@dataclass(frozen=True)
class ClipIndex:
    """Where clips begin and end among the frames of a store: (clips,) int64 each, frames starts <= f < stops."""

    starts: np.ndarray
    stops: np.ndarray

    @property
    def frames(self) -> int:
        """Number of frames of all clips together."""
        return int((self.stops - self.starts).sum())

    def subset(self, clips: Sequence[int]) -> ClipIndex:
        """The index of these clips alone, in the order given: starts and stops (len(clips),)."""
        chosen = np.asarray(clips, np.int64)
        return ClipIndex(self.starts[chosen], self.stops[chosen])

    def pick(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Clip and frame (B,), (B,) of each place (B,), places counting the frames of all clips one after the other."""
        ends = np.cumsum(self.stops - self.starts)
        clip_of = np.searchsorted(ends, places, side="right")
        return clip_of, self.stops[clip_of] - (ends[clip_of] - places)

    def around(
        self, clip_of: np.ndarray, centres: np.ndarray, length: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frames (B, N) of windows around `centres` (B,), and `first` and `last` of `Windows` (B,).

        Frames outside the clip repeat its first or last frame.
        """
        wanted = centres[:, None] + np.arange(length) - length // 2  # (B, N)
        start, stop = self.starts[clip_of], self.stops[clip_of] - 1
        frames = np.clip(wanted, start[:, None], stop[:, None])
        first, last = (np.clip(x - wanted[:, 0], 0, length - 1) for x in (start, stop))
        return frames, first, last


class WindowSource(ABC):
    """Where a training has its windows from."""

    has_degraded: bool

    @property
    @abstractmethod
    def frames(self) -> int:
        """Number of frames of all clips together."""

    @abstractmethod
    def digest(self) -> str:
        """Hash of everything that can influence a training."""

    @abstractmethod
    def batch(self, number: int, size: int, length: int, degraded_share: float, rng: np.random.Generator) -> Drawn:
        """The windows (size, length, J, D) of the batch `number` of a training.

        rng: of that batch. degraded_share: as of `draw`.
        """

    @abstractmethod
    def draw(self, batch: int, length: int, degraded_share: float, rng: np.random.Generator) -> Drawn:
        """`batch` windows of `length` frames, (batch, length, J, D), around random frames.

        degraded_share: probability that a window's source is the degraded version, if there is one.
        """

    @abstractmethod
    def sample(self, limit: int) -> tuple[Tensor, Tensor]:
        """(n, J, D) points and (n, J) confidence of frames from everywhere, n at most `limit`; float32, on the CPU."""

    def typical_pose(self) -> Tensor:
        """(J, D) mean position of each joint over the frames where it was observed (0 if never)."""
        points, confidence = self.sample(TYPICAL_FRAMES)
        weight = (confidence > 0)[..., None].to(points.dtype)
        return (points * weight).sum(0) / weight.sum(0).clamp(min=1)

    def spread(self, view: Callable[[Tensor], Tensor], sample: int = 20_000, missing: Tensor | None = None) -> Tensor:
        """(J, D) standard deviation of `view` of the points over observed joints, at most `sample` frames.

        missing: (J, D) what `view` gets for joints that are not observed; None: what is stored there. At least a
        tenth of its mean over all joints, and 1 if nothing was observed.
        """
        points, confidence = self.sample(sample)
        seen = (confidence > 0)[..., None].to(points.dtype)
        points = view(points if missing is None else torch.where(seen > 0, points, missing))
        count = seen.sum(0).clamp(min=1)
        mean = (points * seen).sum(0) / count
        deviation = (((points - mean) ** 2 * seen).sum(0) / count).sqrt()
        return deviation.clamp(min=0.1 * float(deviation.mean())) if float(deviation.mean()) > 0 else deviation + 1


class FrameSource(WindowSource):
    """Frames of many clips, in memory or on disk, from which a training draws.

    Missing joints are 0 with confidence 0. A store may hold degraded versions of the same clips.
    """

    index: ClipIndex

    @abstractmethod
    def rows(self, frames: np.ndarray, degraded: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Points and confidence of frames (B, N), as `Drawn` has them; all frames of a row are of one clip."""

    @abstractmethod
    def subset(self, clips: Sequence[int]) -> FrameSource:
        """The same store with some of its clips."""

    @property
    def frames(self) -> int:
        """Number of frames of all clips together."""
        return self.index.frames

    def at(self, clip_of: np.ndarray, centres: np.ndarray, length: int, worse: np.ndarray | None = None) -> Drawn:
        """Windows of `length` frames around frames `centres` (B,) of clips `clip_of` (B,).

        worse: (B,) bool, windows whose source is the degraded version.
        """
        frames, first, last = self.index.around(clip_of, centres, length)
        target = self.rows(frames)
        source = None
        if self.has_degraded and worse is not None and worse.any():
            points, confidence = target[0].copy(), target[1].copy()
            points[worse], confidence[worse] = self.rows(frames[worse], degraded=True)
            source = torch.from_numpy(points), torch.from_numpy(confidence)
        pair = torch.from_numpy(target[0]), torch.from_numpy(target[1])
        return Drawn(pair, source, torch.from_numpy(first), torch.from_numpy(last))

    def batch(self, number: int, size: int, length: int, degraded_share: float, rng: np.random.Generator) -> Drawn:
        """Windows (size, length, J, D) that are drawn with `rng`, whatever the number."""
        return self.draw(size, length, degraded_share, rng)

    def draw(self, batch: int, length: int, degraded_share: float, rng: np.random.Generator) -> Drawn:
        """`batch` windows of `length` frames, (batch, length, J, D), around random frames.

        Every frame of the store is a centre with the same probability. degraded_share: probability that a window's
        source is the degraded version.
        """
        clip_of, centres = self.index.pick(rng.integers(self.frames, size=batch))
        return self.at(clip_of, centres, length, rng.random(batch) < degraded_share)

    def sample(self, limit: int) -> tuple[Tensor, Tensor]:
        """(n, J, D) points and (n, J) confidence of every k-th frame, n at most `limit`; float32, on the CPU."""
        places = np.arange(0, self.frames, -(-self.frames // limit))
        points, confidence = self.rows(self.index.pick(places)[1][:, None])
        values = _values(torch.from_numpy(points), torch.from_numpy(confidence), torch.device("cpu"))
        return values[0][:, 0], values[1][:, 0]


class MemoryStore(FrameSource):
    """A store in main memory: points (F, J, D) and confidence (F, J), float32; degraded: the same of worse clips."""

    def __init__(
        self,
        points: np.ndarray,
        confidence: np.ndarray,
        index: ClipIndex,
        degraded: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        self.points, self.confidence, self.index, self.degraded = points, confidence, index, degraded
        self.has_degraded = degraded is not None

    def rows(self, frames: np.ndarray, degraded: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """(B, N) -> (B, N, J, D) and (B, N, J), float32."""
        points, confidence = self.degraded if degraded and self.degraded else (self.points, self.confidence)
        return points[frames], confidence[frames]

    def subset(self, clips: Sequence[int]) -> MemoryStore:
        """The same frames, windows of some clips only."""
        return MemoryStore(self.points, self.confidence, self.index.subset(clips), self.degraded)

    def digest(self) -> str:
        """The first 16 hex digits of SHA-256 of all values."""
        sha = hashlib.sha256()
        for array in (self.points, self.confidence, self.index.starts, self.index.stops, *(self.degraded or ())):
            sha.update(np.ascontiguousarray(array).data)
        return sha.hexdigest()[:16]


def repeat_edges(values: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Let the frames before `first` (B,) and behind `last` (B,) repeat these frames. values: (B, N, ...)."""
    time = torch.arange(values.shape[1], device=values.device)
    index = torch.minimum(torch.maximum(time, first[:, None]), last[:, None])  # (B, N)
    return values[torch.arange(len(values), device=values.device)[:, None], index]


def clip_store(clips: Sequence[PoseSequence], degraded: Sequence[PoseSequence] | None = None) -> MemoryStore:
    """Put clips (T_i, J, D) of one skeleton, dimension, unit and frame rate into one store of sum(T_i) frames.

    degraded: worse versions of the same clips, with the same numbers of frames.
    """
    stops = np.cumsum([len(c) for c in clips])
    index = ClipIndex(np.concatenate([np.zeros(1, stops.dtype), stops[:-1]]), stops)
    return MemoryStore(*_frames(clips), index, None if degraded is None else _frames(degraded))


def _frames(clips: Sequence[PoseSequence]) -> tuple[np.ndarray, np.ndarray]:
    points = np.nan_to_num(np.concatenate([c.keypoints for c in clips]), copy=False)
    return points, np.concatenate([c.confidence for c in clips])


def alike(clips: Sequence[PoseSequence], fps: float, skeleton: Skeleton) -> list[PoseSequence]:
    """Clips (T_i, J, D) ready for training: `in_form`, all in the dimensions and units of the first one.

    fps: frames per second. Raises InputError, naming the clip, if one does not fit.
    """
    ready: list[PoseSequence] = []
    for number, clip in enumerate(clips):
        first = ready[0] if ready else None
        form = (first.dims, first.provenance.units) if first else None
        ready.append(in_form(clip, f"clip {number}", fps, skeleton, form))
    return ready


def in_form(
    clip: PoseSequence, name: str, fps: float, skeleton: Skeleton, form: tuple[int, str] | None
) -> PoseSequence:
    """A clip ready for training: normalised if it is in pixels or metres, and at `fps`.

    name: for errors, if the clip has no source. form: dimensions and units of the other clips. Raises InputError,
    naming the clip, if skeleton, dimensions or units differ, or several people sign in it.
    """
    name = clip.provenance.source or name
    check_one_signer(clip.provenance, len(clip), name)
    if clip.skeleton != skeleton:
        raise InputError(f"{name}: skeleton {clip.skeleton.name}, the others have {skeleton.name}; map it first")
    if clip.provenance.units in ("pixel", "metre"):
        clip = normalise(clip)
    if form and (clip.dims, clip.provenance.units) != form:
        raise InputError(
            f"{name}: {clip.dims}D in unit {clip.provenance.units}, the first clip is {form[0]}D in {form[1]}; "
            "lift and normalise all alike"
        )
    return clip if clip.fps == fps else clip.resample(fps)
