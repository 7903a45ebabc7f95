"""Refinement of clips of any length with a trained network (the paper, section 4.2)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from skeletor.poses.absent import known_absent
from skeletor.poses.hands import carriers
from skeletor.poses.normalise import denormalise, normalise
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.refiners.fill import fill_missing
from skeletor.refiners.inference.steady import hang_steadily
from skeletor.refiners.inference.stream import HORIZON, Placement, RefinerStream, StreamingRefiner, averaging, batch_on
from skeletor.refiners.inference.trust import Trust
from skeletor.refiners.inference.unseen import keep_unseen
from skeletor.refiners.networks.build import REFINER_OF, kind_of
from skeletor.refiners.weights import LoadedRefiner
from skeletor.support.errors import InputError
from skeletor.support.listening import said

VERSION = "3"
# Of networks that keep the fill: joints that nobody sees stay where they were, hidden hands hang on steady wrists.
VERSION_KEEPS_FILL = "5"
SAME_RATE = 0.01  # frame rates that differ by less (25 and 24.97) are taken as one
GROUP_FRAMES = 20_000  # clips are refined together up to this number of frames; a longer one in pieces
CHUNK_FRAMES = 4096
_NEARLY = 1e-6  # frames


class SkeletorRefiner:
    """Runs the network over overlapping windows and averages what it says of each frame.

    radius: each frame is averaged over the windows in which it lies at most `radius` frames from the centre (the
    paper's r: 2r+1 windows). stride: only every stride-th window is computed; 1 is the paper, `stride` divides the
    cost. At most 2r+1, so that every frame is in a window. With the defaults, 3/8 (unless the network says
    otherwise) and 1/2 of the window (24 and 32 of 64), errors of position were within 1 %, of acceleration within 5
    % of those at stride 1, 30 times as fast. Clips are padded by repeating their first and last frames. horizon: a
    gap is filled with what comes at most so many frames later (`skeletor.refiners.fill.interpolate_within`), as
    `inference.stream` does. trust: a limit to how far sure joints are moved, or None. batch: windows at a
    time, None: as of `batch_on`; memory grows with it, and with nothing else but the clip itself.
    """

    def __init__(
        self,
        loaded: LoadedRefiner,
        radius: int | None = None,
        stride: int | None = None,
        batch: int | None = None,
        horizon: int = HORIZON,
        trust: Trust | None = None,
    ) -> None:
        self.name = REFINER_OF[kind_of(loaded.info.model)]
        how = averaging(loaded.info.model["window"], loaded.model.default_radius if radius is None else radius, stride)
        self._loaded, self._how, self._horizon, self._trust = loaded, how, horizon, trust
        info = loaded.info
        self.skeleton, self.fps, self.dims = info.skeleton, float(info.fps), int(info.model["dims"])
        self.normalises = info.units == "shoulder"
        self._device = next(loaded.model.parameters()).device
        self._batch = batch_on(self._device, batch)
        version = VERSION_KEEPS_FILL if loaded.model.keeps_fill else VERSION
        self.version = f"{version}-{loaded.digest}" if loaded.digest else version
        record = {"radius": how.radius, "stride": how.stride, "horizon": horizon, "preset": info.preset}
        if trust is not None:
            record |= {"certain": trust.certain, "bound": trust.bound}
        self.stage = StageRecord("refine", self.version, {"name": self.name, **record})

    def __call__(self, pose: PoseSequence) -> PoseSequence:
        """The refined pose: same frames, joints, confidence, frame rate and units; of its joints only absent ones are
        missing (`skeletor.poses.absent`).

        Raises InputError if skeleton or dimensions are not the model's, or if nobody can be normalised.
        """
        return self.many([pose])[0]

    def many(self, poses: Sequence[PoseSequence]) -> list[PoseSequence]:
        """Refine many clips; windows of several clips share a batch."""
        inputs = [self._to_model(pose) for pose in poses]
        refined: list[np.ndarray] = []
        groups = list(_groups([len(i) for i in inputs]))
        for group in said(groups, "groups of clips", len(groups)):
            clips = inputs[group]
            refined += [self._refine_long(clips[0])] if len(clips[0]) > GROUP_FRAMES else self._refine_group(clips)
        if self._trust is not None:
            refined = [self._trust.limit(r, i.keypoints, i.confidence) for r, i in zip(refined, inputs, strict=True)]
        return [self._from_model(*both) for both in zip(poses, inputs, refined, strict=True)]

    def stream(self, placement: Placement | None) -> StreamingRefiner:
        """The same for frames that come in pieces. placement: of a signer who is not in the model's units."""
        how = self._how
        return StreamingRefiner(
            self._loaded, how.radius, how.stride, self._horizon, placement, self._batch, self._trust
        )

    def _to_model(self, pose: PoseSequence) -> PoseSequence:
        """In the model's units and frame rate, with a last frame that reaches to the end of the clip."""
        pose = self._in_units(pose)
        fps = self._loaded.info.fps
        if abs(pose.fps / fps - 1) < SAME_RATE:
            return pose
        return pose.resample(fps, math.ceil(len(pose) * fps / pose.fps - _NEARLY))

    def _in_units(self, pose: PoseSequence) -> PoseSequence:
        info = self._loaded.info
        name = pose.provenance.source or "pose"
        if pose.skeleton != info.skeleton:
            raise InputError(
                f"{name}: skeleton {pose.skeleton.name}, the refiner was trained on {info.skeleton.name}; map it first"
            )
        if pose.dims != info.model["dims"]:
            raise InputError(f"{name}: {pose.dims}D, the refiner was trained on {info.model['dims']}D; lift it first")
        if info.units == "shoulder" and pose.provenance.units != "shoulder" and len(pose):
            return normalise(pose)
        return pose

    def _from_model(self, pose: PoseSequence, model_input: PoseSequence, refined: np.ndarray) -> PoseSequence:
        """Back on the frames and in the units of `pose`."""
        if model_input.fps != pose.fps:
            refined = self._at_rate(pose, model_input, refined)
        if self._loaded.model.keeps_fill:
            refined = self._keeping_unseen(pose, refined)
        refined = np.where(known_absent(pose)[..., None], np.float32(np.nan), refined)
        if model_input.provenance.units == pose.provenance.units:
            return pose.replace(refined, stage=self.stage)
        record = model_input.provenance.stage("normalise")
        assert record is not None
        scaled = pose.replace(refined, stage=record, units=model_input.provenance.units)
        return pose.replace(denormalise(scaled).keypoints, stage=self.stage)

    def _keeping_unseen(self, pose: PoseSequence, refined: np.ndarray) -> np.ndarray:
        """Refined joints (T, J, D) of `pose`, in the model's units, with those that nobody sees as they came in."""
        own, info = self._in_units(pose), self._loaded.info
        observed = (own.confidence > 0) & (own.confidence >= info.minimum_confidence)
        return keep_unseen(refined, own.keypoints, observed, self._horizon_at(pose.fps / info.fps))

    def _horizon_at(self, rate: float) -> int:
        """The horizon in frames of a clip whose frame rate is so many times the model's."""
        return max(1, round(self._horizon * rate))

    def _at_rate(self, pose: PoseSequence, model_input: PoseSequence, refined: np.ndarray) -> np.ndarray:
        """Refined joints (T', J, D) at the frames of `pose`, (T, J, D) in the model's units.

        A network that keeps the fill gives a correction of it: only that is brought from one frame rate to the other,
        so that what was seen is not blurred. A gap's correction reaches no seen joint further than the bound. At more
        frames a second than the model's, a hand that the fill hung on its wrist is hung on a steady path of it.
        """
        model, fps = self._loaded.model, self._loaded.info.fps
        if not model.keeps_fill:
            return _at_frames(refined, len(pose), fps / pose.fps)
        own = self._in_units(pose)
        filled, confidence = (x.cpu().numpy() for x in self._prepare(own, pose.fps / fps))
        before, _ = self._prepare(model_input)
        step = _at_frames(refined - before.cpu().numpy(), len(pose), fps / pose.fps)
        length = np.linalg.norm(step, axis=-1, keepdims=True)
        limit = np.where(confidence > 0, model.bound / np.maximum(confidence, 1e-3), np.inf)[..., None]
        near: np.ndarray = filled + step * np.minimum(1, limit / np.maximum(length, 1e-12))
        near = near.astype(np.float32)
        if self._loaded.info.fill != "carried":  # a line from place to place has no jitter of the wrist in it
            return near
        carrier, horizon = np.array(carriers(self.skeleton)), self._horizon_at(pose.fps / fps)
        return hang_steadily(near, filled, confidence > 0, carrier, pose.fps, fps, horizon)

    def _refine_long(self, clip: PoseSequence) -> np.ndarray:
        """Piece by piece, with the result of the whole; what is held besides the clip does not grow with it."""
        stream = RefinerStream(self._loaded, self._how, self._horizon, self._batch, eager=False)
        result = np.empty_like(clip.keypoints)
        done = 0
        starts = range(0, len(clip), CHUNK_FRAMES)
        for start in said(starts, "parts of the clip", len(starts)):
            part = slice(start, start + CHUNK_FRAMES)
            refined = stream.push(clip.keypoints[part], clip.confidence[part], last=part.stop >= len(clip))
            result[done : done + len(refined)] = refined
            done += len(refined)
        assert done == len(clip), (done, len(clip))
        return result

    @torch.inference_mode()
    def _refine_group(self, clips: list[PoseSequence]) -> list[np.ndarray]:
        """Refined keypoints of clips that are in the model's form."""
        if not any(len(clip) for clip in clips):
            return [clip.keypoints for clip in clips]
        prepared = [self._prepare(clip) for clip in clips]
        points = torch.cat([p for p, _ in prepared])  # (F, J, D)
        confidence = torch.cat([c for _, c in prepared])  # (F, J)
        total = torch.zeros_like(points)
        count = points.new_zeros(len(points))
        model, radius = self._loaded.model, self._how.radius
        half = model.window // 2
        inner = torch.arange(-radius, radius + 1, device=self._device)
        offsets = torch.arange(model.window, device=self._device) - half
        for centres, starts, stops in self._centres([len(c) for c in clips]):
            frames = torch.minimum(torch.maximum(centres[:, None] + offsets, starts), stops - 1)  # (W, n1)
            predicted = model(points[frames], confidence[frames])[:, half - radius : half + radius + 1]
            place = centres[:, None] + inner  # (W, 2r+1) frames that these predictions are for
            inside = (place >= starts) & (place < stops)
            total.index_add_(0, place[inside], predicted[inside])
            count.index_add_(0, place[inside], count.new_ones(()).expand(int(inside.sum())))
        mean = (total / count[:, None, None]).cpu().numpy()
        return np.split(mean, np.cumsum([len(c) for c in clips])[:-1])

    def _prepare(self, clip: PoseSequence, rate: float = 1.0) -> tuple[Tensor, Tensor]:
        """Gaps filled over the whole clip: (T, J, D) and (T, J). rate: its frame rate over the model's."""
        info = self._loaded.info
        points = torch.from_numpy(clip.keypoints).to(self._device)[None]
        confidence = torch.from_numpy(clip.confidence).to(self._device)[None]
        points, confidence = fill_missing(
            points,
            confidence,
            info.fill,
            info.minimum_confidence,
            info.skeleton,
            self._loaded.model.rest,
            self._horizon_at(rate),
        )
        return points[0], confidence[0]

    def _centres(self, lengths: list[int]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Batches of windows over clips that lie one after the other: centres (W,), clip starts and stops (W, 1)."""
        stops = np.cumsum(lengths)
        centres, begins, ends = [], [], []
        for length, stop in zip(lengths, stops, strict=True):
            if length == 0:
                continue
            own = np.arange(self._how.first, self._how.end(length), self._how.stride) + stop - length
            centres.append(own)
            begins.append(np.full(len(own), stop - length))
            ends.append(np.full(len(own), stop))
        table = np.stack([np.concatenate(x) for x in (centres, begins, ends)])
        for k in range(0, table.shape[1], self._batch):
            part = torch.from_numpy(table[:, k : k + self._batch]).to(self._device)
            yield part[0], part[1][:, None], part[2][:, None]


def _groups(lengths: list[int]) -> Iterator[slice]:
    """Slices of clips with at most GROUP_FRAMES frames together, or of one longer clip."""
    start, frames = 0, 0
    for k, length in enumerate(lengths):
        if k > start and frames + length > GROUP_FRAMES:
            yield slice(start, k)
            start, frames = k, 0
        frames += length
    if start < len(lengths):
        yield slice(start, len(lengths))


def _at_frames(values: np.ndarray, frames: int, rate: float) -> np.ndarray:
    """Values (T', J, D) interpolated linearly at `frames` frames of a pose, `rate` of them a frame.

    The inverse of `PoseSequence.resample`. It goes by the rates: T' is a whole number, so by T' / frames the motion
    would be the more out of step, the nearer the clip's end.
    """
    position = np.clip((np.arange(frames) + 0.5) * rate - 0.5, 0, len(values) - 1)
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, len(values) - 1)
    share = (position - low).astype(np.float32)[:, None, None]
    between: np.ndarray = values[low] * (1 - share) + values[high] * share
    return between
