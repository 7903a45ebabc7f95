"""Augmentation of training windows: mirrored, stretched, jittery, or with meaningless confidences; not errors.

Like `skeletor.learning.corrupt`: points (B, T, J, D), confidence (B, T, J), nothing is changed in place.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def mirrored(points: Tensor, confidence: Tensor, flip: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror the windows in `flip` (B,): x changes its sign, left and right change places."""
    sign = torch.ones(points.shape[3], device=points.device)
    sign[0] = -1
    return (
        torch.where(flip[:, None, None, None], points.index_select(2, order) * sign, points),
        torch.where(flip[:, None, None], confidence.index_select(2, order), confidence),
    )


def stretched(
    points: Tensor, target: Tensor, stretch: float, depth: float, g: Generator | None
) -> tuple[Tensor, Tensor]:
    """points and target (B, T, J, D), each window multiplied by one factor per axis, the same for both.

    Factors are uniform in the logarithm between exp(-stretch) and exp(stretch) (the third axis: exp(-depth) to
    exp(depth)): signers and lifters differ in proportions, above all in depth.
    """
    like, size = target, target.shape[3]
    limit = like.new_tensor([stretch, stretch, depth])[:size]
    factor = torch.exp((2 * torch.rand(len(like), 1, 1, size, generator=g, device=like.device) - 1) * limit)
    return points * factor, target * factor


def jittered(
    points: Tensor, target: Tensor, deviation: float, depth: float, g: Generator | None
) -> tuple[Tensor, Tensor]:
    """points and target (B, T, J, D) with the same white noise, of a standard deviation between 0 and `deviation`.

    deviation: in the units of the points; drawn for each window. depth: factor on the third coordinate. Lifted motion
    is never as smooth as rendered motion; a network trained on smooth motion alone takes all that is not smooth for an
    error.
    """
    shape, device = target.shape, target.device
    axes = target.new_tensor([1.0, 1.0, depth])[: shape[3]]
    amount = deviation * torch.rand(len(target), 1, 1, 1, generator=g, device=device)
    noise = torch.randn(shape, generator=g, device=device) * amount * axes
    return points + noise, target + noise


def flat_confidence(confidence: Tensor, share: float, least: float, g: Generator | None) -> Tensor:
    """(B, T, J) confidences; in a `share` of the windows, those of at least `least` all get the same value.

    That value is 1 in half of these windows, uniform between `least` and 1 in the others. It teaches the network that
    confidences may say nothing.
    """
    draw = torch.rand(3, len(confidence), 1, 1, generator=g, device=confidence.device)
    level = torch.where(draw[1] < 0.5, 1.0, least + (1 - least) * draw[2])
    flat = torch.where((confidence > 0) & (confidence >= least), level, confidence)
    return torch.where(draw[0] < share, flat, confidence)
