"""What an arm tells of its hidden hand: the hand turns with the forearm, and is ahead of a wrist that moves."""

import pytest
import torch
from torch import Tensor

from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.networks.arm import ArmBends
from skeletor.refiners.networks.build import build_network, network_arguments
from skeletor.refiners.networks.gaps import ARM_BENDS, BENDS
from skeletor.refiners.networks.harmless import Harmless, HarmlessConfig
from skeletor.support.errors import InputError
from tests.skeletor.refiners.networks.test_harmless import RIGHT, WRIST, filled, walk

ELBOW, GAP = SIGNING_50.index("right_elbow"), slice(5, 11)


def make(dims: int = 3) -> Harmless:
    model = build_network(network_arguments(HarmlessConfig(d_model=16, d_ff=16, heads=2), SIGNING_50, dims, 24))
    assert isinstance(model, Harmless)
    return model.eval()


def bends(model: Harmless, points: Tensor, confidence: Tensor) -> ArmBends:
    found = model.gaps(points, model.seen_from_carrier(points), confidence).arm
    assert found is not None
    return found


def turned_about_the_elbow(points: Tensor, axis: int) -> Tensor:
    """Forearm and hand of frame 0, frame by frame turned further about an axis through the elbow."""
    arm = [WRIST, *RIGHT]
    rest = points[0, 0, arm] - points[0, 0, ELBOW]
    result = points[:, :1].expand(points.shape).clone()
    for t in range(points.shape[1]):
        turn = torch.linalg.matrix_exp(0.1 * t * torch.linalg.cross(torch.eye(3)[axis].expand(3, 3), torch.eye(3)).T)
        result[0, t, arm] = points[0, 0, ELBOW] + rest @ turn.T
    return result


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_hand_that_turns_with_its_forearm_is_where_turn_and_tilt_put_it(axis: int) -> None:
    torch.manual_seed(0)
    points, confidence = torch.randn(1, 24, 50, 3), torch.ones(1, 24, 50)
    # The hand in the plane in which its forearm turns: turned the shortest way about that plane's axis it is exact.
    points[0, 0, [ELBOW, WRIST, *RIGHT], axis] = 0
    true = turned_about_the_elbow(points, axis)
    confidence[:, GAP, RIGHT] = 0
    model = make()
    points, confidence = filled(model, true, confidence)
    found = bends(model, points, confidence)
    off = (true - points)[:, GAP][:, :, RIGHT]
    assert float(off.abs().max()) > 0.05
    torch.testing.assert_close((found.turn + found.tilt)[:, GAP][:, :, RIGHT], off, atol=1e-4, rtol=0)
    assert float(found.turn[..., 2].abs().max()) == float(found.tilt[..., :2].abs().max()) == 0


def test_a_hand_is_ahead_of_its_wrist_along_the_step_and_not_in_depth() -> None:
    points, confidence = walk()
    points[:, :, WRIST] = 0
    points[0, 7:, WRIST] = torch.tensor([1.0, 2.0, 3.0])  # steps about frames 6 and 7 alone
    confidence[:, GAP, RIGHT] = 0
    model = make()
    lag = bends(model, *filled(model, points, confidence)).lag
    expected = torch.zeros(24, 21, 3)
    expected[6:8] = torch.tensor([0.5, 1.0, 0.0])
    torch.testing.assert_close(lag[0][:, RIGHT], expected)


@pytest.mark.parametrize("dims", [2, 3])
def test_they_vanish_outside_gaps_and_for_the_body(dims: int) -> None:
    model = make(dims)
    points, confidence = walk()
    points = points[..., :dims]
    confidence[:, GAP, [ELBOW, WRIST, *RIGHT]] = 0
    points, confidence = filled(model, points, confidence)
    found = bends(model, points, confidence)
    inside = torch.zeros(1, 24, 50, dtype=torch.bool)
    inside[:, GAP, RIGHT] = True
    for name in ARM_BENDS:
        assert float(getattr(found, name)[~inside].abs().max()) < 1e-5, name
    assert bool(torch.isfinite(model(points, confidence)).all())


def test_opposite_directions_do_not_throw_a_hand_away() -> None:
    points, confidence = walk()
    points[0, :, WRIST] = points[0, :, ELBOW] + torch.tensor([1.0, 0.0, 0.0])
    points[0, 6:10, WRIST] = points[0, 6:10, ELBOW] - torch.tensor([1.0, 1e-3, 0.0])
    confidence[:, GAP, RIGHT] = 0
    model = make()
    points, confidence = filled(model, points, confidence)
    size = model.seen_from_carrier(points)[:, :, RIGHT].norm(dim=-1).max()
    assert float(bends(model, points, confidence).turn.norm(dim=-1).max()) < 4 * float(size)


def test_weights_of_before_have_no_arm() -> None:
    arguments = network_arguments(HarmlessConfig(), SIGNING_50, 3, 24)
    assert arguments["elbows"][RIGHT[3]] == ELBOW and arguments["elbows"][ELBOW] == ELBOW
    old = build_network({name: value for name, value in arguments.items() if name != "elbows"})
    assert isinstance(old, Harmless) and old.bends == len(BENDS) and make().bends == len(BENDS) + len(ARM_BENDS)
    points, confidence = walk()
    assert old.gaps(points, old.seen_from_carrier(points), confidence).arm is None


def test_a_file_may_not_name_elbows_that_there_are_not() -> None:
    from skeletor.refiners.networks.build import checked_arguments

    arguments = network_arguments(HarmlessConfig(), SIGNING_50, 3, 24)
    with pytest.raises(InputError, match="elbows are not one joint"):
        checked_arguments({**arguments, "elbows": [50] * 50}, 50, "file")
