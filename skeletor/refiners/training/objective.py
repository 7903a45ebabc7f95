"""What the refiner learns: corrupted windows in, the windows themselves out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from skeletor.learning.augment import flat_confidence, jittered, mirrored, stretched
from skeletor.learning.corrupt import Body, body_of, corrupt
from skeletor.learning.data.windows import ClipStore, repeat_edges
from skeletor.poses.skeleton import Skeleton
from skeletor.refiners.fill import fill_missing
from skeletor.refiners.training.config import RefinerTrainConfig


@dataclass(frozen=True)
class Task:
    """A skeleton's tensors on the training device, made once."""

    skeleton: Skeleton
    body: Body
    rest: Tensor  # (J, D) a typical pose
    mirror: Tensor  # (J,) permutation that exchanges left and right


@dataclass(frozen=True)
class Batch:
    """Input of the network, and what it should give: the latter counts where its confidence is above 0."""

    points: Tensor  # (B, n1, J, D) without gaps
    confidence: Tensor  # (B, n1, J)
    target: Tensor  # (B, n1, J, D)
    target_confidence: Tensor  # (B, n1, J)


def make_task(skeleton: Skeleton, rest: Tensor) -> Task:
    """rest: (J, D) a typical pose in the units of the clips."""
    return Task(skeleton, body_of(skeleton, rest), rest, torch.as_tensor(skeleton.mirror, device=rest.device))


def corrupted_batch(store: ClipStore, task: Task, size: int, config: RefinerTrainConfig, g: Generator) -> Batch:
    """Random windows, mirrored, corrupted, and their gaps filled as they will be in use."""
    c = config
    windows = store.draw(size, c.window + 2 * c.margin, c.degraded_share, g)
    points, confidence = windows.source, windows.source_confidence
    target, target_confidence = windows.target, windows.target_confidence
    if c.mirror:
        flip = torch.rand(size, generator=g, device=points.device) < 0.5
        points, confidence = mirrored(points, confidence, flip, task.mirror)
        target, target_confidence = mirrored(target, target_confidence, flip, task.mirror)
    if c.stretch or c.stretch_depth:
        points, target = stretched(points, target, c.stretch, c.stretch_depth, g)
    if c.target_jitter:
        points, target = jittered(points, target, c.target_jitter, c.corruption.jitter_depth, g)
    points, confidence = corrupt(points, confidence, task.body, c.corruption, g)
    if c.flat_confidence:
        confidence = flat_confidence(confidence, c.flat_confidence, c.minimum_confidence, g)
    # In use the padding repeats one frame with its errors; corruption must not average out there.
    points = repeat_edges(points, windows.first, windows.last)
    confidence = repeat_edges(confidence, windows.first, windows.last)
    points, confidence = fill_missing(points, confidence, c.fill, c.minimum_confidence, task.skeleton, task.rest)
    cut = slice(c.margin, c.margin + c.window)
    return Batch(points[:, cut], confidence[:, cut], target[:, cut], target_confidence[:, cut])


def refiner_loss(predicted: Tensor, batch: Batch, config: RefinerTrainConfig, skeleton: Skeleton) -> Tensor:
    """Mean squared (or absolute) error of observed joints, of their velocities and accelerations, and of bones.

    Joints that the network could not see count 1 + `hidden_weight` times as much as the others.

    predicted: (B, n1, J, D). Returns a scalar; 0 if nothing was observed.
    """
    seen = (batch.target_confidence > 0).to(predicted.dtype)  # (B, T, J)
    if config.hidden_weight:
        seen = seen * (1 + config.hidden_weight * (batch.confidence == 0))
    difference = predicted - batch.target
    total = _mean_error(difference, seen, config.loss)
    if config.velocity_weight:
        both = seen[:, 1:] * seen[:, :-1]
        total = total + config.velocity_weight * _mean_error(difference.diff(dim=1), both, config.loss)
    if config.acceleration_weight:
        three = seen[:, 2:] * seen[:, 1:-1] * seen[:, :-2]
        bent = _mean_error(difference.diff(n=2, dim=1), three, config.loss)
        total = total + config.acceleration_weight * bent
    if config.bone_weight and skeleton.bones:
        parents, children = torch.tensor(skeleton.bones, device=predicted.device).T
        found, true = (
            (p.index_select(2, children) - p.index_select(2, parents)).norm(dim=-1, keepdim=True)
            for p in (predicted, batch.target)
        )  # (B, T, bones, 1)
        both = seen.index_select(2, parents) * seen.index_select(2, children)
        total = total + config.bone_weight * _mean_error(found - true, both, config.loss)
    return total


def _mean_error(difference: Tensor, weight: Tensor, loss: str) -> Tensor:
    """Mean over coordinates of joints with weight 1. difference: (..., J, D); weight: (..., J)."""
    error = difference.square() if loss == "mse" else difference.abs()
    return (error * weight[..., None]).sum() / (weight.sum() * difference.shape[-1]).clamp(min=1)
