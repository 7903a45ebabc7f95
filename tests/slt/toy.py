"""A toy sign language of four words, and a model folder that has learned it in seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from skeletor.io.formats import write_pose
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from slt.inference.model_folder import Card, ModelConfig, save_model_folder
from slt.translate.abstain import fit_abstention
from slt.translate.config import PRESETS
from slt.translate.joey.batches import Example
from slt.translate.train import train_translator
from slt.translate.translator import Translator
from tests.once import once
from tests.slt.data.own_sets import write_lines

WORDS = ["regen", "sonne", "wind", "schnee"]
REST = np.array([[0, -0.6, 0.1], [0, 0, 0], [-0.5, 0, 0], [-0.6, 0.8, 0], [-0.4, 1.0, 0.4],
                 [0.5, 0, 0], [0.6, 0.8, 0], [0.4, 1.0, 0.4]])  # fmt: skip


def perform(words: list[str], seed: int) -> PoseSequence:
    """Each word is a hand pose of its own, held for seven frames."""
    frames = []
    for word in words:
        rng = np.random.default_rng(WORDS.index(word))
        pose = np.zeros((50, 3))
        pose[:8] = REST
        for wrist, first in ((7, 8), (4, 29)):
            pose[wrist] += rng.normal(0, 0.2, 3)
            pose[first : first + 21] = pose[wrist] + rng.normal(0, 0.15, (21, 3))
        frames.append(np.repeat(pose[None], 7, 0))
    points = np.concatenate(frames)
    points = points + np.random.default_rng(seed).normal(0, 0.01, points.shape)
    return PoseSequence(points, np.ones(points.shape[:2]), 25, SIGNING_50, Provenance(f"c{seed}", units="shoulder"))


def clips(number: int, seed: int) -> list[Example]:
    rng = np.random.default_rng(seed)
    made = []
    for k in range(number):
        words = [WORDS[i] for i in rng.integers(0, 4, rng.integers(1, 5))]
        pose = perform(words, 1000 * seed + k)
        made.append(Example(pose.provenance.source, pose, " ".join([*words, "."]), tuple(w.upper() for w in words)))
    return made


def write_toy_set(root: Path, head: Sequence[str], cells: Callable[[Example], Sequence[str]]) -> Path:
    """A data set of 16, 5 and 2 clips, as files of 2D poses. cells: what follows name and split in a clip's line."""
    lines = []
    for split, count, seed in (("train", 16, 1), ("dev", 5, 2), ("test", 2, 3)):
        for k, example in enumerate(clips(count, seed)):
            file = root / "videos" / f"{split}-{k}.safetensors"
            file.parent.mkdir(parents=True, exist_ok=True)
            write_pose(example.pose.replace(in_pixels(example.pose)), file)
            lines.append((file.stem, split, *cells(example)))
    write_lines(root, *lines, head=("name", "split", *head))
    return root


def in_pixels(pose: PoseSequence) -> np.ndarray:
    """(T, J, 2): the pose as a camera sees it that is far away."""
    points: np.ndarray = pose.keypoints[:, :, :2] * 60 + 200
    return points


def toy_model(factory: pytest.TempPathFactory) -> Path:
    """A model folder that knows this toy language, with a gloss head; its refiner is none. Not to be changed."""
    return once(factory, "toy_model", _train_model) / "model"


def _train_model(root: Path) -> Path:
    options = PRESETS["ctc"].model_copy(
        update={"layers": 1, "hidden": 32, "feed_forward": 64, "heads": 2, "width": 16, "batch": 16, "warmup": 20,
                "max_updates": 200, "validate_every": 100, "learning_rate": 8e-3, "beams": [1], "alphas": [0.0]}
    )  # fmt: skip
    train = clips(120, 1)
    result = train_translator(train, clips(12, 2), options, root / "translator", 0, "cpu")
    unseen = [e.pose for e in clips(60, 7)]
    translator = Translator.load(root / "translator", "cpu")
    abstention = fit_abstention(translator, [e.pose for e in train], unseen, unseen, 0.01)
    config = ModelConfig({"name": "mediapipe"}, "1", {"mode": "fast"}, {"name": "none"}, 25.0)
    card = Card("Toy", "Toy.", "none", "Nothing.")
    return save_model_folder(root / "model", config, root / "translator", abstention, {"dev": result.dev}, card)
