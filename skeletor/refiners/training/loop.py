"""The refiner's training loop: steps, log and validation, on one device or in several processes."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Generator, Tensor

from skeletor.files.atomic import append_line
from skeletor.learning.feed import CORRUPTION, NETWORK, WINDOWS, Feed, draw_seed
from skeletor.learning.windows import FrameSource, Ready
from skeletor.refiners.networks.build import Network
from skeletor.refiners.training.config import RefinerTrainConfig
from skeletor.refiners.training.objective import Task, corrupted_batch, refiner_loss
from skeletor.support.devices import seed_generators
from skeletor.support.errors import SkeletorError
from skeletor.support.progress import log, progress

if TYPE_CHECKING:
    from lightning_fabric import Fabric

LOG = "refiner.jsonl"
VALIDATION_WINDOWS = 64
WAIT_LIMIT = 0.05  # a training that waits longer for its data is slowed down by them


class TrainingDiverged(SkeletorError):
    """The loss is no longer a number. Exit code 1."""


@dataclass
class Progress:
    """Where a training stands; all of it is in the checkpoint."""

    step: int = 0
    seconds: float = 0.0
    data_seconds: float = 0.0
    loss_sum: Tensor | float = 0.0  # since the last line of the log
    logged: tuple[int, float, float] = (0, 0.0, 0.0)  # step, seconds, data_seconds at that line
    train_loss: float = math.nan
    validation: tuple[float, float] = (math.nan, math.nan)  # input, refined


@dataclass(frozen=True)
class Parts:
    """What a training works with. model: the plain network; runner: the same as Fabric runs it."""

    fabric: Fabric
    model: Network
    runner: Any
    optimizer: Any
    train: FrameSource
    held_out: FrameSource | None
    task: Task
    device: torch.device
    out: Path
    seed: int
    identity: str
    state: Progress = field(default_factory=Progress)


def run_loop(parts: Parts, config: RefinerTrainConfig, snapshots: frozenset[int] = frozenset()) -> None:
    """Train until the budget is spent, with log, validation and checkpoints on the way.

    snapshots: steps after which the network's tensors are kept.
    """
    from skeletor.learning.checkpoint import save_checkpoint, save_snapshot

    state, c = parts.state, config
    parts.runner.train()
    began = time.monotonic() - state.seconds
    length = c.window + 2 * c.margin
    with Feed(
        parts.train, c.batch_size, length, c.degraded_share, parts.seed, parts.fabric.global_rank,
        state.step * c.accumulate, parts.device, c.prefetch,
    ) as feed:  # fmt: skip
        bar = range(state.step, c.max_steps)
        for _ in progress(bar, "train refiner", len(bar), "step") if parts.fabric.is_global_zero else bar:
            if budget_spent(state, c) >= 1:
                break
            train_step(parts, c, feed)
            state.seconds = _clock(parts, c, began)
            ends = budget_spent(state, c) >= 1
            if state.step % c.log_every == 0 or ends:
                _write_figures(parts, c)
            if parts.held_out is not None and (state.step % c.validate_every == 0 or ends):
                _validate(parts, parts.held_out, c)
            if state.step % c.checkpoint_every == 0 or ends:
                save_checkpoint(parts)
            if state.step in snapshots:
                save_snapshot(parts)
    parts.model.eval()


def windows_per_step(parts: Parts, config: RefinerTrainConfig) -> int:
    """Windows that all processes together see in a step."""
    return config.batch_size * config.accumulate * int(parts.fabric.world_size)


def budget_spent(state: Progress, config: RefinerTrainConfig) -> float:
    """Share of the budget that is used up, 0 to 1: of steps or of time, whichever is further spent."""
    clock = state.seconds / (60 * config.max_minutes) if config.max_minutes else 0.0
    return min(1.0, max(state.step / config.max_steps, clock))


def _clock(parts: Parts, config: RefinerTrainConfig, began: float) -> float:
    """Seconds of training. Where rate and end depend on them, all processes go by the first one's clock."""
    seconds = time.monotonic() - began
    if config.max_minutes and parts.fabric.world_size > 1:
        return float(parts.fabric.broadcast(torch.tensor(seconds, dtype=torch.float64)))
    return seconds


def _rate(state: Progress, config: RefinerTrainConfig) -> float:
    """Learning rate: warm-up by steps, then constant or a cosine over the budget."""
    warm = min(1.0, (state.step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    cosine = 0.5 * (1 + math.cos(math.pi * budget_spent(state, config))) if config.schedule == "cosine" else 1.0
    return config.learning_rate * warm * cosine


def train_step(parts: Parts, config: RefinerTrainConfig, feed: Feed) -> None:
    """Take `accumulate` batches, corrupt them on the device, predict; then learn from the mean of their losses."""
    state, fabric = parts.state, parts.fabric
    for group in parts.optimizer.param_groups:
        group["lr"] = _rate(state, config)
    parts.optimizer.zero_grad(set_to_none=True)
    for k in range(config.accumulate):
        number = state.step * config.accumulate + k
        began = time.perf_counter()
        windows = feed.next()
        state.data_seconds += time.perf_counter() - began
        seed_generators(draw_seed(parts.seed, fabric.global_rank, number, NETWORK), parts.device)  # for dropout
        g = Generator(parts.device).manual_seed(draw_seed(parts.seed, fabric.global_rank, number, CORRUPTION))
        batch = corrupted_batch(Ready(windows), parts.task, config.batch_size, config, g)
        with fabric.no_backward_sync(parts.runner, enabled=k + 1 < config.accumulate):
            predicted = parts.runner(batch.points, batch.confidence)
            loss = refiner_loss(predicted.float(), batch, config, parts.task.skeleton) / config.accumulate
            fabric.backward(loss)
        state.loss_sum = state.loss_sum + loss.detach()  # no .item(): a GPU need not wait
    fabric.clip_gradients(parts.runner, parts.optimizer, max_norm=config.gradient_clip, error_if_nonfinite=False)
    parts.optimizer.step()
    state.step += 1


def average_loss_sum(parts: Parts) -> None:
    """The mean over the processes; they go on from it."""
    total = torch.as_tensor(parts.state.loss_sum, device=parts.device, dtype=torch.float32)
    if parts.fabric.world_size > 1:
        total = torch.as_tensor(parts.fabric.all_reduce(total, reduce_op="mean"))
    parts.state.loss_sum = total


def _write_figures(parts: Parts, config: RefinerTrainConfig) -> None:
    """A line of the log; TrainingDiverged if the mean loss since the last one is no number."""
    state = parts.state
    step, seconds, data_seconds = state.logged
    average_loss_sum(parts)
    state.train_loss = float(state.loss_sum) / max(1, state.step - step)
    if not math.isfinite(state.train_loss):
        raise TrainingDiverged(
            f"{parts.out}: the refiner's loss became {state.train_loss} between steps {step} and {state.step}; "
            "lower learning_rate, and look for outliers in the clips"
        )
    elapsed = max(1e-9, state.seconds - seconds)
    figures = {
        "step": state.step,
        "loss": state.train_loss,
        "lr": parts.optimizer.param_groups[0]["lr"],
        "windows_per_second": round((state.step - step) * windows_per_step(parts, config) / elapsed, 1),
        "data_wait_share": round((state.data_seconds - data_seconds) / elapsed, 4),
        "seconds": round(state.seconds, 1),
    }
    append(parts, figures)
    if parts.fabric.is_global_zero:
        wait = figures["data_wait_share"]
        slow = "; more than 5 %: raise prefetch, or move the store to a faster disk" if wait > WAIT_LIMIT else ""
        log.info(
            f"refiner: step {state.step}, loss {state.train_loss:.5f}, {figures['windows_per_second']} windows/s, "
            f"{100 * wait:.1f} % of the time waiting for data{slow}"
        )
    state.loss_sum = 0.0
    state.logged = (state.step, state.seconds, state.data_seconds)


@torch.no_grad()
def _validate(parts: Parts, held_out: FrameSource, config: RefinerTrainConfig) -> None:
    """Mean distance of observed joints on held-out windows, before and after; the same windows every time.

    The first process does it; the others wait for it in their next step.
    """
    if not parts.fabric.is_global_zero:
        return
    parts.model.eval()
    sums = torch.zeros(3, device=parts.device)
    size = min(config.batch_size, VALIDATION_WINDOWS)
    length = config.window + 2 * config.margin
    for number in range(VALIDATION_WINDOWS // size):
        rng = np.random.default_rng(draw_seed(parts.seed + 1, 0, number, WINDOWS))
        drawn = held_out.draw(size, length, config.degraded_share, rng).on(parts.device)
        g = Generator(parts.device).manual_seed(draw_seed(parts.seed + 1, 0, number, CORRUPTION))
        batch = corrupted_batch(Ready(drawn), parts.task, size, config, g)
        seen = batch.target_confidence > 0
        for k, guess in enumerate((batch.points, parts.model(batch.points, batch.confidence))):
            sums[k] += (guess - batch.target).norm(dim=-1)[seen].sum()
        sums[2] += seen.sum()
    error = (sums[:2] / sums[2].clamp(min=1)).tolist()
    parts.state.validation = (error[0], error[1])
    append(parts, {"step": parts.state.step, "validation_error_input": error[0], "validation_error": error[1]})
    parts.model.train()


def append(parts: Parts, figures: dict[str, Any]) -> None:
    """A line of the log; the first process writes it."""
    if parts.fabric.is_global_zero:
        append_line(parts.out / LOG, json.dumps(figures))
