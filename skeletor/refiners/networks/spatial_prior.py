"""A Gaussian spatial prior: what is hidden deviates from its interpolation as what is seen in the same frame tells.

For a frame t between two frames a < t < b, the deviation of every joint from the line through its positions in a and b
is taken as normal, with mean 0 and one covariance between joints for all a, t and b up to a factor, and alike along
all axes. A hidden joint then has its interpolation plus the conditional mean of its deviation, given the deviations of
the joints that are seen in t. A frame that is hidden whole is interpolated.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from skeletor.learning.data.windows import WindowSource

SPANS = (2, 4, 8)  # frames between a and b, of the deviations that the covariance is fitted to
RIDGE = 0.01  # of the mean variance, added to every variance: keeps a detector's noise from being followed
SAMPLE = 4096  # windows for the fit


def fit_prior(store: WindowSource, joints: int, seed: int) -> Tensor:
    """(J, J) covariance over random windows of a store, with the ridge; of mean variance 1 without it.

    Each span is scaled to one size. Joints that are never seen together count as independent.
    """
    windows = store.draw(SAMPLE, max(SPANS) + 1, 0.0, np.random.default_rng(seed)).on(torch.device("cpu"))
    points, seen = windows.target.double(), windows.target_confidence > 0
    total = torch.zeros(joints, joints, dtype=torch.float64)
    for span in SPANS:
        known = (seen[:, 0] & seen[:, span // 2] & seen[:, span]).double()  # (n, J)
        deviation = points[:, span // 2] - (points[:, 0] + points[:, span]) / 2
        deviation = deviation * known[..., None]  # (n, J, D)
        moments = torch.einsum("njd,nkd->jk", deviation, deviation) / (known.T @ known).clamp(min=1)
        total += moments / moments.diagonal().mean().clamp(min=1e-12)
    return _positive(total / len(SPANS)).float() + RIDGE * torch.eye(joints)


def _positive(matrix: Tensor) -> Tensor:
    """The nearest positive semidefinite matrix: moments over different frames may make none."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return torch.as_tensor(vectors * values.clamp(min=0) @ vectors.T)


def conditional_mean(points: Tensor, observed: Tensor, covariance: Tensor) -> Tensor:
    """Hidden joints by the prior; what is observed, and frames in which nothing is, stay as they are.

    Before a joint's first and after its last observation the deviation is from the nearest one.
    points: (B, T, J, D) without gaps; observed: (B, T, J) bool; covariance: (J, J).
    """
    assert points.ndim == 4 and observed.shape == points.shape[:3], (points.shape, observed.shape)
    frames = points.shape[1]
    time = torch.arange(frames, device=points.device).view(1, -1, 1)
    low = torch.where(observed, time, -1).cummax(1).values  # (B, T, J)
    high = torch.where(observed, time, frames).flip(1).cummin(1).values.flip(1)
    some = observed.any(2) & ~observed.all(2)  # (B, T) frames in which something tells of something
    batch, frame, joint = (some[..., None] & ~observed & ((low >= 0) | (high < frames))).nonzero(as_tuple=True)
    if not len(joint):
        return points
    patterns, which = torch.unique(observed[some], dim=0, return_inverse=True)  # (U, J), (frames with gaps,)
    number = torch.zeros(some.shape, dtype=torch.long, device=points.device).masked_scatter(some, which)
    gain = _gains(patterns.to(points.dtype), covariance)[number[batch, frame], joint]  # (N, J)
    a, b = low[batch, frame, joint], high[batch, frame, joint]
    a, b = torch.where(a < 0, b, a), torch.where(b >= frames, a, b)
    share = ((frame - a) / (b - a).clamp(min=1)).clamp(0, 1)[:, None, None].to(points.dtype)
    line = torch.lerp(points[batch, a], points[batch, b], share)  # (N, J, D)
    shift = torch.einsum("nj,njd->nd", gain, points[batch, frame] - line)
    own = line[torch.arange(len(joint), device=points.device), joint]
    return points.index_put((batch, frame, joint), own + shift)


def _gains(seen: Tensor, covariance: Tensor) -> Tensor:
    """(U, J, J) weights [hidden, seen] of the conditional mean, for patterns (U, J) of 0 and 1; 0 for hidden ones."""
    both = seen[:, :, None] * seen[:, None, :]
    matrix = covariance * both + torch.diag_embed(1 - seen)
    return torch.as_tensor(torch.linalg.solve(matrix, covariance * seen[:, :, None]).transpose(1, 2))
