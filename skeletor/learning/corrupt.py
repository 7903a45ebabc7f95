"""Corruption of skeletons for training and tests: the paper's masks and noise, and errors of real detectors.

Every function takes and gives points (B, T, J, D) and confidence (B, T, J) on one device, never changes its
arguments, and draws from the generator it is given. Where the
confidence is 0 a point means nothing (what came in there must not be NaN).
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Generator, Tensor

from skeletor.learning.measured import LONGEST, MeasuredNoise, gap_lengths, measured_runs
from skeletor.poses.skeleton import Skeleton
from skeletor.support.config import Config

Share = Annotated[float, Field(ge=0, le=1)]
Frames = Annotated[float, Field(ge=1, le=100)]


class Corruption(Config):
    """How much of each corruption. Shares are means over frames.

    The defaults are the `small` preset's. frame_mask, joint_mask: share of frames and of single joints
    masked. frame_noise, joint_noise: share of frames and of joints that get the paper's uniform noise in
    [-s limb, s limb], s drawn up to `noise_strength` for each window. hand_drop, hand_freeze, hand_swap:
    share of frames in which a hand is missing, stands still, or lies on the other hand, in runs of
    `run_length` frames in the mean. frame_drop: share of frames that are missing whole, in such runs.
    longest_run: if it is above `run_length`, each window draws its own mean length between 1 and this.
    jitter: standard deviation of a joint that rests, in units of the points; jitter_speed: added per unit of speed
    (units per frame); jitter_depth: factor on the depth.
    vary: every window draws its own factor between 0 and 2 on all shares and on the jitter, so that the
    model meets good and bad clips.
    measured: a detector's own errors (`skeletor fit-noise`): the runs of `hand_drop` and `frame_drop` then have its
    lengths, hands are lost together as often as with it, and its jitter, times measured_jitter, replaces `jitter`
    (clips that it tracked have it already). even_gaps: share of these runs whose length is anything up to longest_run,
    all alike: most real gaps are of a frame.
    """

    frame_mask: Share = 0.03
    joint_mask: Share = 0.03
    frame_noise: Share = 0.02
    joint_noise: Share = 0.03
    noise_strength: Annotated[float, Field(ge=0, le=2)] = 0.7
    hand_drop: Share = 0.10
    hand_freeze: Share = 0.03
    hand_swap: Share = 0.06
    frame_drop: Share = 0.03
    run_length: Frames = 3.0
    longest_run: Frames = 16.0
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.008
    jitter_speed: Annotated[float, Field(ge=0, le=2)] = 0.10
    jitter_depth: Annotated[float, Field(ge=0, le=10)] = 2.0
    vary: bool = True
    measured: MeasuredNoise | None = None
    measured_jitter: Annotated[float, Field(ge=0, le=10)] = 1.0
    even_gaps: Share = 0.5


class Body(NamedTuple):
    """What corruption must know of a skeleton, as tensors on the device: see `body_of`."""

    limb: Tensor  # (J,) length of the limb that ends in each joint
    hands: Tensor  # (2, K) joints of the left and the right hand, K may be 0
    wrists: Tensor  # (2,) the joints that carry the hands


def body_of(skeleton: Skeleton, typical: Tensor) -> Body:
    """Limb lengths and hands of a skeleton; `typical` (J, D) is a typical pose in the units of the points.

    A root takes the mean length of the bones that leave it. Without bones all limbs are a tenth of the
    pose's spread. Hands exist if the skeleton has groups left_hand and right_hand of one size.
    """
    device = typical.device
    limb = torch.full((len(skeleton),), 0.1 * float(typical.std(0).norm()), device=device)
    if skeleton.bones:
        parents, children = torch.tensor(skeleton.bones, device=device).T
        lengths = (typical[children] - typical[parents]).norm(dim=-1)
        limb[children] = lengths
        for root in {p for p in range(len(skeleton)) if skeleton.parents[p] < 0}:
            leaving = lengths[parents == root]
            limb[root] = leaving.mean() if len(leaving) else limb[root]
    groups = dict(skeleton.groups)
    left, right = groups.get("left_hand", ()), groups.get("right_hand", ())
    if not left or len(left) != len(right):
        return Body(
            limb, torch.zeros(2, 0, dtype=torch.long, device=device), torch.zeros(2, dtype=torch.long, device=device)
        )
    hands = torch.tensor([left, right], device=device)
    wrists = [next((skeleton.parents[j] for j in h if skeleton.parents[j] not in h), h[0]) for h in (left, right)]
    wrists = [w if w >= 0 else h[0] for w, h in zip(wrists, (left, right), strict=True)]
    return Body(limb, hands, torch.tensor(wrists, device=device))


def mask_frames(points: Tensor, confidence: Tensor, share: Tensor, g: Generator | None) -> tuple[Tensor, Tensor]:
    """Remove whole frames. share: (B, 1) or a scalar tensor."""
    gone = _rand(confidence.shape[:2], confidence, g) < share  # (B, T)
    return _remove(points, confidence, gone[..., None])


def mask_joints(points: Tensor, confidence: Tensor, share: Tensor, g: Generator | None) -> tuple[Tensor, Tensor]:
    """Remove single joints. share: (B, 1, 1) or a scalar tensor."""
    return _remove(points, confidence, _rand(confidence.shape, confidence, g) < share)


def noise(points: Tensor, limb: Tensor, strength: Tensor, hit: Tensor, g: Generator | None) -> Tensor:
    """The paper's noise (section 5.3): uniform in [-s limb_i, s limb_i], each coordinate by itself.

    limb: (J,). strength: s, (B, 1, 1, 1) or a scalar tensor. hit: bool, broadcast to (B, T, J).
    """
    amount = (2 * _rand(points.shape, points, g) - 1) * limb[:, None]
    return points + amount * (strength * hit[..., None])


def runs(
    shape: tuple[int, ...], share: Tensor, length: Tensor, like: Tensor, g: Generator | None
) -> tuple[Tensor, Tensor]:
    """Random runs along the second axis: (mask, start), both of `shape` (B, T, ...).

    mask: True in a run; start: the frame in which the run began. Lengths are geometric with mean
    `length`, which like `share` is broadcast to `shape`; about `share` of the frames lie in runs (a little
    less, since runs may overlap).
    """
    frames = shape[1]
    time = torch.arange(frames, device=like.device).view(1, -1, *(1,) * (len(shape) - 2)).expand(shape)
    begins = _rand(shape, like, g) < share / length
    draw = _rand(shape, like, g).clamp(min=1e-6)
    lengths = 1 + torch.floor(torch.log(draw) / torch.log((1 - 1 / length).clamp(min=1e-6)))
    stop = torch.where(begins, time + lengths.long(), 0).cummax(1).values
    start = torch.where(begins, time, 0).cummax(1).values
    return time < stop, start


def drop_hands(
    points: Tensor, confidence: Tensor, body: Body, share: Tensor, length: Tensor, g: Generator | None
) -> tuple[Tensor, Tensor]:
    """Whole hands go missing in runs. share: (B, 1, 1)."""
    gone, _ = runs((*points.shape[:2], 2), share, length, points, g)  # (B, T, 2)
    mask = torch.zeros_like(confidence, dtype=torch.bool)
    mask = mask.index_copy(2, body.hands.flatten(), _per_joint(gone, body))
    return _remove(points, confidence, mask)


def freeze_hands(
    points: Tensor, confidence: Tensor, body: Body, share: Tensor, length: Tensor, g: Generator | None
) -> tuple[Tensor, Tensor]:
    """Hands stand still, at ordinary confidence, where they were when the run began. share: (B, 1, 1)."""
    frozen, start = runs((*points.shape[:2], 2), share, length, points, g)  # (B, T, 2)
    time = torch.arange(points.shape[1], device=points.device)[:, None]
    source = _per_joint(torch.where(frozen, start, time), body)  # (B, T, 2K)
    joints = body.hands.flatten()
    width = (-1, -1, -1, points.shape[3])
    old_points, old_confidence = points.index_select(2, joints), confidence.index_select(2, joints)
    points = points.index_copy(2, joints, old_points.gather(1, source[..., None].expand(width)))
    return points, confidence.index_copy(2, joints, old_confidence.gather(1, source))


def swap_hands(
    points: Tensor, confidence: Tensor, body: Body, share: Tensor, length: Tensor, g: Generator | None
) -> tuple[Tensor, Tensor]:
    """A hand is found on the other hand, at ordinary confidence, in runs. share: (B, 1, 1).

    In half of the runs it lies where the other hand is; in the other half it has the other hand's shape
    at its own wrist, which is what a lifter with fixed bone lengths makes of such a detection.
    """
    wrong, start = runs((*points.shape[:2], 2), share, length, points, g)  # (B, T, 2)
    carried = (_rand(wrong.shape, points, g) < 0.5).gather(1, start)  # one draw for a whole run
    wrists = points.index_select(2, body.wrists)  # (B, T, 2, D)
    shift = torch.where(carried[..., None], wrists - wrists.flip(2), 0.0)  # (B, T, 2, D)
    own, other = body.hands.flatten(), body.hands.flip(0).flatten()
    found = points.index_select(2, other) + shift.repeat_interleave(body.hands.shape[1], 2)  # (B, T, 2K, D)
    sure = confidence.index_select(2, other)
    hit = _per_joint(wrong, body)
    found = torch.lerp(points.index_select(2, own), found, hit[..., None].to(points.dtype))
    sure = torch.where(hit, sure, confidence.index_select(2, own))
    return points.index_copy(2, own, found), confidence.index_copy(2, own, sure)


def jitter(
    points: Tensor, confidence: Tensor, base: Tensor, per_speed: Tensor, depth: float, g: Generator | None
) -> tuple[Tensor, Tensor]:
    """Heavy-tailed noise (Student's t, 2 degrees of freedom, cut at 4.5) that grows with a joint's speed.

    Half of its variance is shared by neighbouring frames, since detectors' noise is not white, and the
    confidence falls where it is strong. base, per_speed: (B, 1, 1) or scalar tensors. depth: factor on
    the third coordinate.
    """
    speed = torch.zeros_like(confidence)
    speed[:, 1:] = (points[:, 1:] - points[:, :-1]).norm(dim=-1)
    speed[:, 1:] *= (confidence[:, 1:] > 0) & (confidence[:, :-1] > 0)
    deviation = base + per_speed * speed.clamp(max=1.0)  # (B, T, J)
    heavy = (-torch.log(_rand(confidence.shape, points, g).clamp(min=1e-7))).clamp(min=0.05).rsqrt()
    white = _randn(points.shape, points, g)
    slow = white + white.roll(1, 1)  # variance 2, correlated with both neighbours
    amount = slow * (deviation * heavy / 2**0.5)[..., None]
    if points.shape[3] == 3:
        amount = amount * points.new_tensor([1.0, 1.0, depth])
    return points + amount, confidence / (1 + 4 * deviation)


def corrupt(
    points: Tensor, confidence: Tensor, body: Body, options: Corruption, generator: Generator | None = None
) -> tuple[Tensor, Tensor]:
    """All corruptions of `options`, in the order in which a detector would make them.

    points: (B, T, J, D) without NaN; confidence: (B, T, J). Returns new tensors of the same shapes.
    """
    assert points.ndim == 4 and confidence.shape == points.shape[:3], (points.shape, confidence.shape)
    g, o = generator, options
    batch = (len(points), 1, 1)
    factor = 2 * _rand(batch, points, g) if o.vary else torch.ones(batch, device=points.device)
    length = torch.full(batch, o.run_length, device=points.device)
    if o.longest_run > o.run_length:
        length = o.longest_run ** _rand(batch, points, g)
    if body.hands.shape[1]:
        points, confidence = swap_hands(points, confidence, body, factor * o.hand_swap, length, g)
        points, confidence = freeze_hands(points, confidence, body, factor * o.hand_freeze, length, g)
    if o.measured is not None:
        base, depth = _measured_jitter(o.measured, points, body)
        base = factor * o.measured_jitter * base
        points, confidence = jitter(points, confidence, base, factor * o.jitter_speed, depth, g)
    elif o.jitter or o.jitter_speed:
        points, confidence = jitter(points, confidence, factor * o.jitter, factor * o.jitter_speed, o.jitter_depth, g)
    strength = o.noise_strength * _rand((*batch, 1), points, g)
    hit = _rand((*points.shape[:2], 1), points, g) < factor * o.frame_noise
    hit = hit | (_rand(confidence.shape, points, g) < factor * o.joint_noise)
    points = noise(points, body.limb, strength, hit, g)
    if o.measured is not None:
        points, confidence = _drop_measured(points, confidence, body, o, o.measured, factor, g)
    elif body.hands.shape[1]:
        points, confidence = drop_hands(points, confidence, body, factor * o.hand_drop, length, g)
    if o.frame_drop and o.measured is None:
        gone, _ = runs(tuple(points.shape[:2]), (factor * o.frame_drop)[..., 0], length[..., 0], points, g)
        points, confidence = _remove(points, confidence, gone[..., None])
    points, confidence = mask_frames(points, confidence, factor[..., 0] * o.frame_mask, g)
    return mask_joints(points, confidence, factor * o.joint_mask, g)


def _measured_jitter(measured: MeasuredNoise, points: Tensor, body: Body) -> tuple[Tensor, float]:
    """Standard deviations (J,) in the picture plane, and the factor on the depth."""
    base = points.new_full(points.shape[2:3], measured.body_jitter)
    base = base.index_fill(0, body.hands.flatten(), measured.hand_jitter)
    return base, measured.depth_jitter / max(float(base.mean()), 1e-6)


def _drop_measured(
    points: Tensor,
    confidence: Tensor,
    body: Body,
    options: Corruption,
    measured: MeasuredNoise,
    factor: Tensor,
    g: Generator | None,
) -> tuple[Tensor, Tensor]:
    """Hands and whole frames go missing in runs of a detector's lengths. factor: (B, 1, 1)."""
    longest = min(LONGEST, round(options.longest_run))
    size = tuple(points.shape[:2])
    if body.hands.shape[1]:
        lengths = gap_lengths(measured.hand_gaps, options.even_gaps, longest)
        share, both = factor * options.hand_drop, measured.both_share
        one = measured_runs((*size, 2), share * (1 - both), lengths, points, g)
        gone = one | measured_runs((*size, 1), share * both, lengths, points, g)  # (B, T, 2)
        mask = torch.zeros_like(confidence, dtype=torch.bool)
        mask = mask.index_copy(2, body.hands.flatten(), _per_joint(gone, body))
        points, confidence = _remove(points, confidence, mask)
    lengths = gap_lengths(measured.frame_gaps, options.even_gaps, longest)
    whole = measured_runs(size, factor[..., 0] * options.frame_drop, lengths, points, g)
    return _remove(points, confidence, whole[..., None])


def _per_joint(per_hand: Tensor, body: Body) -> Tensor:
    """(B, T, 2) -> (B, T, 2K), for the joints `body.hands.flatten()`."""
    return per_hand.repeat_interleave(body.hands.shape[1], 2)


def _remove(points: Tensor, confidence: Tensor, gone: Tensor) -> tuple[Tensor, Tensor]:
    keep = (~gone).to(points.dtype)
    return points * keep[..., None], confidence * keep


def _rand(shape: tuple[int, ...], like: Tensor, g: Generator | None) -> Tensor:
    return torch.rand(shape, device=like.device, dtype=like.dtype, generator=g)


def _randn(shape: tuple[int, ...], like: Tensor, g: Generator | None) -> Tensor:
    return torch.randn(shape, device=like.device, dtype=like.dtype, generator=g)
