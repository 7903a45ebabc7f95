"""Tiny trainings of all kinds, and the stage that their weights make."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from skeletor.learning.trainer import Trainer
from skeletor.lifters.learned import training
from skeletor.lifters.learned.clips import Material
from skeletor.lifters.learned.config import LiftTrainJob
from skeletor.lifters.learned.networks.layers import parameter_count
from skeletor.lifters.learned.networks.registry import KINDS, build_network, network_arguments
from skeletor.lifters.learned.weights import load_lifter
from skeletor.lifters.learned_lifter import LearnedOptions
from skeletor.lifters.registry import LIFTERS, build_lifter
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.config import check_config, load_config
from skeletor.support.errors import InputError
from slt.synthetic.lift_clips import held_out_motion, make_view, rendered_material

MODELS: dict[str, dict[str, Any]] = {
    "uplift-upsample": {"tokens": 9, "strides": [3, 3], "joint_width": 4, "width": 16, "heads": 2, "spatial_blocks": 1,
                        "temporal_blocks": 2},
    "anatomy": {"channels": 16, "blocks": 1, "frames": 8},
    "joint-token": {"width": 8, "heads": 2, "blocks": 1, "taps": 3, "window": 8},
}  # fmt: skip
DATA = {"clips": 3, "views": 1}


def job(out: Path, kind: str, steps: int = 6, **train: Any) -> LiftTrainJob:
    raw = {
        "out": str(out),
        "workers": 1,
        "data": DATA,
        "model": {"kind": kind, **MODELS[kind]},
        "train": {"batch_size": 4, "max_steps": steps, "checkpoint_every": 3, "warmup_steps": 1, **train},
    }
    return check_config(raw, LiftTrainJob, "test")


@pytest.fixture(scope="module")
def clips() -> Material:
    return rendered_material(job(Path(), "anatomy").data)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, clips: Material) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("lifters")
    return {kind: training.train_lifter(job(folder / kind, kind), clips).weights for kind in KINDS}


CONFIGS = sorted((Path(__file__).parents[4] / "configs").glob("lift_*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_shipped_config_makes_a_network(path: Path) -> None:
    shipped = load_config(path, LiftTrainJob)
    network = build_network(network_arguments(shipped.model, SIGNING_50))
    assert 0 < parameter_count(network) < 5_000_000


def detected() -> PoseSequence:
    return make_view(held_out_motion(1, 0)[0][1], np.random.default_rng(0), None).seen


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_learns(tmp_path: Path, clips: Material, kind: str) -> None:
    result = training.train_lifter(job(tmp_path, kind, 40, learning_rate=0.01, log_every=20, ema=0.0), clips)
    first, last = (json.loads(line)["loss"] for line in (tmp_path / "lifter.jsonl").read_text().splitlines())
    assert last < first and result.steps == 40 and np.isfinite(result.validation)


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_training_ends_with_the_same_bytes(
    tmp_path: Path, clips: Material, kind: str, trained: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Trainer.step

    def killed(trainer: Trainer[Any], *rest: Any) -> None:
        if trainer.state.progress.step == 5:
            raise KeyboardInterrupt
        step(trainer, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", killed)
        with pytest.raises(KeyboardInterrupt):
            training.train_lifter(job(tmp_path, kind), clips)
    assert not (tmp_path / training.WEIGHTS).exists()
    result = training.train_lifter(job(tmp_path, kind), clips)
    assert result.weights.read_bytes() == trained[kind].read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_weights_make_a_lifter(trained: dict[str, Path], kind: str) -> None:
    pose = detected()
    lifter = build_lifter(LearnedOptions(weights=str(trained[kind])))
    lifted = lifter(pose)
    assert lifter.name == kind and lifted.keypoints.shape == (len(pose), 50, 3)
    assert np.isfinite(lifted.keypoints).all() and lifted.provenance.units == "shoulder"
    assert np.median(lifted.keypoints[:, 1, 2]) == pytest.approx(0, abs=1e-6)
    many = lifter.many([pose, pose.frames(3, 20)])
    np.testing.assert_array_equal(many[0].keypoints, lifted.keypoints)
    record = lifted.provenance.stage("lift")
    assert record is not None and record.config["kind"] == kind


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_with_the_mirror_image_is_symmetric(trained: dict[str, Path], kind: str) -> None:
    lifter = build_lifter(LearnedOptions(weights=str(trained[kind]), mirror=True))
    pose = detected().frames(0, 12)
    flipped = pose.replace(pose.keypoints[:, SIGNING_50.mirror] * np.array([-1, 1], np.float32))
    back = lifter(flipped).keypoints[:, SIGNING_50.mirror] * np.array([-1, 1, 1])
    np.testing.assert_allclose(back, lifter(pose).keypoints, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frames", [1, 2, 30])
def test_lost_joints_and_short_clips_are_lifted(trained: dict[str, Path], kind: str, frames: int) -> None:
    pose = detected().frames(0, frames)
    points, confidence = pose.keypoints.copy(), pose.confidence.copy()
    points[:, 8:], confidence[:, 8:] = np.nan, 0
    lifted = build_lifter(LearnedOptions(weights=str(trained[kind]), absent="filled"))(pose.replace(points, confidence))
    assert np.isfinite(lifted.keypoints).all() and (lifted.confidence[:, 8:] == 0).all()


def test_every_frame_comes_out_at_another_rate(trained: dict[str, Path]) -> None:
    lifter = build_lifter(LearnedOptions(weights=str(trained["joint-token"])))
    pose = detected()
    fast = PoseSequence(np.repeat(pose.keypoints, 2, 0), np.repeat(pose.confidence, 2, 0), 50.0, SIGNING_50,
                        Provenance(units="pixel"))  # fmt: skip
    assert lifter(fast).keypoints.shape == (2 * len(pose), 50, 3)


def test_frames_between_the_stride_are_not_looked_at(trained: dict[str, Path]) -> None:
    weights = str(trained["uplift-upsample"])
    lifter = build_lifter(LearnedOptions(weights=weights, stride=4))
    points = torch.randn(21, 50, 2)
    other = points.clone()
    other[torch.arange(21) % 4 != 0] = 5.0
    from skeletor.lifters.learned.inference import lift_clip

    network = load_lifter(weights).network
    for output in ("centre", "sequence"):
        ours, theirs = (lift_clip(network, p, torch.ones(21, 50), None, 4, output) for p in (points, other))
        assert ours.shape == (21, 50, 3)
        torch.testing.assert_close(ours, theirs)
    assert lifter(detected()).keypoints.shape[1:] == (50, 3)


def test_a_long_clip_in_pieces_is_the_clip(trained: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from skeletor.lifters.learned import inference
    from skeletor.lifters.learned.networks import joint_token

    network = load_lifter(trained["joint-token"]).network
    points, confidence = torch.randn(40, 50, 2), torch.ones(40, 50)
    whole = inference.lift_clip(network, points, confidence)
    monkeypatch.setattr(joint_token, "PIECE", 7)
    torch.testing.assert_close(inference.lift_clip(network, points, confidence), whole, atol=1e-5, rtol=1e-5)


def test_bad_configs_and_weights_are_one_clear_line(clips: Material, trained: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="key 'weights': an option of learned, not of fast"):
        LIFTERS.check({"mode": "fast", "weights": "x"}, "here")
    with pytest.raises(InputError, match="no such file"):
        build_lifter(LearnedOptions(weights=str(tmp_path / "none")))
    (tmp_path / "text").write_text("no weights")
    with pytest.raises(InputError, match="not a readable safetensors file"):
        build_lifter(LearnedOptions(weights=str(tmp_path / "text")))
    with pytest.raises(InputError, match="needs weights of kind uplift-upsample"):
        build_lifter(LearnedOptions(weights=str(trained["anatomy"]), stride=2))
    with pytest.raises(InputError, match="another kind or size"):
        start = job(tmp_path, "anatomy").model_copy(update={"start": str(trained["joint-token"])})
        training.train_lifter(start, clips)


def test_fine_tuning_starts_from_weights(trained: dict[str, Path], tmp_path: Path, clips: Material) -> None:
    more = job(tmp_path, "uplift-upsample", 1, learning_rate=1e-9).model_copy(
        update={"start": str(trained["uplift-upsample"])}
    )
    before = load_lifter(trained["uplift-upsample"]).network.state_dict()
    after = load_lifter(training.train_lifter(more, clips).weights).network.state_dict()
    for name in before:
        torch.testing.assert_close(before[name], after[name], atol=1e-5, rtol=1e-4)


def test_the_card_tells_what_it_is(trained: dict[str, Path]) -> None:
    card = (trained["anatomy"].parent / "README.md").read_text()
    assert "anatomy" in card and "slt lift POSES" in card and "validation" in card
