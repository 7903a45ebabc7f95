"""PORT's network: the paper's size, what the graph cannot tell apart, and what must not leak."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.refiners2d.port.network import Port, adjacency_powers
from tests.skeletor.refiners2d.parts2d import BONES


def port(seed: int = 0, **changes: Any) -> Port:
    torch.manual_seed(seed)
    return Port(21, BONES, **changes).eval()


def test_it_has_the_papers_half_million_parameters() -> None:
    assert sum(p.numel() for p in port().parameters()) == 528_914


def test_the_adjacency_is_normalised_with_self_loops() -> None:
    powers = adjacency_powers(3, [(0, 1), (1, 2)], (0, 1, 2))
    expected = torch.tensor([[1 / 2, 6**-0.5, 0], [6**-0.5, 1 / 3, 6**-0.5], [0, 6**-0.5, 1 / 2]])
    torch.testing.assert_close(powers[1], expected)
    torch.testing.assert_close(powers[2], expected @ expected)
    torch.testing.assert_close(powers[0], torch.eye(3))


@settings(max_examples=10)
@given(st.permutations(range(5)), st.integers(0, 10**6))
def test_fingers_are_told_apart_by_the_identity_alone(order: list[int], seed: int) -> None:
    joints = [0, *(1 + 4 * finger + k for finger in order for k in range(4))]
    rng = np.random.default_rng(seed)
    points = torch.from_numpy(rng.normal(size=(2, 21, 2))).float()
    hidden = torch.from_numpy(rng.random((2, 21)) < 0.4)
    for identity in (False, True):
        net = port(identity=identity, width=16, inner=16, layers=2)
        if net.identity is not None:
            torch.nn.init.normal_(net.identity)
        with torch.inference_mode():
            gap = (net(points, hidden)[:, joints] - net(points[:, joints], hidden[:, joints])).abs().max()
        assert (gap < 1e-4) if not identity or joints == list(range(21)) else (gap > 1e-4)


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_masked_inputs_do_not_leak_once_they_are_zeroed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = torch.from_numpy(rng.normal(size=(1, 21, 2))).float()
    hidden = torch.zeros(1, 21, dtype=torch.bool)
    hidden[0, rng.integers(21)] = True
    other = torch.where(hidden[..., None], points + 1, points)
    for zeroed in (False, True):
        net = port(zeroed=zeroed, width=16, inner=16, layers=1)
        with torch.inference_mode():
            gap = float((net(points, hidden) - net(other, hidden)).abs().max())
        assert gap == 0 if zeroed else gap > 1e-6


def test_a_silent_one_starts_at_zero_and_wrong_shapes_are_refused() -> None:
    net = port(silent=True, extras=1, width=16, inner=16, layers=1)
    points, hidden = torch.randn(2, 21, 2), torch.zeros(2, 21, dtype=torch.bool)
    assert not net(points, hidden, torch.randn(2, 21, 1)).any()
    with pytest.raises(AssertionError):
        net(points, hidden)
    with pytest.raises(AssertionError):
        net(points[0], hidden[0], torch.randn(21, 1))
    for powers in ((), (1, 1), (-1,)):
        with pytest.raises(ValueError, match="powers"):
            port(powers=powers)
