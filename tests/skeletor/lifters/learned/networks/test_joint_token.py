import pytest
import torch

from skeletor.lifters.learned.networks.joint_token import JointToken, joint_token_loss
from skeletor.poses.hands import carriers
from skeletor.poses.skeleton import SIGNING_50


def small(blocks: int = 2) -> JointToken:
    torch.manual_seed(0)
    model = JointToken(50, carriers(SIGNING_50), width=8, heads=2, blocks=blocks, taps=3, linear_taps=5)
    model.rest.normal_()
    for last in (model.out, model.linear):
        torch.nn.init.normal_(last.weight, std=0.1)
    return model.eval()


def test_is_small() -> None:
    assert JointToken(50, carriers(SIGNING_50), width=256, blocks=4).parameter_count() < 3_000_000


def test_begins_at_the_mean_pose_over_what_is_seen() -> None:
    model = JointToken(50, carriers(SIGNING_50), width=8, heads=2, blocks=1)
    model.rest[:, 2] = 1.0
    points = torch.randn(2, 4, 50, 2)
    joints = model(points, torch.ones(2, 4, 50))
    torch.testing.assert_close(joints[..., :2], points)
    torch.testing.assert_close(joints[:, :, 0, 2], torch.ones(2, 4))
    torch.testing.assert_close(joints[:, :, 10, 2], torch.full((2, 4), 2.0))  # a finger: seen from its wrist


def test_depends_on_frames_within_its_reach_only() -> None:
    model = small()
    points, confidence = torch.randn(1, 20, 50, 2), torch.ones(1, 20, 50)
    other = points.clone()
    other[:, 10] += 1.0
    with torch.no_grad():
        moved = (model(points, confidence) - model(other, confidence)).abs().amax((0, 2, 3)) > 0
    assert model.reach == 2
    assert moved.nonzero().flatten().tolist() == [8, 9, 10, 11, 12]


def test_a_joint_that_was_not_seen_tells_others_nothing_in_one_block() -> None:
    model = small(blocks=1)
    torch.nn.init.zeros_(model.linear.weight)
    points, confidence = torch.randn(1, 4, 50, 2), torch.ones(1, 4, 50)
    confidence[:, :, 40] = 0
    other = points.clone()
    other[:, :, 40] += 1.0
    with torch.no_grad():
        before, after = model(points, confidence), model(other, confidence)
    same = torch.arange(50) != 40
    torch.testing.assert_close(before[:, :, same], after[:, :, same])
    assert (before[:, :, 40] - after[:, :, 40]).abs().min() > 0


def test_every_parameter_learns() -> None:
    model = small()
    confidence = torch.rand(2, 6, 50).round()
    model(torch.randn(2, 6, 50, 2), confidence).square().sum().backward()
    learned = {name: p.grad for name, p in model.named_parameters() if "key.bias" not in name}
    assert all(grad is not None and grad.abs().sum() > 0 for grad in learned.values())


def test_loss_counts_known_joints_their_velocity_and_their_size() -> None:
    truth = torch.randn(2, 5, 4, 3)
    known = torch.ones(2, 5, 4, dtype=torch.bool)
    known[0, :, 0] = False
    wild = truth.clone()
    wild[0, :, 0] += 9.0
    assert float(joint_token_loss(wild, truth, known, 1.0, 1.0)) == pytest.approx(0, abs=1e-6)
    assert float(joint_token_loss(truth + 1, truth, known, 1.0, 0.0)) == pytest.approx(3**0.5, rel=1e-5)
    half = joint_token_loss(truth / 2, truth, known, 0.0, 1.0) - joint_token_loss(truth / 2, truth, known, 0.0, 0.0)
    assert float(half) == pytest.approx(0, abs=1e-5)
