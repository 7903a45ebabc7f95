"""The refiner's training as a task of `skeletor.learning.trainer`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor, nn

from skeletor.learning.data.windows import Drawn, Ready, WindowSource
from skeletor.learning.feed import CORRUPTION, WINDOWS, draw_seed
from skeletor.learning.schedule import Budget, Schedule
from skeletor.learning.task import Options
from skeletor.refiners.networks.build import Network
from skeletor.refiners.training.config import RefinerTrainConfig
from skeletor.refiners.training.objective import Batch, Task, corrupted_batch, refiner_loss

VALIDATION_WINDOWS = 64


@dataclass(frozen=True)
class RefinerTask:
    """Windows of clips are corrupted on the device; the network has to give the clips back.

    size, length: windows of a batch, frames of a window with its margins. corrupted: makes a batch of that many
    windows. error: the loss of what the network (B, T, J, D) makes of one.
    """

    network: Network
    train: WindowSource
    held_out: WindowSource | None
    size: int
    length: int
    degraded_share: float
    corrupted: Callable[[Drawn, int, Generator], Batch]
    error: Callable[[Tensor, Batch], Tensor]
    seed: int
    device: torch.device

    def draw(self, rng: np.random.Generator, number: int) -> Drawn:
        """The windows of the batch `number`, as they are stored."""
        drawn = self.train.batch(number, self.size, self.length, self.degraded_share, rng)
        return drawn.pinned() if self.device.type == "cuda" else drawn

    def loss(self, runner: nn.Module, batch: Drawn, seed: int) -> Tensor:
        """Of windows that are corrupted by a generator with that seed."""
        made = self.corrupted(batch, self.size, Generator(self.device).manual_seed(seed))
        predicted = runner(made.points, made.confidence)  # (B, T, J, D)
        return self.error(predicted.float(), made)

    def validate(self) -> dict[str, float]:
        """Mean distance of observed joints on held-out windows, before and after; the same windows every time."""
        if self.held_out is None:
            return {}
        sums = torch.zeros(3, device=self.device)
        size = min(self.size, VALIDATION_WINDOWS)
        for number in range(VALIDATION_WINDOWS // size):
            rng = np.random.default_rng(draw_seed(self.seed + 1, number, WINDOWS))
            drawn = self.held_out.draw(size, self.length, self.degraded_share, rng)
            g = Generator(self.device).manual_seed(draw_seed(self.seed + 1, number, CORRUPTION))
            batch = self.corrupted(drawn, size, g)
            seen = batch.target_confidence > 0
            for k, guess in enumerate((batch.points, self.network(batch.points, batch.confidence))):
                sums[k] += (guess - batch.target).norm(dim=-1)[seen].sum()
            sums[2] += seen.sum()
        before, after = (sums[:2] / sums[2].clamp(min=1)).tolist()
        return {"validation_error_input": before, "validation_error": after}


def refiner_task(
    network: Network,
    train: WindowSource,
    held_out: WindowSource | None,
    tensors: Task,
    config: RefinerTrainConfig,
    seed: int,
    device: torch.device,
) -> RefinerTask:
    """The task of a config. tensors: of the skeleton, on the device."""

    def corrupted(drawn: Drawn, size: int, g: Generator) -> Batch:
        return corrupted_batch(Ready(drawn.on(device)), tensors, size, config, g)

    def error(predicted: Tensor, batch: Batch) -> Tensor:
        return refiner_loss(predicted, batch, config, tensors.skeleton)

    return RefinerTask(
        network=network,
        train=train,
        held_out=held_out,
        size=config.batch_size,
        length=config.window + 2 * config.margin,
        degraded_share=config.degraded_share,
        corrupted=corrupted,
        error=error,
        seed=seed,
        device=device,
    )


def trainer_options(config: RefinerTrainConfig, snapshots: frozenset[int]) -> Options:
    """The trainer's options of a config. snapshots: see `Options`."""
    c = config
    return Options(
        name="refiner",
        schedule=Schedule(c.schedule, c.learning_rate, c.warmup_steps),
        budget=Budget(c.max_steps, c.max_minutes),
        batch_size=c.batch_size,
        weight_decay=c.weight_decay,
        gradient_clip=c.gradient_clip,
        log_every=c.log_every,
        checkpoint_every=c.checkpoint_every,
        validate_every=c.validate_every,
        accumulate=c.accumulate,
        bf16=c.bf16,
        compile=c.compile,
        prefetch=c.prefetch,
        snapshots=snapshots,
    )
