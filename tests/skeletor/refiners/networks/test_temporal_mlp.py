"""The temporal MLP: shapes, weight sharing, padding; its training, its file and its use as a refiner."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from skeletor.poses.skeleton import SIGNING_50, custom_skeleton
from skeletor.refiners.networks.build import build_network, kind_of
from skeletor.refiners.networks.temporal_mlp import TemporalMLP
from skeletor.refiners.registry import build_refiner
from skeletor.refiners.trained import SkeletorOptions, TemporalMlpOptions
from skeletor.refiners.training.config import train_preset
from skeletor.refiners.training.objective import Batch, refiner_loss
from skeletor.refiners.training.train import model_arguments, train_refiner
from skeletor.refiners.weights import load_refiner
from skeletor.support.errors import InputError
from tests.skeletor.refiners.tiny import clips, config

TINY: dict[str, Any] = {"kind": "temporal_mlp", "d_model": 16, "d_ff": 8, "layers": 2, "dropout": 0.0}


def make(**changes: Any) -> TemporalMLP:
    torch.manual_seed(0)
    arguments = {"joints": 4, "dims": 2, "window": 8, "carriers": None, "confidence_input": False, "residual": False}
    model = build_network({**arguments, **TINY, **changes})
    assert isinstance(model, TemporalMLP)
    return model.eval()


def test_preset_is_smoothnet() -> None:
    """Linear window -> 512, three blocks 512 -> 256 -> 512, linear 512 -> window; L1 and acceleration.

    The confidences of the window stand beside its coordinates, unless it is to be as Zeng et al. have it.
    """
    preset = train_preset("smoothnet")
    model = build_network(model_arguments(preset, SIGNING_50, 3))
    blocks = 3 * (512 * 256 + 256 + 256 * 512 + 512)
    assert model.parameter_count() == 128 * 512 + 512 + blocks + 512 * 64 + 64
    published = build_network({**model_arguments(preset, SIGNING_50, 3), "confidence_input": False})
    assert published.parameter_count() == model.parameter_count() - 64 * 512
    assert (preset.loss, preset.velocity_weight, preset.acceleration_weight) == ("l1", 0, 1)


@pytest.mark.parametrize("confidence_input", [False, True])
def test_weights_are_shared_over_joints_and_coordinates(confidence_input: bool) -> None:
    model = make(confidence_input=confidence_input)
    points, confidence = torch.randn(3, 8, 4, 2), torch.rand(3, 8, 4)
    out = model(points, confidence)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(model(points[:, :, order].flip(3), confidence[:, :, order]), out[:, :, order].flip(3))
    points[:, :, 1] += 1
    changed = (model(points, confidence) != out).any((0, 1, 3))
    assert changed.tolist() == [False, True, False, False]
    assert torch.equal(model(points, confidence * 0.5), model(points, confidence)) is not confidence_input


@pytest.mark.parametrize("frames", [1, 2, 5, 7])
def test_short_input_is_padded_by_its_edges(frames: int) -> None:
    model = make(confidence_input=True)
    points, confidence = torch.randn(2, frames, 4, 2), torch.rand(2, frames, 4)
    before = (8 - frames) // 2
    index = [0] * before + list(range(frames)) + [frames - 1] * (8 - frames - before)
    whole = model(points[:, index], confidence[:, index])
    torch.testing.assert_close(model(points, confidence), whole[:, before : before + frames])
    with pytest.raises(AssertionError):
        model(torch.zeros(1, 9, 4, 2), torch.zeros(1, 9, 4))


def test_untrained_residual_changes_nothing_and_local_is_equivariant() -> None:
    points, sure = torch.randn(2, 8, 4, 2), torch.ones(2, 8, 4)
    torch.testing.assert_close(make(residual=True)(points, sure), points)
    model = make(carriers=[0, 0, 0, 3])
    model.scale.copy_(torch.rand(4, 2) + 0.5)
    model.rest.copy_(torch.randn(4, 2))
    moved = make(carriers=[0, 0, 0, 3])
    moved.scale.copy_(2 * model.scale)
    moved.rest.copy_(2 * model.rest + 3)
    torch.testing.assert_close(moved(2 * points + 3, sure), 2 * model(points, sure) + 3)


def test_loss_on_accelerations() -> None:
    """Errors that grow linearly with time cost nothing; where a target is missing, nothing counts."""
    weights = {"loss": "mse", "velocity_weight": 0.0}
    plain, bent = (config(**weights, acceleration_weight=w) for w in (0.0, 3.0))
    target, seen = torch.randn(2, 9, 5, 2), torch.ones(2, 9, 5)
    batch = Batch(target, seen, target, seen)
    skeleton = custom_skeleton(5)
    ramp = target + torch.arange(9.0)[:, None, None]
    torch.testing.assert_close(refiner_loss(ramp, batch, bent, skeleton), refiner_loss(ramp, batch, plain, skeleton))
    kink = target.clone()
    kink[:, 4, 0] += 0.5  # second differences of .5, -1, .5 in one joint of five, of 7 frames
    extra = refiner_loss(kink, batch, bent, skeleton) - refiner_loss(kink, batch, plain, skeleton)
    assert float(extra) == pytest.approx(3 * (0.25 + 1 + 0.25) / (7 * 5))
    seen[:, 4, 0] = 0
    assert float(refiner_loss(kink, batch, bent, skeleton)) == pytest.approx(0, abs=1e-9)


@pytest.fixture(name="weights", scope="module")
def _weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    quick = config(model=TINY, acceleration_weight=1.0, max_steps=20)
    return train_refiner(clips(4), quick, tmp_path_factory.mktemp("mlp")).weights


def test_trains_saves_and_refines(weights: Path) -> None:
    loaded = load_refiner(weights)
    assert isinstance(loaded.model, TemporalMLP) and kind_of(loaded.info.model) == "temporal_mlp"
    assert float(loaded.model.scale.std()) > 0 and float(loaded.model.rest.std()) > 0
    refiner = build_refiner(TemporalMlpOptions(weights=str(weights), radius=4, stride=4))
    poses = [clips(1, frames=n)[0] for n in (0, 1, 5, 40)]
    keypoints, confidence = poses[3].keypoints.copy(), poses[3].confidence.copy()
    keypoints[5:9, 3], confidence[5:9, 3] = np.nan, 0
    poses[3] = poses[3].replace(keypoints, confidence)
    for one, pose in zip(refiner.many(poses), poses, strict=True):
        assert one.keypoints.shape == pose.keypoints.shape and np.isfinite(one.keypoints).all()
        np.testing.assert_allclose(one.keypoints, refiner(pose).keypoints, atol=1e-5)
        record = one.provenance.stages[-1]
        assert (record.name, record.config["name"]) == ("refine", "temporal-mlp")


def test_weights_of_another_kind_are_refused(weights: Path) -> None:
    with pytest.raises(InputError, match="weights of temporal-mlp"):
        build_refiner(SkeletorOptions(weights=str(weights)))
    with pytest.raises(InputError, match="weights is not set"):
        build_refiner(TemporalMlpOptions())


def test_learns_to_smooth(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    none = dict.fromkeys(("frame_mask", "joint_mask", "frame_noise", "joint_noise"), 0.0)
    none |= dict.fromkeys(("hand_drop", "hand_freeze", "hand_swap", "jitter_speed"), 0.0)
    quick = config(
        model={**TINY, "d_model": 32, "d_ff": 32}, max_steps=150, learning_rate=5e-3, validate_every=150,
        checkpoint_every=150, acceleration_weight=1.0, corruption={**none, "jitter": 0.05, "vary": False},
    )  # fmt: skip
    result = train_refiner(clips(8), quick, tmp_path)
    assert result.validation_error < 0.85 * result.validation_error_input
