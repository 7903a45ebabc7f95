"""Filling of gaps in joint trajectories: linear in time, each joint alone, or hands carried by their wrists.

Torch, over batches, on any device. The same code prepares the refiner's input in training and in use,
and is the `linear` baseline.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from skeletor.poses.hands import carriers
from skeletor.poses.skeleton import Skeleton

Fill = Literal["zero", "linear", "carried"]


def interpolate(points: Tensor, observed: Tensor) -> Tensor:
    """Linear interpolation in time over the frames where a joint is not observed.

    points: (B, T, J, D), any values where not observed. observed: (B, T, J) bool. Before the first and
    after the last observation the nearest one is held. A joint that is never observed comes back as it was.
    """
    assert points.ndim == 4 and observed.shape == points.shape[:3], (points.shape, observed.shape)
    frames = points.shape[1]
    time = torch.arange(frames, device=points.device).view(1, -1, 1)  # (1, T, 1)
    before = torch.where(observed, time, -1).cummax(1).values  # (B, T, J) last observed frame, -1 if none
    after = torch.where(observed, time, frames).flip(1).cummin(1).values.flip(1)  # next one, T if none
    low = torch.where(before < 0, after, before)
    high = torch.where(after >= frames, before, after)
    never = low >= frames
    low, high = torch.where(never, time, low), torch.where(never, time, high)  # an observed joint: low = high = time
    share = ((time - low) / (high - low).clamp(min=1)).clamp(0, 1)[..., None].to(points.dtype)  # (B, T, J, 1)
    width = (-1, -1, -1, points.shape[3])
    first = points.gather(1, low[..., None].expand(width))  # (B, T, J, D)
    last = points.gather(1, high[..., None].expand(width))
    return torch.lerp(first, last, share)


def curve(points: Tensor, observed: Tensor) -> Tensor:
    """`interpolate` with a cubic Hermite curve instead of a line, through the observed frames around each gap.

    The slope at each end of a gap is that of the cubic through both ends and the next two observed frames outside
    (of the parabola, or the line, where there is only one or none). Frames before the first and after the last
    observation keep what they hold. points: (B, T, J, D); observed: (B, T, J) bool.
    """
    assert points.ndim == 4 and observed.shape == points.shape[:3], (points.shape, observed.shape)
    frames = points.shape[1]
    time = torch.arange(frames, device=points.device).view(1, -1, 1).expand(observed.shape)
    low = torch.where(observed, time, -1).cummax(1).values  # (B, T, J) last observed frame up to t, -1 if none
    high = torch.where(observed, time, frames).flip(1).cummin(1).values.flip(1)  # first one from t on, T if none
    earlier = torch.cat([torch.full_like(low[:, :1], -1), low[:, :-1]], 1)  # the same without t itself
    later = torch.cat([high[:, 1:], torch.full_like(high[:, :1], frames)], 1)
    inside = (low >= 0) & (high < frames) & (high > low)
    low, high = torch.where(inside, low, time), torch.where(inside, high, time)
    width = (-1, -1, -1, points.shape[3])

    def at(frame: Tensor) -> Tensor:
        return points.gather(1, frame.clamp(0, frames - 1)[..., None].expand(width))

    first, last = at(low), at(high)  # (B, T, J, D)
    length = (high - low).clamp(min=1)
    before, after = earlier.gather(1, low), later.gather(1, high)
    before2 = earlier.gather(1, before.clamp(min=0)).masked_fill(before < 0, -1)
    after2 = later.gather(1, after.clamp(max=frames - 1)).masked_fill(after >= frames, frames)
    line = (last - first) / length[..., None]
    cubic, parabola = _slope(line, length, first - at(before), low - before, at(before) - at(before2), before - before2)
    start = torch.where((before2 >= 0)[..., None], cubic, torch.where((before >= 0)[..., None], parabola, line))
    cubic, parabola = _slope(line, length, at(after) - last, after - high, at(after2) - at(after), after2 - after)
    stop = torch.where((after2 < frames)[..., None], cubic, torch.where((after < frames)[..., None], parabola, line))
    span = length[..., None].to(points.dtype)
    s = (time - low)[..., None] / span
    value = first + span * (line * s * s * (3 - 2 * s) + start * s * (1 - s) ** 2 - stop * s * s * (1 - s))
    return torch.where(inside[..., None], value, points)


def _slope(
    line: Tensor, length: Tensor, step: Tensor, frames: Tensor, step2: Tensor, frames2: Tensor
) -> tuple[Tensor, Tensor]:
    """Slope per frame at one end of a gap: of the cubic, and of the parabola (Newton's divided differences).

    line: (B, T, J, D) slope across the gap of `length` (B, T, J) frames. step: over the `frames` next to the gap;
    step2: over the `frames2` next to those.
    """
    gap, one, two = length[..., None], frames.clamp(min=1)[..., None], frames2.clamp(min=1)[..., None]
    near, far = step / one, step2 / two
    across = (line - near) / (gap + one)  # second differences
    outside = (near - far) / (one + two)
    third = (across - outside) / (gap + one + two)
    return near + one * outside + one * (one + two) * third, near + one * across


def regression(points: Tensor, confidence: Tensor, width: float = 1.5, degree: int = 3) -> Tensor:
    """A smooth curve near the observed frames: around each frame a polynomial fitted to them by weighted least squares.

    An observed frame weighs its confidence / (1 + (distance / width)^4)^2, so close ones decide where there are any,
    and the ends of a gap within it (local regression, Cleveland 1979). Frames before the first and after the last
    observation keep what they hold. points: (B, T, J, D) without gaps; confidence: (B, T, J), 0 where not observed.
    """
    assert points.ndim == 4 and confidence.shape == points.shape[:3], (points.shape, confidence.shape)
    batch, frames, joints, dims = points.shape
    time = torch.arange(frames, device=points.device)
    distance = (time[None, :] - time[:, None]).to(points.dtype) / width  # (T, T)
    kernel = (1 + distance**4) ** -2
    weight = confidence.transpose(0, 1).reshape(frames, -1)  # (T, B * J)
    value = (points * confidence[..., None]).transpose(0, 1).reshape(frames, -1)  # (T, B * J * D)
    own = points.transpose(0, 1).reshape(frames, -1, 1, dims)
    powers = [kernel * distance**m for m in range(2 * degree + 1)]
    moments = torch.stack([p @ weight for p in powers], -1)  # (T, B * J, 2 * degree + 1)
    sums = torch.stack([(p @ value).view(frames, -1, dims) for p in powers[: degree + 1]], -2)
    sums = sums - moments[..., : degree + 1, None] * own  # of differences from the frame's own value
    place = torch.arange(degree + 1, device=points.device)
    # Each unknown in units that make its diagonal 1; with the ridge the equations then always have a solution.
    unit = moments[..., : 2 * degree + 1 : 2].clamp(min=1e-12).rsqrt()  # (T, B * J, degree + 1)
    matrix = moments[..., place[:, None] + place] * unit[..., :, None] * unit[..., None, :]
    ridge = 1e-4 * torch.eye(degree + 1, device=points.device)
    offset = torch.linalg.solve(matrix + ridge, sums * unit[..., None])[..., 0, :] * unit[..., :1]
    fitted = offset + own[..., 0, :]
    seen = (confidence > 0).int()
    inside = (seen.cumsum(1) > 0) & (seen.flip(1).cumsum(1).flip(1) > 0)
    return torch.where(inside[..., None], fitted.view(frames, batch, joints, dims).transpose(0, 1), points)


def interpolate_within(points: Tensor, observed: Tensor, horizon: int, rest: Tensor) -> Tensor:
    """`interpolate` that looks at most `horizon` frames ahead, so that it can be done while frames come in.

    Gaps of which both ends lie at most `horizon` frames apart are filled as by `interpolate`. In a longer one the
    last position is held until `horizon` frames before the next observation, and interpolated from there. Before
    the first observation: that one, if it comes at most `horizon` frames after the first frame; else `rest`
    (J, D) takes the part of the last position. A joint that is never observed takes its place from `rest`.
    """
    assert points.ndim == 4 and observed.shape == points.shape[:3], (points.shape, observed.shape)
    frames = points.shape[1]
    time = torch.arange(frames, device=points.device).view(1, -1, 1)  # (1, T, 1)
    before = torch.where(observed, time, -1).cummax(1).values  # (B, T, J)
    after = torch.where(observed, time, frames).flip(1).cummin(1).values.flip(1)
    none_after = after >= frames
    start = torch.maximum(before, after - horizon)  # where the interpolation begins
    share = ((time - start) / (after - start).clamp(min=1)).clamp(0, 1).to(points.dtype)
    early = (before < 0) & (after <= horizon) & ~none_after
    share = torch.where(early, 1.0, torch.where(none_after | observed, 0.0, share))[..., None]
    width = (-1, -1, -1, points.shape[3])
    first = points.gather(1, before.clamp(min=0)[..., None].expand(width))
    first = torch.where((before < 0)[..., None], rest, first)
    last = points.gather(1, after.clamp(max=frames - 1)[..., None].expand(width))
    return torch.lerp(first, torch.where(none_after[..., None], first, last), share)


def fill_carried(
    points: Tensor, observed: Tensor, skeleton: Skeleton, rest: Tensor | None = None, horizon: int | None = None
) -> Tensor:
    """Fill gaps so that a lost hand goes on with its wrist.

    Joints of the hands are interpolated relative to their wrist, all others as they are. Where wrist and
    hand are missing together this equals `interpolate`. points: (B, T, J, D); observed: (B, T, J) bool.
    rest: (J, D), a typical pose: a joint that is never observed takes its place there, relative to the wrist
    for a joint of a hand (without `rest`: 0). horizon: see `interpolate_within`. The result has no gap.
    """
    assert observed.shape == points.shape[:3] and points.shape[2] == len(skeleton)
    if rest is None:
        rest = points.new_zeros(points.shape[2:])
    free, hand, wrist_of = (torch.tensor(x, device=points.device, dtype=torch.long) for x in hand_joints(skeleton))
    filled = points.index_copy(2, free, _filled(points[:, :, free], observed[:, :, free], rest[free], horizon))
    origin = filled.index_select(2, wrist_of)  # (B, T, K, D)
    offset = points.index_select(2, hand) - origin
    offset = _filled(offset, observed.index_select(2, hand), rest[hand] - rest[wrist_of], horizon)
    return filled.index_copy(2, hand, origin + offset)


def hand_joints(skeleton: Skeleton) -> tuple[list[int], list[int], list[int]]:
    """Indices of joints outside the hands, of joints of hands (K,), and of the wrists that carry the latter (K,)."""
    carrier = carriers(skeleton)
    hand = [j for j, c in enumerate(carrier) if c != j]
    return [j for j, c in enumerate(carrier) if c == j], hand, [carrier[j] for j in hand]


def _filled(points: Tensor, observed: Tensor, rest: Tensor, horizon: int | None = None) -> Tensor:
    """`interpolate`, and `rest` (J, D) for the joints that are never observed."""
    if horizon is not None:
        return interpolate_within(points, observed, horizon, rest)
    filled = interpolate(points, observed)
    seen = observed.any(1, keepdim=True)
    return filled if bool(seen.all()) else torch.where(seen[..., None], filled, rest)


def fill_missing(
    points: Tensor,
    confidence: Tensor,
    how: Fill,
    minimum_confidence: float,
    skeleton: Skeleton,
    rest: Tensor,
    horizon: int | None = None,
) -> tuple[Tensor, Tensor]:
    """What enters the refiner: points without gaps, and confidences that are 0 for every filled joint.

    A joint is taken as missing if its confidence is 0 or below `minimum_confidence`; what it holds is
    replaced (NaN is allowed there). how: "zero" puts 0 there, as the paper seems to do; "linear"
    interpolates each joint in time; "carried" is `fill_carried`. A joint that is never observed takes its
    place from `rest` (J, D). horizon: frames that may be looked ahead, see `interpolate_within`; None: all.
    """
    observed = (confidence > 0) & (confidence >= minimum_confidence)
    confidence = torch.where(observed, confidence, 0.0)
    if how == "carried":
        return fill_carried(points, observed, skeleton, rest, horizon), confidence
    if how == "linear":
        return _filled(points, observed, rest, horizon), confidence
    return torch.where(observed[..., None], points, 0.0), confidence


def interpolate_array(points: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """`interpolate` for one sequence of numpy arrays: (T, J, D) and (T, J) bool."""
    if len(points) == 0:
        return points
    return interpolate(torch.from_numpy(points)[None], torch.from_numpy(observed)[None])[0].numpy()
