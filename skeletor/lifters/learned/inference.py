"""Whole clips through the networks: points and confidences in, joints out. Shoulder widths; no gaps in the points."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from skeletor.learning.augment import mirrored
from skeletor.lifters.learned.anatomy import Anatomy
from skeletor.lifters.learned.joint_token import JointToken
from skeletor.lifters.learned.networks import LiftNetwork
from skeletor.lifters.learned.uplift import UpliftUpsample
from skeletor.lifters.protocols import interpolated

NECK = 1  # the root of SIGNING_50 here
WINDOWS = 256  # that are lifted together
FRAMES = 512  # of a piece of a long clip


@torch.no_grad()
def lift_clip(
    network: LiftNetwork,
    points: Tensor,
    confidence: Tensor,
    mirror: Tensor | None = None,
    stride: int = 1,
    output: str = "centre",
    root: int = NECK,
) -> Tensor:
    """(T, J, 2), (T, J) -> (T, J, 3).

    mirror: (J,) permutation that exchanges left and right: the result is then the mean with that of the mirror image.
    stride: only every N-th frame, from the first on, is looked at (uplift-upsample only). output: as of
    `lift_uplift`. root: the joint from which uplift-upsample and anatomy see the others.
    """
    assert points.ndim == 3 and confidence.shape == points.shape[:2], (points.shape, confidence.shape)
    if isinstance(network, UpliftUpsample):
        lifted = lift_uplift(network, points, stride, output, root)
    elif isinstance(network, Anatomy):
        lifted = _lift_anatomy(network, points, confidence, root)
    else:
        lifted = _lift_tokens(network, points, confidence)
    if mirror is None:
        return lifted
    flip = torch.ones(1, dtype=torch.bool, device=points.device)
    other, sure = mirrored(points[None], confidence[None], flip, mirror)
    back, _ = mirrored(lift_clip(network, other[0], sure[0], None, stride, output, root)[None], sure, flip, mirror)
    return (lifted + back[0]) / 2


def lift_uplift(
    network: UpliftUpsample, points: Tensor, stride: int, output: str = "centre", root: int = NECK
) -> Tensor:
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
    for some, key in zip(rows.split(WINDOWS), keys.split(WINDOWS), strict=True):
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


def _lift_anatomy(network: Anatomy, points: Tensor, confidence: Tensor, root: int) -> Tensor:
    before, after = network.padding
    clip = torch.cat([points, confidence[..., None]], -1)  # (T, J, 3)
    clip = torch.cat([clip[:1].expand(before, -1, -1), clip, clip[-1:].expand(after, -1, -1)])
    return on_root(network.lift(clip[None])[0], points, root)


def _lift_tokens(network: JointToken, points: Tensor, confidence: Tensor) -> Tensor:
    """In pieces that overlap by all that a frame can see, so that the memory is bounded and the result the same."""
    reach = network.reach
    parts = []
    for start in range(0, len(points), FRAMES):
        part = slice(max(0, start - reach), start + FRAMES + reach)
        inside = start - part.start
        parts.append(network(points[None, part], confidence[None, part])[0, inside : inside + FRAMES])
    return torch.cat(parts)


def on_root(joints: Tensor, points: Tensor, root: int) -> Tensor:
    """(T, J, 3) moved so that the root lies where (T, J, 2) has it, at depth 0."""
    place = functional.pad(points[:, root : root + 1], (0, 1))  # (T, 1, 3)
    return joints - joints[:, root : root + 1] + place
