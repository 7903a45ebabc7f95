"""Trainings of a few steps on any device, each stopped in its middle and taken up again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from skeletor.learning.trainer import Trainer as NetworkTrainer
from skeletor.lifters.learned.clips import Material
from skeletor.lifters.learned.config import LiftTrainJob
from skeletor.lifters.learned.training import train_lifter
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.inference.stream import StreamingRefiner
from skeletor.refiners.inference.windowed import SkeletorRefiner
from skeletor.refiners.training.train import RefinerTrainResult, load_refiner, train_refiner
from skeletor.support.config import check_config
from skeletor.support.devices import resolve_device
from slt.recognise.config import PRESETS as RECOGNISERS
from slt.recognise.recogniser import WEIGHTS, Recogniser
from slt.recognise.train import GlossClip, train_recogniser
from slt.synthetic.lift_clips import rendered_material
from slt.translate.config import PRESETS, TranslateConfig
from slt.translate.joey.batches import Example
from slt.translate.joey.trainer import Trainer
from slt.translate.train import train_translator
from slt.translate.translator import Translator
from tests.skeletor.refiners.tiny import clips, config

Weights = dict[str, torch.Tensor]
# On a GPU sums are made in any order, so that two trainings differ a little; on a CPU they are the same.
CLOSE = {"cpu": 0.0, "cuda": 2e-3}
LIFTERS: dict[str, dict[str, Any]] = {
    "uplift-upsample": {"tokens": 9, "strides": [3, 3], "joint_width": 4, "width": 16, "heads": 2, "spatial_blocks": 1,
                        "temporal_blocks": 2},
    "anatomy": {"channels": 16, "blocks": 1, "frames": 8},
    "joint-token": {"width": 8, "heads": 2, "blocks": 1, "taps": 3, "window": 8},
}  # fmt: skip
WORDS = ("regen", "sonne", "wind", "schnee")


class Stopped(Exception):
    """What stops a training in its middle."""


def stopping(function: Callable[..., Any], after: int) -> Callable[..., Any]:
    """`function`, which raises `Stopped` when it is called once more than `after` times."""
    calls = 0

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > after:
            raise Stopped
        return function(*args, **options)

    return counted


def assert_close(found: Weights, expected: Weights, device: str) -> None:
    """The same tensors on a CPU; on a GPU nearly so."""
    assert set(found) == set(expected)
    limit = CLOSE[resolve_device(device).type]
    for name, value in expected.items():
        assert torch.isfinite(value.float()).all(), name
        off = float((found[name].double() - value.double()).abs().max()) if value.numel() else 0.0
        assert off <= limit, (name, off)


def states(device: str) -> list[torch.Tensor]:
    """Of the generators that a training uses."""
    place = resolve_device(device)
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state(place)] if place.type == "cuda" else [])]


def train_and_resume_refiner(folder: Path, device: str, patch: pytest.MonkeyPatch, **options: Any) -> None:
    """Stopped after 9 of 12 steps, a checkpoint after 5, with dropout; then its weights refine, whole and streamed."""
    model = {"d_model": 16, "d_ff": 32, "heads": 2, "layers": 1, "dropout": 0.2}
    quick, before = config(model=model, **options), states(device)

    def train(name: str) -> RefinerTrainResult:
        return train_refiner(clips(4), quick, folder / name, 3, device)

    whole = train("whole")
    with patch.context() as inside:
        inside.setattr(NetworkTrainer, "step", stopping(NetworkTrainer.step, 9))
        with pytest.raises(Stopped):
            train("halves")
    halves = train("halves")
    assert halves.steps == 12 and np.isfinite(halves.train_loss) and np.isfinite(halves.validation_error)
    assert_close(load_file(halves.weights), load_file(whole.weights), device)
    assert all(torch.equal(a, b) for a, b in zip(states(device), before, strict=True)), "generators are as before"
    refines(whole.weights, device)


def refines(weights: Path, device: str) -> None:
    """The same on the device as on the CPU, whole and streamed."""
    pose = clips(1, seed=9, frames=60)[0]
    sure = pose.confidence.copy()
    sure[10:14, 8:] = 0
    pose = pose.replace(confidence=sure)
    expected = SkeletorRefiner(load_refiner(weights))(pose).keypoints
    loaded = load_refiner(weights, resolve_device(device))
    np.testing.assert_allclose(SkeletorRefiner(loaded)(pose).keypoints, expected, atol=1e-3)
    stream = StreamingRefiner(loaded)
    parts = [stream.push(pose.keypoints[k : k + 7], pose.confidence[k : k + 7]) for k in range(0, 60, 7)]
    np.testing.assert_allclose(np.concatenate([*parts, stream.finish()]), expected, atol=1e-3)


def lifter_material() -> Material:
    """A few rendered clips."""
    return rendered_material(lifter_job(Path(), "anatomy", "cpu").data)


def lifter_job(out: Path, kind: str, device: str) -> LiftTrainJob:
    """A training of 6 steps with a checkpoint after 3."""
    raw = {
        "out": str(out), "workers": 1, "device": device, "data": {"clips": 3, "views": 1},
        "model": {"kind": kind, **LIFTERS[kind]},
        "train": {"batch_size": 4, "max_steps": 6, "checkpoint_every": 3, "warmup_steps": 1},
    }  # fmt: skip
    return check_config(raw, LiftTrainJob, "test")


def train_and_resume_lifter(
    folder: Path, device: str, patch: pytest.MonkeyPatch, kind: str, material: Material
) -> None:
    """Stopped after 5 of 6 steps."""
    before = states(device)
    whole = train_lifter(lifter_job(folder / "whole", kind, device), material)
    with patch.context() as inside:
        inside.setattr(NetworkTrainer, "step", stopping(NetworkTrainer.step, 5))
        with pytest.raises(Stopped):
            train_lifter(lifter_job(folder / "halves", kind, device), material)
    halves = train_lifter(lifter_job(folder / "halves", kind, device), material)
    assert halves.steps == 6 and np.isfinite(halves.validation)
    assert_close(load_file(halves.weights), load_file(whole.weights), device)
    assert all(torch.equal(a, b) for a, b in zip(states(device), before, strict=True)), "generators are as before"


def examples(count: int, seed: int) -> list[Example]:
    """Sentences of one to three words, each word a pose that is held."""
    poses = np.random.default_rng(5).normal(0, 0.5, (len(WORDS), 50, 3))
    rng, made = np.random.default_rng(seed), []
    for k in range(count):
        chosen = rng.integers(0, len(WORDS), rng.integers(1, 4))
        points = np.repeat(poses[chosen], 6, 0) + rng.normal(0, 0.01, (6 * len(chosen), 50, 3))
        pose = PoseSequence(points, np.ones(points.shape[:2]), 25.0, SIGNING_50, Provenance("x", units="shoulder"))
        words = [WORDS[i] for i in chosen]
        made.append(Example(f"{k}", pose, " ".join(words), tuple(word.upper() for word in words)))
    return made


def translator_config(preset: str, **values: Any) -> TranslateConfig:
    """30 updates with a validation every 10."""
    size = {"hidden": 32, "feed_forward": 64, "layers": 1, "heads": 2, "width": 16}
    quick = {"max_updates": 30, "validate_every": 10, "batch": 8, "beams": [1, 2], "alphas": [1.0], "warmup": 5}
    options = {**PRESETS[preset].model_dump(), **size, **quick, "dropout": 0.1, "keep": 2, **values}
    return TranslateConfig.model_validate(options)


def train_and_resume_translator(
    folder: Path, device: str, patch: pytest.MonkeyPatch, preset: str, **values: Any
) -> None:
    """Stopped at update 25 of 30; then it translates, and recognises glosses if it has a head for them."""
    options, before = translator_config(preset, **values), states(device)
    train, dev = examples(40, 0), examples(6, 1)
    whole = train_translator(train, dev, options, folder / "whole", 1, device)
    with patch.context() as inside:
        inside.setattr(Trainer, "_train_step", stopping(Trainer._train_step, 25))
        with pytest.raises(Stopped):
            train_translator(train, dev, options, folder / "halves", 1, device)
    halves = train_translator(train, dev, options, folder / "halves", 1, device)
    assert halves.updates == 30 and [row["steps"] for row in halves.curve] == [10, 20, 30]
    both = [load_file(result.folder / "translator.safetensors") for result in (halves, whole)]
    if halves.averaged == whole.averaged and halves.decoding == whole.decoding:  # of what is close another may be best
        assert_close(*both, device)
    assert all(torch.equal(a, b) for a, b in zip(states(device), before, strict=True)), "generators are as before"
    translator = Translator.load(whole.folder, device)
    assert translator.device == resolve_device(device)
    poses = [example.pose for example in dev]
    found = translator.translate(poses)
    assert len(found) == 6 and all(np.isfinite(h.log_prob) for h in found)
    assert len(translator.recognise(poses)) == 6 if translator.recognised else preset != "ctc"


def train_and_resume_recogniser(folder: Path, device: str, patch: pytest.MonkeyPatch, bf16: bool) -> None:
    """Stopped at step 9 of 15, with dropout and augmentation; then it reads on the device as on the CPU."""
    changes = {"epochs": 3.0, "dropout": 0.2, "stretch": 0.3, "lost_hands": 0.5, "bf16": bf16}
    options, before = RECOGNISERS["tiny"].model_copy(update=changes), states(device)
    train, dev = ([GlossClip(e.name, e.pose, e.glosses) for e in examples(n, k)] for n, k in ((40, 0), (6, 1)))
    whole = train_recogniser(train, dev, options, folder / "whole", 1, device)
    with patch.context() as inside:
        inside.setattr(NetworkTrainer, "step", stopping(NetworkTrainer.step, 9))
        with pytest.raises(Stopped):
            train_recogniser(train, dev, options, folder / "halves", 1, device)
    train_recogniser(train, dev, options, folder / "halves", 1, device)
    assert_close(*(load_file(folder / name / WEIGHTS) for name in ("halves", "whole")), device)
    assert all(torch.equal(a, b) for a, b in zip(states(device), before, strict=True)), "generators are as before"
    assert whole.device == resolve_device(device)
    poses, there = [clip.pose for clip in dev], Recogniser.load(folder / "whole", "cpu")
    for found, expected in zip(whole.log_probabilities(poses), there.log_probabilities(poses), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-2)
