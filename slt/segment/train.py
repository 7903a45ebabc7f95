"""The training of the network of segments."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from skeletor.learning.schedule import Budget, Schedule
from skeletor.learning.task import Options
from skeletor.learning.trainer import train
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from slt.segment.features import PER_SIDE, WIDTH, mirrored
from slt.segment.network import BEGIN, CLASSES, OUT, NetworkConfig, Segmenter, SegmentNetwork


class SegmentTrainConfig(Config):
    """Network and training."""

    network: NetworkConfig = Field(default_factory=NetworkConfig)
    window: int = Field(256, ge=8, description="frames at 25 a second")
    batch: int = Field(16, ge=1)
    steps: int = Field(800, ge=1)
    learning_rate: float = Field(4e-3, gt=0)
    warmup: int = Field(30, ge=0)
    weight_decay: float = Field(0.01, ge=0)
    ema: float = Field(0.99, ge=0, lt=1)
    noise: float = Field(0.01, ge=0, description="Gaussian, on features")
    shift: float = Field(0.08, ge=0, description="shoulder widths by which places are moved, for a window as a whole")
    sign_weight: float = Field(0.3, ge=0, description="of the loss of signs, beside that of sentences")


@dataclass(frozen=True, eq=False)
class Labelled:
    """features (T, F) of a take, and labels (T, 2) int64: of sentences, of signs."""

    features: np.ndarray
    labels: np.ndarray


def train_segmenter(
    takes: Sequence[Labelled], held_out: Sequence[Labelled], config: SegmentTrainConfig, seed: int,
    out: Path | None = None,
) -> tuple[Segmenter, dict[str, float]]:  # fmt: skip
    """Train on takes; gives the segmenter, and its figures on what is held out.

    out: folder of log and checkpoint. Raises InputError if a take is shorter than a window, or there is none.
    """
    if not takes or min(len(one.features) for one in takes) < config.window:
        raise InputError(f"segmenter: needs takes of at least {config.window} frames to train on")
    options = Options(
        name="segmenter", schedule=Schedule("cosine", config.learning_rate, config.warmup),
        budget=Budget(config.steps), batch_size=config.batch, weight_decay=config.weight_decay, gradient_clip=1.0,
        log_every=50, checkpoint_every=200, ema=config.ema, unit="windows",
    )  # fmt: skip

    def make(device: torch.device) -> SegmentTask:
        return SegmentTask(config, takes, held_out, device)

    trained = train(make, options, seed, "cpu", out, _identity(config, takes, held_out, seed))
    network = trained.task.network
    assert isinstance(network, SegmentNetwork)
    return Segmenter(network, config.network), dict(trained.state.progress.validation)


@dataclass(eq=False)
class SegmentTask:
    """What the trainer trains."""

    config: SegmentTrainConfig
    takes: Sequence[Labelled]
    held_out: Sequence[Labelled]
    device: torch.device
    network: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        self.network = SegmentNetwork(self.config.network).to(self.device)
        lengths = np.array([len(one.features) for one in self.takes], float)
        self._chances = lengths / lengths.sum()

    def draw(self, rng: np.random.Generator, number: int) -> tuple[Tensor, Tensor]:
        """Windows (B, T, F) and their labels (B, T, 2): mirrored or not, moved as a whole, with noise."""
        c, chosen = self.config, []
        for number in rng.choice(len(self.takes), c.batch, p=self._chances):
            take = self.takes[number]
            start = int(rng.integers(len(take.features) - c.window + 1))
            window = take.features[start : start + c.window]
            window = mirrored(window) if rng.random() < 0.5 else window
            chosen.append((varied(window, c, rng), take.labels[start : start + c.window]))
        frames, labels = (torch.from_numpy(np.stack(part)) for part in zip(*chosen, strict=True))
        return frames, labels

    def loss(self, runner: nn.Module, batch: tuple[Tensor, Tensor], seed: int) -> Tensor:
        """Mean cross-entropy of sentences, and of signs."""
        frames, labels = batch[0].to(self.device), batch[1].to(self.device)
        logits = runner(frames).flatten(0, 1)  # (B T, 2, 3)
        flat = labels.flatten(0, 1)  # (B T, 2)
        return cross_entropy(logits[:, 0], flat[:, 0]) + self.config.sign_weight * cross_entropy(
            logits[:, 1], flat[:, 1]
        )

    def validate(self) -> dict[str, float]:
        """Shares of frames that are told right: signed or not, for sentences and signs; of beginnings, found ones."""
        if not self.held_out:
            return {}
        network = self.network
        assert isinstance(network, SegmentNetwork)
        network.eval()
        segmenter = Segmenter(network, self.config.network)
        told = np.concatenate([segmenter.probabilities(one.features).argmax(-1) for one in self.held_out])
        true = np.concatenate([one.labels for one in self.held_out])
        right = ((told != OUT) == (true != OUT)).mean(0)
        begun = true[:, 0] == BEGIN
        found = float((told[begun, 0] == BEGIN).mean()) if begun.any() else 0.0
        return {"sentence_frames": float(right[0]), "sign_frames": float(right[1]), "beginnings": found}


def varied(window: np.ndarray, config: SegmentTrainConfig, rng: np.random.Generator) -> np.ndarray:
    """Features (T, F) with noise, wrists and elbows moved as a whole. What was not seen (0) is not moved."""
    moved = window + rng.normal(0, config.noise, window.shape) + _shift(rng, config.shift) * (window != 0)
    return np.asarray(moved, np.float32)


def _shift(rng: np.random.Generator, most: float) -> np.ndarray:
    """(F,) of a window: places of wrists and elbows moved together."""
    moved = np.zeros(WIDTH)
    by = rng.normal(0, most, 2)
    for first, sign in ((0, 1), (PER_SIDE, -1)):
        moved[[first, first + 2]] = sign * by[0]
        moved[[first + 1, first + 3]] = by[1]
    return moved


def _identity(config: SegmentTrainConfig, takes: Sequence[Labelled], held_out: Sequence[Labelled], seed: int) -> str:
    """A hash of all that the training depends on."""
    digest = hashlib.sha256(f"{config.model_dump_json()} {seed} {CLASSES}".encode())
    for one in (*takes, *held_out):
        digest.update(np.ascontiguousarray(one.features).tobytes())
        digest.update(np.ascontiguousarray(one.labels).tobytes())
    return digest.hexdigest()
