"""The harmless network: exactly the carried fill until trained, bounded on seen joints, hands on their wrists."""

from typing import Any

import pytest
import torch
from torch import Tensor

from skeletor.poses.hands import carriers
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.fill import fill_missing
from skeletor.refiners.networks.build import build_network
from skeletor.refiners.networks.gaps import BENDS, find_gaps
from skeletor.refiners.networks.harmless import Harmless

LEFT, RIGHT, WRIST = list(range(8, 29)), list(range(29, 50)), 4
BOUND = 0.01


def make(trained: bool, **changes: Any) -> Harmless:
    torch.manual_seed(1)
    arguments: dict[str, Any] = {
        "kind": "harmless", "joints": 50, "dims": 3, "window": 24, "carriers": carriers(SIGNING_50), "d_model": 16,
        "d_ff": 16, "heads": 2, "layers": 1, "dropout": 0.0, "bound": BOUND,
    }  # fmt: skip
    model = build_network({**arguments, **changes})
    assert isinstance(model, Harmless)
    if trained:
        torch.nn.init.normal_(model.out.weight)
        torch.nn.init.normal_(model.out.bias)
    return model.eval()


def walk(frames: int = 24) -> tuple[Tensor, Tensor]:
    """Points (1, T, 50, 3) that wander, and full confidence."""
    g = torch.Generator().manual_seed(3)
    return torch.randn(1, frames, 50, 3, generator=g).cumsum(1) * 0.1, torch.ones(1, frames, 50)


def filled(model: Harmless, points: Tensor, confidence: Tensor) -> tuple[Tensor, Tensor]:
    return fill_missing(points, confidence, "carried", 0.1, SIGNING_50, model.rest)


@torch.no_grad()
def test_untrained_it_gives_the_carried_fill() -> None:
    model = make(trained=False, bound=0.0)
    points, confidence = walk()
    confidence[:, 5:11, RIGHT] = 0
    confidence[:, 13:16] = 0
    points, confidence = filled(model, points, confidence)
    torch.testing.assert_close(model(points, confidence), points, atol=1e-5, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("level", [1.0, 0.25])
def test_no_seen_joint_is_moved_beyond_the_bound(level: float) -> None:
    """Whatever the weights are, also next to gaps; a joint of a quarter of the confidence by four times as much."""
    model = make(trained=True)
    torch.nn.init.constant_(model.out.bias, 50.0)
    points, confidence = walk()
    confidence = confidence * level
    confidence[:, 5:11, RIGHT] = 0
    points, confidence = filled(model, points, confidence)
    moved = (model(points, confidence) - points).norm(dim=-1)[confidence > 0]
    assert 0.5 * BOUND / level < float(moved.max()) <= BOUND / level + 1e-6


@torch.no_grad()
def test_what_is_before_the_first_and_after_the_last_observation_is_left_alone() -> None:
    model = make(trained=True, bound=0.0)
    points, confidence = walk()
    confidence[:, :6, LEFT] = 0
    confidence[:, 18:, LEFT] = 0
    confidence[:, :, RIGHT] = 0
    points, confidence = filled(model, points, confidence)
    torch.testing.assert_close(model(points, confidence), points, atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_hidden_hand_hangs_on_the_wrist_as_it_comes_out() -> None:
    """Wrist and hand hidden together: the hand's place beside the wrist does not depend on where the wrist is put."""
    model = make(trained=True)
    points, confidence = walk()
    confidence[:, 8:13, [WRIST, *RIGHT]] = 0
    points, confidence = filled(model, points, confidence)
    out = model(points, confidence)
    assert float((out - points)[:, 8:13, WRIST].norm(dim=-1).max()) > 0.01
    gaps = find_gaps(points, model.seen_from_carrier(points), confidence > 0, model.carrier, model.hands, model.scale)
    bends, _ = model._decide(points, confidence, gaps)
    bent = gaps.bent(bends.index_select(2, model.part_of))
    beside = (out[:, :, RIGHT] - out[:, :, [WRIST]])[:, 8:13]
    wanted = (points[:, :, RIGHT] - points[:, :, [WRIST]] + bent[:, :, RIGHT])[:, 8:13]
    torch.testing.assert_close(beside, wanted, atol=1e-5, rtol=0)


def test_bends_vanish_at_the_ends_of_a_gap_and_outside() -> None:
    points, confidence = walk()
    confidence[:, 5:11, RIGHT] = 0
    model = make(trained=False)
    points, confidence = filled(model, points, confidence)
    gaps = find_gaps(points, model.seen_from_carrier(points), confidence > 0, model.carrier, model.hands, model.scale)
    inside = torch.zeros(1, 24, 50, dtype=torch.bool)
    inside[:, 5:11, RIGHT] = True
    assert torch.equal(gaps.inside, inside) and int(gaps.length[0, 7, 30]) == 7
    every = torch.ones(1, 24, 50, len(BENDS))
    assert float(gaps.bent(every)[~inside].abs().max()) == 0
    assert float(gaps.bent(every)[inside].abs().min()) > 0


@torch.no_grad()
def test_a_gap_that_is_not_filled_with_a_line_is_not_bent() -> None:
    """The fill looks 16 frames ahead: a longer gap is held first."""
    model = make(trained=True, bound=0.0)
    points, confidence = walk()
    confidence[:, 2:18, RIGHT] = 0
    points, confidence = filled(model, points, confidence)
    torch.testing.assert_close(model(points, confidence), points, atol=1e-5, rtol=0)
    confidence[:, 17, RIGHT] = 1
    assert float((model(points, confidence) - points)[:, 2:17, RIGHT].abs().max()) > 0.01


def test_a_hand_may_go_as_its_wrist_goes() -> None:
    """A wrist that makes its whole way in the gap's first half: halfway in time it is at the end of the way."""
    points, confidence = walk()
    points[:, 5:12, WRIST] = points[:, 5:6, WRIST]
    points[:, 8:12, WRIST] += torch.tensor([10.0, 0.0, 0.0])
    confidence[:, 6:11, RIGHT] = 0
    model = make(trained=False)
    points, confidence = filled(model, points, confidence)
    local = model.seen_from_carrier(points)
    gaps = find_gaps(points, local, confidence > 0, model.carrier, model.hands, model.scale)
    amounts = torch.zeros(1, 24, 50, len(BENDS))
    amounts[..., BENDS.index("wrist")] = 1
    bent = (local + gaps.bent(amounts))[0, :, RIGHT]
    torch.testing.assert_close(bent[7], local[0, 5, RIGHT], atol=0.2, rtol=0)  # of 10: it has hardly left
    torch.testing.assert_close(bent[8], local[0, 11, RIGHT], atol=0.2, rtol=0)  # it has arrived


@torch.no_grad()
def test_a_window_may_be_shorter() -> None:
    model = make(trained=True)
    points, confidence = walk(7)
    assert model(points, confidence).shape == (1, 7, 50, 3)
    assert model.default_radius == 6 and model.keeps_fill
