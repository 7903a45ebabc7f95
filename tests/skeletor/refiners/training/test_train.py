"""Training: learns, resumes exactly, refuses nonsense, and writes what can be read again."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from skeletor.learning.trainer import Trainer
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50, custom_skeleton
from skeletor.refiners.training.train import TrainingDiverged, load_refiner, train_refiner
from skeletor.support.errors import InputError
from tests.skeletor.refiners.tiny import clips, config


def losses(folder: Path) -> list[tuple[int, float]]:
    lines = [json.loads(line) for line in (folder / "refiner.jsonl").read_text().splitlines()]
    return [(line["step"], line["loss"]) for line in lines if "loss" in line]


def test_learns_and_reports_it(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    quick = config(max_steps=120, learning_rate=1e-2, validate_every=120, checkpoint_every=120, mirror=False)
    result = train_refiner(clips(1) * 8, quick, tmp_path)  # one motion, easily learned
    assert result.validation_error < 0.9 * result.validation_error_input
    assert result.steps == 120 and result.windows_per_second > 0 and 0 < result.data_wait_share < 1


def test_log_and_header(tmp_path: Path) -> None:
    result = train_refiner(clips(4), config(), tmp_path, seed=3, data="test clips", licence="CC0")
    assert [step for step, _ in losses(tmp_path)] == [4, 8, 12]
    loaded = load_refiner(result.weights)
    info = loaded.info
    assert (info.preset, info.fps, info.units, info.data, info.licence) == (
        "small",
        25,
        "shoulder",
        "test clips",
        "CC0",
    )
    assert info.skeleton is SIGNING_50 and info.training["seed"] == 3 and info.training["steps"] == 12
    assert info.config["window"] == 16 and not loaded.model.training
    card = (tmp_path / "README.md").read_text()
    for part in ("test clips", "CC0", f"{result.parameters} parameters", "| max_steps | 12 |", "hand_swap", "Limits"):
        assert part in card


def test_training_is_deterministic_and_leaves_the_global_generator_alone(tmp_path: Path) -> None:
    state = torch.get_rng_state()
    few = config(max_steps=5)
    for name in ("a", "b"):
        train_refiner(clips(3), few, tmp_path / name)
    train_refiner(clips(3), few, tmp_path / "c", seed=1)
    assert torch.equal(state, torch.get_rng_state())
    assert losses(tmp_path / "a") == losses(tmp_path / "b") != losses(tmp_path / "c")


def test_kill_and_resume_gives_the_same_losses(tmp_path: Path) -> None:
    """kill -9 in the middle, after a checkpoint at step 5 and log lines up to step 8; dropout is on."""
    torch.set_num_threads(1)
    network = {"d_model": 16, "d_ff": 32, "heads": 2, "layers": 1, "dropout": 0.2}
    quick = config(max_steps=12, model=network)
    step, child = Trainer.step, os.fork()
    if child == 0:

        def dying(trainer: Trainer[Any], feed: Any) -> None:
            step(trainer, feed)
            if trainer.state.progress.step == 9:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            Trainer.step = dying
            train_refiner(clips(3), quick, tmp_path / "killed")
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert not (tmp_path / "killed" / "refiner.safetensors").exists()
    train_refiner(clips(3), quick, tmp_path / "killed")
    train_refiner(clips(3), quick, tmp_path / "whole")
    assert losses(tmp_path / "killed") == losses(tmp_path / "whole")
    both = [load_refiner(tmp_path / n / "refiner.safetensors").model.state_dict() for n in ("killed", "whole")]
    assert all(torch.equal(both[0][k], both[1][k]) for k in both[0])


def test_checkpoint_of_another_training_is_not_used(tmp_path: Path) -> None:
    few = config(max_steps=6)  # the checkpoint is of step 5
    train_refiner(clips(3), few, tmp_path / "a")
    train_refiner(clips(3, seed=5), few, tmp_path / "a")
    train_refiner(clips(3, seed=5), few, tmp_path / "b")
    assert losses(tmp_path / "a") == losses(tmp_path / "b")
    (tmp_path / "a" / "refiner.checkpoint.pt").write_bytes(b"no checkpoint")
    train_refiner(clips(3, seed=5), few, tmp_path / "a")
    assert losses(tmp_path / "a") == losses(tmp_path / "b")


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first = train_refiner(clips(3), config(), tmp_path)
    again = train_refiner(clips(3), config(), tmp_path)
    assert again.steps == first.steps and again.seconds == first.seconds
    assert again.validation_error == first.validation_error


def test_time_budget_ends_it(tmp_path: Path) -> None:
    result = train_refiner(clips(3), config(max_steps=10**6, max_minutes=0.01), tmp_path)
    assert 0 < result.steps < 10**5
    assert losses(tmp_path)[-1][0] == result.steps


def test_unobserved_joints_are_no_targets(tmp_path: Path) -> None:
    """Where nobody saw a joint, what the clip holds there must not matter."""
    good = clips(2)
    confidence = good[0].confidence.copy()
    confidence[:, 30] = 0
    for name, value in (("a", 0.0), ("b", 50.0)):
        keypoints = good[0].keypoints.copy()
        keypoints[:, 30] = value
        poses = [good[0].replace(keypoints, confidence), good[1].replace(keypoints, confidence)]
        train_refiner(poses, config(mirror=False, max_steps=4), tmp_path / name)
    assert losses(tmp_path / "a") == losses(tmp_path / "b")


def test_divergence_is_a_clear_error(tmp_path: Path) -> None:
    wild = clips(3)
    for pose in wild:
        pose.keypoints[:] *= np.float32(1e30)  # past the checks of a pose; its square is infinite
    with pytest.raises(TrainingDiverged, match="loss became"):
        train_refiner(wild, config(loss="mse"), tmp_path)
    assert not (tmp_path / "refiner.safetensors").exists()


@pytest.mark.parametrize("dims", [2, 3])
def test_other_skeletons_and_2d(tmp_path: Path, dims: int) -> None:
    skeleton = custom_skeleton(6)
    poses = clips(3, skeleton=skeleton, dims=dims)
    loaded = load_refiner(train_refiner(poses, config(bone_weight=1.0, max_steps=2), tmp_path).weights)
    assert loaded.info.skeleton == skeleton and loaded.info.model["dims"] == dims


def test_degraded_versions_are_the_input(tmp_path: Path) -> None:
    """A constant error of the degraded clips can only be unlearned by seeing pairs."""
    good = clips(6)
    worse = [p.replace(p.keypoints + np.float32(0.3)) for p in good]
    quick = config(
        max_steps=60, learning_rate=1e-2, degraded_share=1.0, validate_every=60, checkpoint_every=60, mirror=False
    )
    with_pairs = train_refiner(good, quick, tmp_path / "a", degraded=worse)
    assert with_pairs.validation_error_input > 0.4  # .3 in each of three coordinates is .52
    assert with_pairs.validation_error < 0.5 * with_pairs.validation_error_input


def test_where_nothing_is_held_out_that_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "skeletor"):
        train_refiner([clips(1)[0], clips(1)[0].frames(0, 2)], config(max_steps=1), tmp_path)
    assert "no held-out error: of 1 usable clips none" in caplog.text and "nan" not in caplog.text


def test_mixed_clips_are_refused(tmp_path: Path) -> None:
    good = clips(2)
    for none in ([], [good[0].frames(0, 3)] * 5):
        with pytest.raises(InputError, match=f"of {len(none)} clips 0 can be trained on .* 4 frames or more"):
            train_refiner(none, config(), tmp_path)
    with pytest.raises(InputError, match="skeleton"):
        train_refiner([*good, *clips(1, skeleton=custom_skeleton(4))], config(), tmp_path)
    with pytest.raises(InputError, match="2D"):
        train_refiner([*good, *clips(1, dims=2)], config(), tmp_path)
    with pytest.raises(InputError, match="degraded"):
        train_refiner(good, config(), tmp_path, degraded=good[:1])


def test_pixels_and_other_frame_rates_are_brought_into_form(tmp_path: Path) -> None:
    pixels = [
        PoseSequence(p.keypoints * 90 + 200, p.confidence, 50, SIGNING_50, Provenance(units="pixel")) for p in clips(2)
    ]
    info = load_refiner(train_refiner(pixels, config(fps=25.0, max_steps=1), tmp_path).weights).info
    assert info.units == "shoulder" and info.fps == 25


@pytest.mark.parametrize("content", [b"", b"rubbish" * 100])
def test_broken_weights_are_an_input_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="safetensors"):
        load_refiner(tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="no such file"):
        load_refiner(tmp_path / "missing.safetensors")


def test_a_truncated_or_foreign_file_is_an_input_error(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    weights = train_refiner(clips(2), config(max_steps=1), tmp_path).weights
    content = weights.read_bytes()
    weights.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError):
        load_refiner(weights)
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="not the weights of a refiner"):
        load_refiner(tmp_path / "other.safetensors")
