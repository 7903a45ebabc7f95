"""The refiner on frames as they come in: a fixed delay, flat memory, and the same result as for the whole clip.

The same parts refine long clips piece by piece. Three things look at other frames than the one they give:
gaps are filled with at most `horizon` frames of the future (`skeletor.refiners.fill.interpolate_within`; hands twice,
after their wrists), the network sees a window around each frame, and `radius` windows behind it count too. Their sum is
the delay. Normalisation looks at the whole clip, so a stream has to be told where the signer stands: `Placement`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skeletor.poses.normalise import STAGE, normalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import Skeleton
from skeletor.refiners.fill import Fill, hand_joints, interpolate_within
from skeletor.refiners.inference.trust import Trust
from skeletor.refiners.inference.unseen import Unseen
from skeletor.refiners.networks.build import Network
from skeletor.refiners.weights import LoadedRefiner
from skeletor.support.errors import InputError

HORIZON = 16  # frames; on rendered clips the errors with 16, 32 and no limit differ by 0.03 % at most


@dataclass(frozen=True)
class Averaging:
    """How windows are averaged: those with a centre at most `radius` away, every `stride`-th of them."""

    window: int
    radius: int
    stride: int

    @property
    def first(self) -> int:
        """Frame at the centre of a clip's first window; negative if it lies before the clip."""
        return -self.radius if self.stride == 1 else 0

    def end(self, frames: int) -> int:
        """The frame before which all centres of a clip of `frames` frames lie."""
        return frames + (self.radius if self.stride == 1 else self.stride - 1)


def averaging(window: int, radius: int | None, stride: int | None) -> Averaging:
    """Radius and stride in frames, by default 3/8 and 1/2 of the window (or what the radius leaves).

    Raises InputError if the stride would leave frames out, or the radius does not fit in the window.
    """
    radius = 3 * window // 8 if radius is None else radius
    stride = max(1, min(window // 2, 2 * radius + 1)) if stride is None else stride
    if stride > 2 * radius + 1:
        raise InputError(f"refine.stride {stride} is above 2 radius + 1 = {2 * radius + 1}: frames would be left out")
    if radius > (window - 1) // 2:
        raise InputError(f"refine.radius {radius} does not fit in the model's window of {window} frames")
    return Averaging(window, radius, stride)


def batch_on(device: torch.device, batch: int | None) -> int:
    """Windows at a time: those asked for, or what is fast. On a CPU few, so that they stay in its caches."""
    return batch or (16 if device.type == "cpu" else 256)


class GapStream:
    """`interpolate_within` over frames that come in pieces; each comes out `horizon` frames later."""

    def __init__(self, rest: Tensor, horizon: int) -> None:
        self._rest, self._horizon = rest, horizon
        self._points = rest.new_zeros(0, *rest.shape)  # frames from `base` on
        self._observed = torch.zeros(0, len(rest), dtype=torch.bool, device=rest.device)
        self._base, self._sent = 0, 0
        self._state = rest  # (J, D) where each joint was last seen before `base`

    def push(self, points: Tensor, observed: Tensor, last: bool) -> Tensor:
        """The next frames (n, J, D) without NaN, observed (n, J) bool -> the frames that are ready, filled, (m, J, D).

        last: no frames come after these; all that are held come out.
        """
        self._points, self._observed = torch.cat([self._points, points]), torch.cat([self._observed, observed])
        end = self._base + len(self._points)
        ready = end if last else max(self._sent, end - self._horizon)
        if ready == self._sent:
            return points[:0]
        lead = int(self._base > 0)  # a gap that begins before the buffer is longer than the horizon: where is enough
        held, seen = self._points, self._observed
        if lead:
            held, seen = torch.cat([self._state[None], held]), torch.cat([torch.ones_like(seen[:1]), seen])
        filled = interpolate_within(held[None], seen[None], self._horizon, self._rest)[0]
        result = filled[lead + self._sent - self._base : lead + ready - self._base]
        self._sent = ready
        self._forget(max(0, ready - self._horizon) - self._base)
        return result

    def _forget(self, count: int) -> None:
        """Drop the oldest frames, but remember where each joint was."""
        if count <= 0:
            return
        gone, seen = self._points[:count], self._observed[:count]
        latest = count - 1 - seen.flip(0).to(torch.uint8).argmax(0)  # (J,)
        found = gone.gather(0, latest[None, :, None].expand(1, -1, gone.shape[2]))[0]
        self._state = torch.where(seen.any(0)[:, None], found, self._state)
        self._points, self._observed = self._points[count:].clone(), self._observed[count:].clone()
        self._base += count


class FillStream:
    """`skeletor.refiners.fill.fill_missing` over frames that come in pieces; each comes out `delay` frames later."""

    def __init__(self, how: Fill, minimum_confidence: float, skeleton: Skeleton, rest: Tensor, horizon: int) -> None:
        self._how, self._minimum, self._rest = how, minimum_confidence, rest
        free, hand, wrist_of = hand_joints(skeleton) if how == "carried" else (list(range(len(skeleton))), [], [])
        self._free, self._hand, self._wrist_of = (
            torch.tensor(x, device=rest.device).long() for x in (free, hand, wrist_of)
        )
        self._wrist = torch.tensor([free.index(w) for w in wrist_of], device=rest.device).long()
        self._body = GapStream(rest[self._free], horizon)
        self._offset = GapStream(rest[self._hand] - rest[self._wrist_of], horizon)
        self._confidence = rest.new_zeros(0, len(skeleton))
        self._waiting = rest.new_zeros(0, len(hand), rest.shape[1]), rest.new_zeros(0, len(hand)).bool()
        self._carriers = rest.new_zeros(0, len(free), rest.shape[1])
        self.delay = 0 if how == "zero" else horizon * (2 if hand else 1)

    def push(self, points: Tensor, confidence: Tensor, last: bool) -> tuple[Tensor, Tensor]:
        """Frames (n, J, D), NaN where missing, and confidence (n, J) -> frames (m, J, D) and confidences (m, J).

        They are filled as `prepare` does. last: no frames come after these.
        """
        observed = (confidence > 0) & (confidence >= self._minimum)
        points = torch.where(observed[..., None], points, 0.0)
        self._confidence = torch.cat([self._confidence, torch.where(observed, confidence, 0.0)])
        filled = points if self._how == "zero" else self._carried(points, observed, last)
        done, self._confidence = self._confidence[: len(filled)], self._confidence[len(filled) :].clone()
        return filled, done

    def _carried(self, points: Tensor, observed: Tensor, last: bool) -> Tensor:
        body = self._body.push(points[:, self._free], observed[:, self._free], last)
        if not len(self._hand):
            return body
        hands = torch.cat([self._waiting[0], points[:, self._hand]])
        seen = torch.cat([self._waiting[1], observed[:, self._hand]])
        n = len(body)
        self._waiting = hands[n:].clone(), seen[n:].clone()
        offset = self._offset.push(hands[:n] - body[:, self._wrist], seen[:n], last)
        carriers = torch.cat([self._carriers, body])
        m = len(offset)
        self._carriers = carriers[m:].clone()
        result = points.new_empty(m, *points.shape[1:])
        result[:, self._free] = carriers[:m]
        result[:, self._hand] = carriers[:m, self._wrist] + offset
        return result


class WindowStream:
    """The network over windows of frames that come in pieces, averaged.

    eager: run what can be run, in batches of any size up to `batch`; otherwise only full batches (but for the
    last), so that the result is the same to the bit however the frames are cut.
    """

    def __init__(self, model: Network, how: Averaging, batch: int, eager: bool) -> None:
        self._model, self._how, self._batch, self._eager = model, how, batch, eager
        rest = model.rest
        self._points, self._confidence = rest.new_zeros(0, *rest.shape), rest.new_zeros(0, len(rest))
        self._total, self._count = rest.new_zeros(0, *rest.shape), rest.new_zeros(0)  # of frames from `sent` on
        self._base, self._sent, self._frames, self._centre = 0, 0, 0, how.first
        half = how.window // 2
        self._half, self.delay = half, how.radius + how.window - half - 1
        self._inner = torch.arange(-how.radius, how.radius + 1, device=rest.device)
        self._offsets = torch.arange(how.window, device=rest.device) - half

    def push(self, points: Tensor, confidence: Tensor, last: bool) -> Tensor:
        """(n, J, D) and (n, J) from `FillStream` -> the next refined frames (m, J, D).

        last: no frames come after these.
        """
        how = self._how
        self._points, self._confidence = torch.cat([self._points, points]), torch.cat([self._confidence, confidence])
        self._total = torch.cat([self._total, torch.zeros_like(points)])
        self._count = torch.cat([self._count, self._count.new_zeros(len(points))])
        self._frames += len(points)
        if not self._frames:
            return points
        end = how.end(self._frames) if last else self._frames - (how.window - self._half) + 1
        centres = torch.arange(self._centre, max(self._centre, end), how.stride, device=points.device)
        if not last and not self._eager:
            centres = centres[: len(centres) // self._batch * self._batch]
        for part in centres.split(self._batch):
            if len(part):
                self._run(part)
        self._centre += how.stride * len(centres)
        return self._done(last)

    def _run(self, centres: Tensor) -> None:
        """Add what the network says of the frames around these centres."""
        frames = (centres[:, None] + self._offsets).clamp(0, self._frames - 1) - self._base  # (W, n1)
        r = self._how.radius
        predicted = self._model(self._points[frames], self._confidence[frames])
        predicted = predicted[:, self._half - r : self._half + r + 1]
        place = centres[:, None] + self._inner  # (W, 2r+1) frames that these predictions are for
        inside = (place >= 0) & (place < self._frames)
        index = place[inside] - self._sent
        self._total.index_add_(0, index, predicted[inside])
        self._count.index_add_(0, index, torch.ones_like(index, dtype=self._count.dtype))

    def _done(self, last: bool) -> Tensor:
        """The frames that no later window can change; forget what is not needed any more."""
        ready = self._frames if last else min(self._frames, max(self._sent, self._centre - self._how.radius))
        n = ready - self._sent
        result = self._total[:n] / self._count[:n, None, None]
        self._total, self._count, self._sent = self._total[n:].clone(), self._count[n:].clone(), ready
        keep = min(max(self._base, self._centre - self._half), self._frames - 1) - self._base
        self._points, self._confidence = self._points[keep:].clone(), self._confidence[keep:].clone()
        self._base += keep
        return result


class RefinerStream:
    """Gaps filled and refined, on the model's device and in its units: `FillStream` and `WindowStream` in a row."""

    def __init__(self, loaded: LoadedRefiner, how: Averaging, horizon: int, batch: int, eager: bool) -> None:
        info, model = loaded.info, loaded.model
        self._fill = FillStream(info.fill, info.minimum_confidence, info.skeleton, model.rest, horizon)
        self._windows = WindowStream(model, how, batch, eager)
        self._device = model.rest.device
        self.delay = self._fill.delay + self._windows.delay

    @torch.inference_mode()
    def push(self, keypoints: np.ndarray, confidence: np.ndarray, last: bool = False) -> np.ndarray:
        """Frames (n, J, D), NaN where missing, and confidence (n, J) -> refined frames (m, J, D) that are ready.

        In the model's units. last: no frames come after these.
        """
        points = torch.from_numpy(np.ascontiguousarray(keypoints, np.float32)).to(self._device)
        sure = torch.from_numpy(np.ascontiguousarray(confidence, np.float32)).to(self._device)
        filled, kept = self._fill.push(points, sure, last)
        result: np.ndarray = self._windows.push(filled, kept, last).cpu().numpy()
        return result


@dataclass(frozen=True)
class Placement:
    """Where the signer stands and how large: coordinates become (x - centre) / scale. centre: (D,)."""

    centre: np.ndarray
    scale: float

    @staticmethod
    def of(pose: PoseSequence) -> Placement:
        """As `skeletor.poses.normalise` finds it in these frames (the first seconds, say). InputError as there."""
        record = normalise(pose).provenance.stage(STAGE)
        assert record is not None
        return Placement(np.asarray(record.config["centre"]), float(record.config["scale"]))


class StreamingRefiner:
    """Refines frames while they come in: frame t comes out when frame t + `delay` is pushed, or before.

    Gives what `SkeletorRefiner` with the same radius, stride, horizon and trust gives for the whole clip (within
    1e-5 shoulder widths: the batches differ). Frames are at the model's frame rate, and in its units, unless
    `placement` brings them there (and the result back). A signer who walks away from the placement is refined as
    if standing there: take a new stream, with a new placement, when the camera or the signer changes.
    """

    def __init__(
        self,
        loaded: LoadedRefiner,
        radius: int | None = None,
        stride: int | None = None,
        horizon: int = HORIZON,
        placement: Placement | None = None,
        batch: int | None = None,
        trust: Trust | None = None,
    ) -> None:
        info = loaded.info
        batch = batch_on(loaded.model.rest.device, batch)
        how = averaging(info.model["window"], loaded.model.default_radius if radius is None else radius, stride)
        self._shape = (len(info.skeleton), int(info.model["dims"]))
        if placement is not None and np.shape(placement.centre) != self._shape[1:]:
            raise InputError(f"stream: the placement's centre must have {self._shape[1]} coordinates")
        self._placement = placement
        self._stream = RefinerStream(loaded, how, horizon, batch, eager=True)
        self._ended = False
        self._trust, self._minimum = trust, info.minimum_confidence
        self._unseen = Unseen(self._shape[0], horizon) if loaded.model.keeps_fill else None
        self._seen, self._sure = np.zeros((0, *self._shape), np.float32), np.zeros((0, self._shape[0]))
        self.delay = self._stream.delay

    def push(self, keypoints: np.ndarray, confidence: np.ndarray | None = None) -> np.ndarray:
        """The next frames (n, J, D), NaN where missing, n >= 0 -> refined frames (m, J, D) that are done, in order.

        confidence: (n, J); None takes 1 for what is there. InputError if the shapes are not the model's.
        """
        return self._push(keypoints, confidence, last=False)

    def finish(self) -> np.ndarray:
        """The last frames (m, J, D), those that still waited for later ones.

        To be called once, after the last `push`.
        """
        result = self._push(np.zeros((0, *self._shape), np.float32), None, last=True)
        self._ended = True
        return result

    def _push(self, keypoints: np.ndarray, confidence: np.ndarray | None, last: bool) -> np.ndarray:
        if self._ended:
            raise InputError("stream: it was finished; take a new one for another clip")
        if keypoints.ndim != 3 or keypoints.shape[1:] != self._shape:
            want = ", ".join(map(str, self._shape))
            raise InputError(f"stream: frames have shape {keypoints.shape}, the refiner takes (n, {want})")
        if confidence is not None and np.shape(confidence) != keypoints.shape[:2]:
            raise InputError(f"stream: confidence has shape {np.shape(confidence)}, expected {keypoints.shape[:2]}")
        missing = np.isnan(keypoints).any(-1)
        sure = np.where(missing, 0.0, 1.0 if confidence is None else confidence)
        place = self._placement
        if place is not None:
            keypoints = (keypoints - place.centre) / place.scale
        refined = self._as_whole(self._stream.push(keypoints, sure, last), keypoints, sure)
        return refined if place is None else (refined * place.scale + place.centre).astype(np.float32)

    def _as_whole(self, refined: np.ndarray, keypoints: np.ndarray, sure: np.ndarray) -> np.ndarray:
        """Refined frames with unseen joints as they came in and within the bounds of `trust`, as in the whole clip.

        What came in is kept until its frame comes out.
        """
        if self._trust is None and self._unseen is None:
            return refined
        seen, sure_all = np.concatenate([self._seen, keypoints]), np.concatenate([self._sure, sure])
        done = len(refined)
        self._seen, self._sure = seen[done:], sure_all[done:]
        if self._unseen is not None:
            self._unseen.push((sure > 0) & (sure >= self._minimum))
            known = sure_all[:done]
            refined = self._unseen.kept(refined, seen[:done], (known > 0) & (known >= self._minimum))
        return refined if self._trust is None else self._trust.limit(refined, seen[:done], sure_all[:done])
