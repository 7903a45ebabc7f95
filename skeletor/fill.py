"""Fill gaps of joint trajectories: linearly in time, each joint alone or carried by its parent.

Torch, over batches, on any device. The same code prepares the refiner's input in training and in use,
and is the `linear` baseline.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from skeletor.skeleton import Skeleton

Fill = Literal["zero", "linear", "chain"]


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
    first = torch.where(before < 0, after, before).clamp(0, frames - 1)
    last = torch.where(after >= frames, before, after).clamp(0, frames - 1)
    gap = (last - first).clamp(min=1)
    share = ((time - first).clamp(min=0) / gap).clamp(max=1)[..., None].to(points.dtype)  # (B, T, J, 1)
    width = (-1, -1, -1, points.shape[3])
    low = points.gather(1, first[..., None].expand(width))  # (B, T, J, D)
    high = points.gather(1, last[..., None].expand(width))
    filled = low + (high - low) * share
    never = (before < 0) & (after >= frames)
    return torch.where((observed | never)[..., None], points, filled)


def tree_levels(skeleton: Skeleton) -> list[tuple[list[int], list[int]]]:
    """The joints of a skeleton, roots first: for each depth below the roots (joints, their parents)."""
    depth = [0] * len(skeleton)
    for joint in range(len(skeleton)):
        parent = skeleton.parents[joint]
        while parent >= 0:
            depth[joint] += 1
            parent = skeleton.parents[parent]
    levels = []
    for d in range(1, max(depth, default=0) + 1):
        joints = [j for j in range(len(skeleton)) if depth[j] == d]
        levels.append((joints, [skeleton.parents[j] for j in joints]))
    return levels


def fill_chain(points: Tensor, observed: Tensor, skeleton: Skeleton, rest: Tensor | None = None) -> Tensor:
    """Fill gaps so that a missing joint moves with its parent.

    A missing joint is its parent plus the offset between the two, interpolated in time: a hand that is
    lost while the wrist is still seen goes on with the wrist. Where the whole chain is missing this
    equals `interpolate`. points: (B, T, J, D); observed: (B, T, J) bool. rest: (J, D), a typical pose:
    a joint that is never observed takes its place relative to its parent (without `rest` the parent's own
    place, and 0 for a root). The result has no gap.
    """
    assert observed.shape == points.shape[:3] and points.shape[2] == len(skeleton)
    if rest is None:
        rest = points.new_zeros(points.shape[2:])
    seen = observed.any(1, keepdim=True)[..., None]  # (B, 1, J, 1)
    filled = torch.where(observed[..., None], points, 0.0)
    roots = [j for j, parent in enumerate(skeleton.parents) if parent < 0]
    filled[:, :, roots] = torch.where(
        seen[:, :, roots], interpolate(filled[:, :, roots], observed[:, :, roots]), rest[roots]
    )
    for joints, parents in tree_levels(skeleton):
        origin = filled[:, :, parents]  # (B, T, K, D)
        offset = interpolate(filled[:, :, joints] - origin, observed[:, :, joints])
        offset = torch.where(seen[:, :, joints], offset, rest[joints] - rest[parents])
        filled[:, :, joints] = torch.where(observed[:, :, joints, None], filled[:, :, joints], origin + offset)
    return filled


def prepare(
    points: Tensor, confidence: Tensor, how: Fill, minimum_confidence: float, skeleton: Skeleton, rest: Tensor
) -> tuple[Tensor, Tensor]:
    """What enters the refiner: points without gaps, and confidences that are 0 for every filled joint.

    A joint is taken as missing if its confidence is 0 or below `minimum_confidence`; what it holds is
    replaced (NaN is allowed there). how: "zero" puts 0 there, as the paper seems to do; "linear"
    interpolates each joint in time; "chain" is `fill_chain`. A joint that is never observed takes its place
    of `rest` (J, D) ("linear") or its place of `rest` relative to its parent ("chain").
    """
    observed = (confidence > 0) & (confidence >= minimum_confidence)
    confidence = torch.where(observed, confidence, 0.0)
    if how == "chain":
        return fill_chain(points, observed, skeleton, rest), confidence
    points = torch.where(observed[..., None], points, 0.0)
    if how == "linear":
        points = interpolate(points, observed)
        points = torch.where(observed.any(1, keepdim=True)[..., None], points, rest)
    return points, confidence


def interpolate_array(points: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """`interpolate` for one sequence of numpy arrays: (T, J, D) and (T, J) bool."""
    if len(points) == 0:
        return points
    return interpolate(torch.from_numpy(points)[None], torch.from_numpy(observed)[None])[0].numpy()
