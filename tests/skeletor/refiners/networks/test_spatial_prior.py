"""The Gaussian spatial prior."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from skeletor.learning.data.windows import clip_store
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import custom_skeleton
from skeletor.refiners.networks.spatial_prior import RIDGE, conditional_mean, fit_prior

MIX = np.random.default_rng(5).normal(size=(2, 6))  # 6 joints that two numbers move


def moving(frames: int, seed: int) -> np.ndarray:
    """(T, 6, 2) joints that all follow the same two random walks."""
    walk = np.random.default_rng(seed).normal(size=(frames, 2, 2)).cumsum(0)
    return np.einsum("tkd,kj->tjd", walk, MIX).astype(np.float32)


def fitted() -> torch.Tensor:
    points = moving(400, 0)
    pose = PoseSequence(points, np.ones(points.shape[:2], np.float32), 25, custom_skeleton(6), Provenance())
    return fit_prior(clip_store([pose]), 6, 0)


def test_the_fit_finds_what_moves_together() -> None:
    covariance = fitted()
    truth = torch.from_numpy(MIX.T @ MIX).float()
    found = covariance - RIDGE * torch.eye(6)
    torch.testing.assert_close(found / found.trace(), truth / truth.trace(), atol=0.05, rtol=0.2)
    assert (torch.linalg.eigvalsh(covariance) > 0).all()


def test_a_hidden_joint_is_told_by_the_others() -> None:
    points = torch.from_numpy(moving(60, 1))[None]
    observed = torch.ones(1, 60, 6, dtype=torch.bool)
    observed[0, 5:9, 2] = observed[0, 20, :2] = observed[0, 40:45] = False
    from skeletor.refiners.fill import interpolate

    line = interpolate(torch.where(observed[..., None], points, 0.0), observed)
    found = conditional_mean(line, observed, fitted())
    hidden = ~observed
    hidden[0, 40:45] = False
    assert (found - points)[hidden].abs().mean() < 0.1 * (line - points)[hidden].abs().mean()
    assert torch.equal(found[0, 40:45], line[0, 40:45])  # nothing is seen there
    assert torch.equal(found[observed], line[observed])


@given(st.integers(1, 20), st.floats(0.0, 1.0), st.integers(0, 2**31 - 1))
def test_any_pattern_gives_numbers_and_moves_with_the_pose(frames: int, share: float, seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    points, observed = torch.randn(2, frames, 6, 3, generator=g), torch.rand(2, frames, 6, generator=g) < share
    covariance = torch.from_numpy(MIX.T @ MIX).float() + RIDGE * torch.eye(6)
    found = conditional_mean(points, observed, covariance)
    assert torch.isfinite(found).all() and torch.equal(found[observed], points[observed])
    moved = conditional_mean(3 * points + 1, observed, covariance)
    torch.testing.assert_close(moved, 3 * found + 1, atol=2e-3, rtol=1e-3)
    alone = conditional_mean(points[1:], observed[1:], covariance)
    torch.testing.assert_close(alone, found[1:], atol=1e-4, rtol=1e-4)  # windows do not know of each other
