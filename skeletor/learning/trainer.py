"""The training loop of all networks of this package: what differs between them is a `TrainingTask`.

A training can be killed and started again; on one device and with a budget of steps it then ends with the same bytes.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import nn

from skeletor.files.atomic import append_line
from skeletor.learning.checkpoint import (
    Progress,
    TrainingState,
    checkpoint_path,
    log_path,
    save_checkpoint,
    save_snapshot,
    snapshot_path,
    take_checkpoint,
)
from skeletor.learning.feed import CORRUPTION, NETWORK, WINDOWS, Feed, draw_seed
from skeletor.learning.resume import cut_log, read_checkpoint
from skeletor.learning.statistics import SharedStatistics
from skeletor.learning.task import Options, TrainingTask
from skeletor.support.devices import make_fabric, resolve_device, seed_generators, seeded
from skeletor.support.errors import SkeletorError
from skeletor.support.progress import log, progress

WAIT_LIMIT = 0.05  # a training that waits longer for its data is slowed down by them
Task = TypeVar("Task", bound=TrainingTask[Any])


class TrainingDiverged(SkeletorError):
    """The loss is no longer a number. Exit code 1."""


def train(
    make: Callable[[torch.device], Task],
    options: Options,
    seed: int,
    device: torch.device | str = "cpu",
    out: Path | None = None,
    identity: str = "",
) -> Trainer[Task]:
    """Train until the budget is spent; the network, in evaluation mode, is `task.network` of what is given back.

    make: the task, its network fresh and on the device that it is called with; torch's generators start from `seed`
    then, and are as before when the training has ended. out: folder for log, checkpoint and snapshots; a killed
    training goes on from its checkpoint. None: nothing is written. identity: of all that the training depends on; a
    checkpoint of another one is not used, and overwritten.

    Started by torchrun, all its processes train together: they share out the batches, the gradients are averaged, and
    the first process alone writes. A step has `accumulate` batches of each process; P processes of `accumulate` A learn
    what one of `accumulate` P * A does, but for the order of sums.

    Raises TrainingDiverged if the loss becomes NaN, InputError for a device that is not there.
    """
    place = resolve_device(device)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    with seeded(seed, place):
        trainer = Trainer(make, options, seed, place, out, identity)
        trainer.resume()
        trainer.run()
    trainer.finish()
    return trainer


class Trainer(Generic[Task]):
    """A training on its way; see `train`. fabric: knows the processes; state: all that is in a checkpoint."""

    def __init__(
        self,
        make: Callable[[torch.device], Task],
        options: Options,
        seed: int,
        device: torch.device,
        out: Path | None,
        identity: str,
    ) -> None:
        if out is not None and not options.own_generators:
            raise ValueError("a training without generators of its own for every batch cannot be resumed")
        self.options, self.seed, self.out = options, seed, out
        self.fabric = make_fabric(device, options.bf16)
        self.device = self.fabric.device
        self.first = bool(self.fabric.is_global_zero)
        together = f" in {self.fabric.world_size} processes" if self.fabric.world_size > 1 else ""
        self.identity = identity + together
        self.task = make(self.device)
        network = self.task.network
        optimizer = torch.optim.AdamW(
            network.parameters(),
            lr=options.schedule.learning_rate,
            weight_decay=options.weight_decay,
            amsgrad=options.amsgrad,
            fused=True if self.device.type == "cuda" else None,
        )
        average = {name: value.clone() for name, value in network.state_dict().items()} if options.ema else {}
        self.runner: Any
        self.runner, optimizer = self.fabric.setup(_compiled(network) if options.compile else network, optimizer)
        zero = torch.zeros((), dtype=options.sum_in, device=self.device)
        self.state = TrainingState(network, optimizer, average, Progress(zero))
        self._statistics = SharedStatistics(network, int(self.fabric.global_rank), int(self.fabric.world_size))
        self._rng = None if options.own_generators else np.random.default_rng(seed)

    def resume(self) -> None:
        """Go on from the checkpoint in `out`, if it is one of this very training; otherwise begin anew."""
        if self.out is None:
            return
        name, path = self.options.name, checkpoint_path(self.out, self.options.name)
        saved = read_checkpoint(path)
        if saved is not None and saved.get("identity") != self.identity:
            if self.first:
                log.warning(f"{path}: of another training (clips, config or seed differ); this one begins anew")
            saved = None
        if saved is not None and take_checkpoint(path, saved, self.state) and self.first:
            log.info(f"{name}: goes on from step {self.state.progress.step}")
        self.fabric.barrier()  # nobody may write before all have read
        if self.first:
            cut_log(log_path(self.out, name), self.state.progress.step)

    def run(self) -> None:
        """Train until the budget is spent, with log, validation and checkpoints on the way."""
        o, now = self.options, self.state.progress
        self.runner.train()
        began = time.monotonic() - now.seconds
        steps = range(now.step, o.budget.steps)
        with Feed(self._draw, self._number(0), o.prefetch, int(self.fabric.world_size)) as feed:
            for _ in progress(steps, f"train {o.name}", len(steps), "step") if self.first else steps:
                if self._spent() >= 1:
                    break
                self.step(feed)
                now.seconds = self._clock(began)
                ends = self._spent() >= 1
                if now.step % o.log_every == 0 or ends:
                    self._write_figures()
                if o.validate_every and (now.step % o.validate_every == 0 or ends):
                    self._validate()
                if self.out is not None and self.first and now.step in o.snapshots:  # a checkpoint comes behind it:
                    save_snapshot(snapshot_path(self.out, o.name, now.step), self.state)  # who goes on has it
                if now.step % o.checkpoint_every == 0 or ends:
                    self._save()

    def finish(self) -> None:
        """Put the moving average, if there is one, into the network, in evaluation mode; validate it if that is due."""
        network = self.state.network
        if self.state.average:
            network.load_state_dict(self.state.average)
        network.eval()
        if self.options.validate_every is None:
            with torch.no_grad():
                figures = self.task.validate() if self.first else {}
            self.state.progress.validation = self.fabric.broadcast(figures)

    def step(self, feed: Feed[Any]) -> None:
        """Learn from the mean loss of `accumulate` batches."""
        o, now, fabric = self.options, self.state.progress, self.fabric
        for group in self.state.optimizer.param_groups:
            group["lr"] = o.schedule.rate(now.step, now.seconds, o.budget)
        self.state.optimizer.zero_grad(set_to_none=True)
        for k in range(o.accumulate):
            number = self._number(k)
            began = time.perf_counter()
            batch = feed.next()
            now.data_seconds += time.perf_counter() - began
            if o.own_generators:
                seed_generators(draw_seed(self.seed, number, NETWORK), self.device)  # for dropout
            self._statistics.begin()
            with fabric.no_backward_sync(self.runner, enabled=k + 1 < o.accumulate):
                loss = self.task.loss(self.runner, batch, draw_seed(self.seed, number, CORRUPTION)) / o.accumulate
                fabric.backward(loss)
            self._statistics.share(self._total)
            now.loss_sum = now.loss_sum + loss.detach().to(o.sum_in)  # no .item(): a GPU need not wait
        # What is no number shows in the loss, which is looked at more seldom.
        fabric.clip_gradients(self.runner, self.state.optimizer, max_norm=o.gradient_clip, error_if_nonfinite=False)
        self.state.optimizer.step()
        now.step += 1
        self._average()

    @property
    def samples_per_step(self) -> int:
        """Samples that all processes together see in a step."""
        return self.options.batch_size * self.options.accumulate * int(self.fabric.world_size)

    def _draw(self, number: int) -> Any:
        if self._rng is not None:
            return self.task.draw(self._rng, number)
        return self.task.draw(np.random.default_rng(draw_seed(self.seed, number, WINDOWS)), number)

    def _number(self, k: int) -> int:
        """The number of this process's k-th batch of the step that comes: of all batches of the training."""
        done = self.state.progress.step * self.options.accumulate + k
        return done * int(self.fabric.world_size) + int(self.fabric.global_rank)

    def _spent(self) -> float:
        return self.options.budget.spent(self.state.progress.step, self.state.progress.seconds)

    def _clock(self, began: float) -> float:
        """Seconds of training. Where rate and end depend on them, all processes go by the first one's clock."""
        seconds = time.monotonic() - began
        if self.options.budget.minutes and self.fabric.world_size > 1:
            return float(self.fabric.broadcast(torch.tensor(seconds, dtype=torch.float64)))
        return seconds

    def _average(self) -> None:
        """Move the average of the weights towards those of now."""
        keep = min(self.options.ema, (1 + self.state.progress.step) / (10 + self.state.progress.step))
        if not self.state.average:
            return
        now = self.state.network.state_dict()
        moving = [name for name, value in now.items() if value.dtype.is_floating_point]
        averages = [self.state.average[name] for name in moving]
        torch._foreach_lerp_(averages, [now[name] for name in moving], 1 - keep)  # one launch on a GPU
        for name in now.keys() - set(moving):
            self.state.average[name].copy_(now[name])

    def _total(self, values: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.fabric.all_reduce(values, reduce_op="sum"))

    def _mean_loss_sum(self) -> None:
        """Take the mean over the processes of the sum of losses; they go on from it."""
        if self.fabric.world_size > 1:
            total = self.fabric.all_reduce(self.state.progress.loss_sum, reduce_op="mean")
            self.state.progress.loss_sum = torch.as_tensor(total)

    def _save(self) -> None:
        if self.out is not None:
            self._mean_loss_sum()
            if self.first:
                save_checkpoint(checkpoint_path(self.out, self.options.name), self.identity, self.state)

    def _validate(self) -> None:
        """The first process does it; the others wait for it in their next step."""
        if not self.first:
            return
        self.state.network.eval()
        with torch.no_grad():
            figures = self.task.validate()
        self.state.network.train()
        if figures:
            self.state.progress.validation = figures
            self._append({"step": self.state.progress.step, **figures})

    def _write_figures(self) -> None:
        """A line of the log; TrainingDiverged if the mean loss since the last one is no number."""
        o, now = self.options, self.state.progress
        step, seconds, data_seconds = now.logged
        self._mean_loss_sum()
        now.train_loss = float(now.loss_sum) / max(1, now.step - step)
        if not math.isfinite(now.train_loss):
            raise TrainingDiverged(
                f"{'' if self.out is None else f'{self.out}: '}the {o.name}'s loss became {now.train_loss} between "
                f"steps {step} and {now.step}; lower learning_rate, and look for outliers in what it learns from"
            )
        elapsed = max(1e-9, now.seconds - seconds)
        speed = round((now.step - step) * self.samples_per_step / elapsed, 1)
        wait = round((now.data_seconds - data_seconds) / elapsed, 4)
        self._append(
            {
                "step": now.step,
                "loss": now.train_loss,
                "lr": self.state.optimizer.param_groups[0]["lr"],
                f"{o.unit}_per_second": speed,
                "data_wait_share": wait,
                "seconds": round(now.seconds, 1),
            }
        )
        if self.first:
            slow = "; more than 5 %: raise prefetch, or move the store to a faster disk" if wait > WAIT_LIMIT else ""
            waits = f", {100 * wait:.1f} % of the time waiting for data{slow}" if o.prefetch else ""
            log.info(f"{o.name}: step {now.step}, loss {now.train_loss:.5f}, {speed} {o.unit}/s{waits}")
        now.loss_sum = torch.zeros_like(now.loss_sum)
        now.logged = (now.step, now.seconds, now.data_seconds)

    def _append(self, figures: dict[str, Any]) -> None:
        """A line of the log; the first process writes it."""
        if self.first and self.out is not None:
            append_line(log_path(self.out, self.options.name), json.dumps(figures))


def _compiled(network: nn.Module) -> nn.Module:
    compiled = torch.compile(network)
    assert isinstance(compiled, nn.Module)
    return compiled
