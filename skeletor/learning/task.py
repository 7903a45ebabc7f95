"""What a training is told: its task (network, data and loss) and its options (schedule, budget, optimizer, files)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from skeletor.learning.schedule import Budget, Schedule

Batch = TypeVar("Batch")


class TrainingTask(Protocol[Batch]):
    """A network, what it learns from, and how its errors are measured."""

    @property
    def network(self) -> nn.Module:
        """What is trained, on the training's device."""

    def draw(self, rng: np.random.Generator, number: int) -> Batch:
        """A batch, random by `rng` alone. May run in a thread, ahead of the step that it is for.

        number: of the batch among all of the training, those of all processes; for tasks that go through their data in
        order.
        """

    def loss(self, runner: nn.Module, batch: Batch, seed: int) -> Tensor:
        """The loss of a batch, a scalar. runner: runs the network (compiled, mixed precision, data parallel).

        seed: of what else is random in it. Dropout takes torch's generators, which are seeded before.
        """

    def validate(self) -> dict[str, float]:
        """Figures of the network on what is held out, {} if nothing is. The network is in evaluation mode."""


@dataclass(frozen=True)
class Options:
    """How a training goes, whatever it trains. The optimizer is AdamW; with weight_decay 0 it is Adam.

    name: of the training, in messages and file names. batch_size, unit: samples of a batch and what they are, for
    figures of speed. accumulate: batches to a step, whose gradients are averaged. gradient_clip: largest norm of the
    gradient. ema: the network ends with a moving average of its weights, min(ema, (1 + t) / (10 + t)) of the old ones
    after t steps; 0: with the last ones. bf16: mixed precision, on GPUs only.
    prefetch: batches that a thread draws ahead; 0: without a thread. own_generators: every batch has generators of its
    own; False: they go on from batch to batch, and such a training cannot be resumed. sum_in: type of the sum of
    losses. log_every, validate_every, checkpoint_every: steps; all is also done after the last one. validate_every
    None: only after the last one, of the weights that the network ends with, and not in the log. snapshots: steps after
    which the tensors are kept that the network would end with.
    """

    name: str
    schedule: Schedule
    budget: Budget
    batch_size: int
    weight_decay: float
    gradient_clip: float
    log_every: int
    checkpoint_every: int
    validate_every: int | None = None
    accumulate: int = 1
    ema: float = 0.0
    amsgrad: bool = False
    bf16: bool = False
    compile: bool = False
    prefetch: int = 0
    own_generators: bool = True
    sum_in: torch.dtype = torch.float32
    snapshots: frozenset[int] = frozenset()
    unit: str = "windows"
