"""The lifter that keeps what was seen."""

import numpy as np
import pytest
import torch
from torch import Tensor

from skeletor.lifters import fast
from skeletor.lifters.learned.clips import ClipSet, Draw
from skeletor.lifters.learned.config import LifterDataConfig
from skeletor.lifters.learned.inference import lift_clip
from skeletor.lifters.learned.residual import LIMIT, Residual, ResidualConfig, residual_loss
from skeletor.lifters.side_by_side import Layout
from skeletor.poses.hands import carriers
from skeletor.poses.skeleton import SIGNING_50
from slt.synthetic.lift_clips import rendered_clips

BONES = SIGNING_50.bones


def small(trained: bool = True, blocks: int = 2) -> Residual:
    torch.manual_seed(0)
    model = Residual(50, carriers(SIGNING_50), [bone for bone in BONES if max(bone) < 8], width=8, blocks=blocks)
    if trained:
        last_layers(model, 0.5)
    return model.eval()


def last_layers(model: Residual, deviation: float) -> None:
    assert model.of_hands is not None
    for part in (model.of_body, model.of_hands):
        torch.nn.init.normal_(part.last.weight, std=deviation)


@pytest.fixture(scope="module")
def clips() -> ClipSet:
    return rendered_clips(LifterDataConfig(clips=4, views=1, varied_share=0.5, hide_hands=0.5))


def test_begins_as_inverse_kinematics(clips: ClipSet) -> None:
    part = clips.clip(0)
    points, confidence = torch.from_numpy(clips.points[part]), torch.from_numpy(clips.confidence[part])
    lifted = lift_clip(small(trained=False), points, confidence)
    expected = fast.lift(clips.points[part], clips.confidence[part], Layout((len(points),)))
    np.testing.assert_allclose(lifted.numpy(), expected, atol=1e-6)


def test_what_was_seen_stays_and_what_was_not_may_move() -> None:
    points, confidence = torch.randn(1, 6, 50, 2), torch.rand(1, 6, 50).round()
    with torch.no_grad():
        found = small()(points, confidence, torch.randn(1, 6, 50))
    seen = confidence > 0
    assert torch.equal(found[..., :2][seen], points[seen])
    assert (found[..., :2] - points)[~seen].abs().min() > 0


def test_the_correction_is_bounded_and_fades_far_from_the_training() -> None:
    model = small()
    model.scale.fill_(0.1)
    model.usual.fill_(1.0)
    last_layers(model, 100.0)
    points, depth, confidence = torch.randn(1, 6, 50, 2), torch.randn(1, 6, 50), torch.ones(1, 6, 50)
    with torch.no_grad():
        usual = (model(points * 0.1, confidence, depth * 0.1)[..., 2] - depth * 0.1).abs()
        far = (model(points * 9, confidence, depth * 9)[..., 2] - depth * 9).abs()
    assert 0 < float(usual.max()) <= 2 * LIMIT * 0.1 + 1e-5  # a hand's joint, and its wrist
    assert float(far.max()) == 0


def test_depends_on_frames_within_its_reach_only() -> None:
    model = small(blocks=1)
    points, depth, confidence = torch.randn(1, 20, 50, 2), torch.randn(1, 20, 50), torch.ones(1, 20, 50)
    other = points.clone()
    other[:, 10] += 0.1
    with torch.no_grad():
        both = model(points, confidence, depth), model(other, confidence, depth)
    moved = (both[0] - both[1]).abs().amax((0, 2, 3)) > 0
    assert model.reach == 1 and small().reach == 4 and moved.nonzero().flatten().tolist() == [9, 10, 11]


def test_a_hand_goes_along_with_its_wrist() -> None:
    model = small(trained=False)
    model.of_body.last.bias.data.fill_(1.0)
    model.scale.zero_()
    model.scale[4, 2] = 0.1  # only the right wrist is corrected itself
    depth = torch.randn(1, 3, 50)
    with torch.no_grad():
        moved = model(torch.randn(1, 3, 50, 2) * 0.1, torch.ones(1, 3, 50), depth)[..., 2] - depth
    alike = [4, *SIGNING_50.group("right_hand")]
    torch.testing.assert_close(moved[:, :, alike], moved[:, :, 4:5].expand(-1, -1, len(alike)), atol=1e-5, rtol=0)
    assert float(moved[:, :, 4].min()) > 0.05
    assert not moved[:, :, [0, 1, 3, *SIGNING_50.group("left_hand")]].abs().max() > 1e-6


def test_the_body_does_not_depend_on_the_hands() -> None:
    model = small()
    points, depth, confidence = torch.randn(1, 6, 50, 2), torch.randn(1, 6, 50), torch.ones(1, 6, 50)
    other = points.clone()
    other[:, :, 8:] += 1.0
    with torch.no_grad():
        both = model(points, confidence, depth), model(other, confidence, depth)
    torch.testing.assert_close(both[0][:, :, :8], both[1][:, :, :8])
    assert (both[0][:, :, 8:, 2] - both[1][:, :, 8:, 2]).abs().max() > 0


def test_depth_of_a_batch_is_that_of_whole_clips_mirrored_with_the_points(clips: ClipSet) -> None:
    draw = Draw(clips, SIGNING_50, 1, 8, True, torch.device("cpu"), np.random.default_rng(0))
    batch = draw.windows(5)
    depth = draw.depth(batch).numpy()
    assert 0 < batch.flips.sum() < 8
    for sample in range(8):
        whole = clips.depth[batch.rows[sample]]
        expected = whole[:, SIGNING_50.mirror] if batch.flips[sample] else whole
        np.testing.assert_array_equal(depth[sample], expected)
    part = clips.clip(2)
    alone = fast.lift(clips.points[part], clips.confidence[part], Layout((part.stop - part.start,)))
    np.testing.assert_allclose(clips.depth[part], alone[..., 2], atol=1e-4)


def loss(predicted: Tensor, truth: Tensor, seen: Tensor, **weights: float) -> float:
    config = ResidualConfig(velocity_weight=weights.get("velocity", 0.0), bone_weight=weights.get("bone", 0.0))
    known = torch.ones(truth.shape[:3], dtype=torch.bool)
    return float(residual_loss(predicted, truth, known, seen, small(), BONES, config))


def test_loss_counts_depth_what_is_unseen_and_bones() -> None:
    truth = torch.randn(2, 5, 50, 3)
    seen, unseen = (torch.full((2, 5, 50), value) for value in (True, False))
    beside = truth + torch.tensor([0.3, 0.4, 0])
    deeper = truth + torch.tensor([0, 0, 0.5])
    assert loss(truth, truth, unseen, velocity=1.0) == pytest.approx(0, abs=1e-3)
    assert loss(beside, truth, seen) == pytest.approx(0, abs=1e-3)  # as it was seen, right or wrong
    assert loss(beside, truth, unseen) == pytest.approx(0.5, abs=1e-3)
    assert loss(deeper, truth, seen) == pytest.approx(0.5, abs=1e-3)
    still = truth[:, :1].expand(-1, 5, -1, -1)
    assert loss(still, truth, seen, bone=1.0) == pytest.approx(loss(still, truth, seen), abs=1e-5)
    grown = still * torch.linspace(0.5, 1.5, 5)[:, None, None]
    assert loss(grown, truth, seen, bone=1.0) > loss(grown, truth, seen) + 0.05


def test_every_parameter_learns(clips: ClipSet) -> None:
    model = small()
    model.fit(clips)
    rows = np.arange(12)[None]
    points, confidence, _, _ = clips.take(rows)
    confidence[..., 40:] = 0
    model(points, confidence, torch.from_numpy(clips.depth[rows])).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    assert 0 < float(model.usual) < 20 and float(model.scale.max()) < 5
