"""Training of PORT: masked joint modelling as published (section III-D), or on a detector's errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from skeletor.learning.schedule import Budget, Schedule
from skeletor.learning.task import Options
from skeletor.learning.trainer import train
from skeletor.refiners2d.alignment import align, radius
from skeletor.refiners2d.gaussian import GaussianPrior
from skeletor.refiners2d.port.config import PortConfig
from skeletor.refiners2d.port.model import build_port, error_inputs, picture_frame
from skeletor.refiners2d.port.network import Port
from skeletor.support.errors import InputError


def train_port(
    truth: np.ndarray,
    detected: np.ndarray,
    confidence: np.ndarray,
    bones: Sequence[tuple[int, int]],
    config: PortConfig,
    seed: int,
    prior: GaussianPrior | None = None,
    size: np.ndarray | None = None,
) -> Port:
    """Train on whole true poses (F, N, 2) and their detections (F, N, 2) with confidence (F, N).

    prior: the frame (and, for `errors`, the estimate to correct); None: the paper's frame, which needs size (F, 2).
    `masked` looks at the truth alone. Raises InputError if nothing is whole, or prior or size is missing,
    TrainingDiverged if the loss becomes NaN.
    """
    if prior is None and (size is None or config.learn == "errors"):
        raise InputError("port: learn errors needs a prior; the paper's frame needs the size of the pictures")
    whole = np.isfinite(truth).all((1, 2)) & ((~np.isnan(detected[..., 0])).sum(1) >= 2)
    if not whole.any():
        raise InputError("port: no whole pose to learn from")
    truth, detected, confidence = (a[whole].astype(np.float64) for a in (truth, detected, confidence))

    def make(device: torch.device) -> MaskedTask | ErrorsTask:
        network = build_port(config, truth.shape[1], bones).to(device)
        if config.learn == "errors" and prior is not None:
            return _errors_task(network, truth, detected, confidence, prior, config)
        poses = truth if size is None or prior is not None else truth / size[whole][:, None]
        return MaskedTask(network, poses, prior, config.batch, config.masked)

    return train(make, trainer_options(config), seed).task.network


def trainer_options(config: PortConfig) -> Options:
    """The trainer's options of a config: one line of the log, at the end; nothing is written."""
    c = config
    return Options(
        name="port",
        schedule=Schedule("cosine", c.learning_rate, c.warmup_steps, after_warmup=True),
        budget=Budget(c.steps),
        batch_size=c.batch,
        unit="poses",
        weight_decay=c.weight_decay,
        gradient_clip=c.gradient_clip,
        log_every=c.steps,
        checkpoint_every=c.steps,
        own_generators=False,
    )


@dataclass(frozen=True, eq=False)
class MaskedTask:
    """Masked joint modelling (equation 12): the mean squared error of hidden joints.

    truth: (F, N, 2). prior: None for the paper's frame. size: poses of a batch. masked: share of joints to hide.
    """

    network: Port
    truth: np.ndarray
    prior: GaussianPrior | None
    size: int
    masked: float

    def draw(self, rng: np.random.Generator, number: int) -> tuple[Tensor, Tensor]:
        """Random poses (B, N, 2) in their frame, and which joints (B, N) are hidden."""
        poses = self.truth[rng.integers(len(self.truth), size=self.size)]  # (B, N, 2)
        order = rng.random(poses.shape[:2])
        hidden = order < self.masked
        hidden &= order < np.sort(order, 1)[:, [-2]]  # two joints stay
        if self.prior is None:
            place = picture_frame(poses)
        else:
            place = align(poses, self.prior.mean[None], (~hidden).astype(float), self.prior.rotate)
        return _tensor(place.apply(poses)), torch.from_numpy(hidden)

    def loss(self, runner: nn.Module, batch: tuple[Tensor, Tensor], seed: int) -> Tensor:
        """Over the hidden joints; 0 if there is none."""
        points, hidden = batch
        squares: Tensor = (runner(points, hidden) - points).square().sum(2)  # (B, N)
        return squares[hidden].mean() if hidden.any() else squares.mean() * 0

    def validate(self) -> dict[str, float]:
        """Nothing is held out here: see `skeletor.refiners2d.port.model.choose_port`."""
        return {}


@dataclass(frozen=True, eq=False)
class SpoiltPoses:
    """A batch of `ErrorsTask`, in the frame of the prior.

    points: (B, N, 2) as detected, 0 where not; hidden: (B, N) not detected; extras: (B, N, E) see `error_inputs`;
    offset: (B, N, 2) from the truth to the Gaussian estimate; radius: (B, 1) of the poses, in pixels.
    """

    points: Tensor
    hidden: Tensor
    extras: Tensor
    offset: Tensor
    radius: Tensor


@dataclass(frozen=True, eq=False)
class ErrorsTask:
    """Detections as they are, or true poses with the error of another pose, turned and scaled to fit.

    truth: (F, N, 2); confidence: (F, N); factor: (F, 1) complex, from pixels to radii and upright; error: (F, N)
    complex, of the detections, times `factor`. size: poses of a batch. exchange: share that gets another's error.
    """

    network: Port
    truth: np.ndarray
    confidence: np.ndarray
    factor: np.ndarray
    error: np.ndarray
    prior: GaussianPrior
    size: int
    exchange: float

    def draw(self, rng: np.random.Generator, number: int) -> SpoiltPoses:
        """Random poses with errors."""
        own = rng.integers(len(self.truth), size=self.size)
        other = rng.integers(len(self.truth), size=self.size)
        other = np.where(rng.random(self.size) < self.exchange, other, own)
        error = self.error[other] / self.factor[own]
        detected = self.truth[own] + np.stack([error.real, error.imag], -1)
        place, base, extras = error_inputs(self.prior, detected, self.confidence[other])
        hidden = np.isnan(detected[..., 0])
        return SpoiltPoses(
            points=_tensor(np.where(hidden[..., None], 0, place.apply(detected))),
            hidden=torch.from_numpy(hidden),
            extras=_tensor(extras),
            offset=_tensor(base - place.apply(self.truth[own])),
            radius=_tensor(1 / abs(self.factor[own])),
        )

    def loss(self, runner: nn.Module, batch: SpoiltPoses, seed: int) -> Tensor:
        """Mean length of what the correction leaves, and of the same seen from the root."""
        left = batch.offset + runner(batch.points, batch.hidden, batch.extras)  # (B, N, 2)
        size = batch.radius  # errors count in pixels, as they are measured
        return ((_length(left) + 0.5 * _length(left - left[:, :1])) * size / size.mean()).mean()

    def validate(self) -> dict[str, float]:
        """Nothing is held out here: see `skeletor.refiners2d.port.model.choose_port`."""
        return {}


def _errors_task(
    network: Port,
    truth: np.ndarray,
    detected: np.ndarray,
    confidence: np.ndarray,
    prior: GaussianPrior,
    config: PortConfig,
) -> ErrorsTask:
    place = align(truth, prior.mean[None], np.ones(truth.shape[:2]), prior.rotate)
    factor = place.factor / abs(place.factor) / radius(truth)[:, None]  # (F, 1)
    error = detected - truth  # (F, N, 2)
    turned = (error[..., 0] + 1j * error[..., 1]) * factor
    return ErrorsTask(network, truth, confidence, factor, turned, prior, config.batch, config.exchange)


def _length(vectors: Tensor) -> Tensor:
    return (vectors.square().sum(2) + 1e-4).sqrt()


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).float()
