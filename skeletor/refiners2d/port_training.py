"""Training of PORT: masked joint modelling as published (section III-D), or on a detector's errors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from skeletor.refiners2d.alignment import align, radius
from skeletor.refiners2d.gaussian import GaussianPrior
from skeletor.refiners2d.port import EXTRAS, error_inputs, picture_frame
from skeletor.refiners2d.port_config import PortConfig
from skeletor.refiners2d.port_network import Port
from skeletor.support.devices import seeded
from skeletor.support.errors import InputError


def build_port(config: PortConfig, joints: int, bones: Sequence[tuple[int, int]]) -> Port:
    """The network that a config describes, with fresh weights. InputError if the config's values do not fit."""
    errors = config.learn == "errors"
    try:
        net = Port(
            joints,
            bones,
            powers=config.powers,
            width=config.width,
            inner=config.inner,
            heads=config.heads,
            layers=config.layers,
            extras=EXTRAS if errors else 0,
            identity=config.identity,
            zeroed=config.zeroed,
            dropout=config.dropout,
            silent=errors,
        )
    except ValueError as error:
        raise InputError(f"port: {error}") from error
    return net


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
    `masked` looks at the truth alone. Raises InputError if nothing is whole, or prior or size is missing.
    """
    if prior is None and (size is None or config.learn == "errors"):
        raise InputError("port: learn errors needs a prior; the paper's frame needs the size of the pictures")
    whole = np.isfinite(truth).all((1, 2)) & ((~np.isnan(detected[..., 0])).sum(1) >= 2)
    if not whole.any():
        raise InputError("port: no whole pose to learn from")
    truth, detected, confidence = (a[whole].astype(np.float64) for a in (truth, detected, confidence))
    pool: _Masked | _Errors
    if config.learn == "errors" and prior is not None:
        pool = _Errors(truth, detected, confidence, prior, config)
    else:
        pool = _Masked(truth if size is None or prior else truth / size[whole][:, None], prior, config)
    with seeded(seed, torch.device("cpu")):
        net = build_port(config, truth.shape[1], bones)
        _learn(net, pool, config, np.random.default_rng(seed))
    return net.eval()


def _learn(net: Port, pool: _Masked | _Errors, config: PortConfig, rng: np.random.Generator) -> None:
    optimizer = torch.optim.AdamW(net.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, config))
    for _ in range(config.steps):
        loss = pool.loss(net, rng)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), config.gradient_clip)
        optimizer.step()
        schedule.step()


def _rate(step: int, config: PortConfig) -> float:
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    rest = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, rest)))


class _Masked:
    """Masked joint modelling (equation 12): the mean squared error of hidden joints."""

    def __init__(self, truth: np.ndarray, prior: GaussianPrior | None, config: PortConfig) -> None:
        self.truth, self.prior, self.config = truth, prior, config

    def loss(self, net: Port, rng: np.random.Generator) -> Tensor:
        """The loss of one random batch of masked poses."""
        poses = self.truth[rng.integers(len(self.truth), size=self.config.batch)]  # (B, N, 2)
        order = rng.random(poses.shape[:2])
        hidden = order < self.config.masked
        hidden &= order < np.sort(order, 1)[:, [-2]]  # two joints stay
        if self.prior is None:
            place = picture_frame(poses)
        else:
            place = align(poses, self.prior.mean[None], (~hidden).astype(float), self.prior.rotate)
        points, mask = _tensor(place.apply(poses)), torch.from_numpy(hidden)
        squares = (net(points, mask) - points).square().sum(2)  # (B, N)
        return squares[mask].mean() if hidden.any() else squares.mean() * 0


class _Errors:
    """Detections as they are, or true poses with the error of another pose, turned and scaled to fit."""

    def __init__(
        self,
        truth: np.ndarray,
        detected: np.ndarray,
        confidence: np.ndarray,
        prior: GaussianPrior,
        config: PortConfig,
    ) -> None:
        self.truth, self.confidence, self.prior, self.config = truth, confidence, prior, config
        place = align(truth, prior.mean[None], np.ones(truth.shape[:2]), prior.rotate)
        self.factor = place.factor / abs(place.factor) / radius(truth)[:, None]  # (F, 1): pixels to radii, upright
        error = detected - truth
        self.error = (error[..., 0] + 1j * error[..., 1]) * self.factor  # (F, N)

    def loss(self, net: Port, rng: np.random.Generator) -> Tensor:
        """The loss of one random batch of spoilt poses."""
        config = self.config
        own = rng.integers(len(self.truth), size=config.batch)
        other = rng.integers(len(self.truth), size=config.batch)
        other = np.where(rng.random(config.batch) < config.exchange, other, own)
        error = self.error[other] / self.factor[own]
        detected = self.truth[own] + np.stack([error.real, error.imag], -1)
        place, base, extras = error_inputs(self.prior, detected, self.confidence[other])
        hidden = np.isnan(detected[..., 0])
        placed = np.where(hidden[..., None], 0, place.apply(detected))
        correction = net(_tensor(placed), torch.from_numpy(hidden), _tensor(extras))
        left = _tensor(base - place.apply(self.truth[own])) + correction  # (B, N, 2)
        size = _tensor(1 / abs(self.factor[own]))  # (B, 1): errors count in pixels, as they are measured
        return ((_length(left) + 0.5 * _length(left - left[:, :1])) * size / size.mean()).mean()


def _length(vectors: Tensor) -> Tensor:
    return (vectors.square().sum(2) + 1e-4).sqrt()


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).float()
