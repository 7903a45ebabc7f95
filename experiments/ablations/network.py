"""What each part of the refiner's network and of its training is worth: one training for each change.

Two of the changes are losses that the paper leaves to future work, beside the refiner's own: the order of a sequence,
and a discriminator. They live here, not in `skeletor`, until one of them has shown that it helps. A training with one
of them starts from the network as `train_refiner` leaves it after one step, and is otherwise that training: the same
kind of batches, the same loss, optimiser, schedule and number of steps, on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from experiments.report import Result, labelled, markdown
from experiments.tables.compare import Method, PriorRefiner, network, smoothers, task_errors
from experiments.tables.config import AblationTable, ModelSpec
from experiments.tables.data import Task, gaps, masked, motion_clips, motion_store, noisy
from experiments.tables.training import Clips, Job, read_clips, train_all
from skeletor.learning.data.windows import Ready, alike, clip_store
from skeletor.poses.pose import PoseSequence
from skeletor.refiners.networks.skeletor import Skeletor
from skeletor.refiners.training.config import RefinerTrainConfig
from skeletor.refiners.training.objective import Batch, corrupted_batch, make_task, refiner_loss
from skeletor.refiners.training.train import WEIGHTS, train_refiner
from skeletor.refiners.weights import RefinerInfo, load_refiner, save_refiner
from skeletor.support.devices import seeded
from skeletor.support.progress import progress
from slt.pipeline.cache.stage import Done, run_stage

SHARE = 0.15  # of frames or joints that are hidden or get noise
STRENGTH = 0.5  # of the noise
LENGTH = 8  # frames of a gap
Pretext = Literal["order", "adversarial", "nothing"]
ORDER_WEIGHT = 0.01  # the refiner's loss ends near 0.03, the order's begins at log 2
ADVERSARIAL_WEIGHT = 0.002


def tasks_of(truths: list[PoseSequence], seed: int) -> dict[str, Task]:
    """What the variants are compared on."""
    return {
        "frames hidden": masked(truths, SHARE, "frames", seed),
        "joints hidden": masked(truths, SHARE, "joints", seed),
        f"hand, {LENGTH} frames": gaps(truths, LENGTH, "hand", seed)[0],
        f"hand and wrist, {LENGTH}": gaps(truths, LENGTH, "hand and wrist", seed)[0],
        f"all, {LENGTH} frames": gaps(truths, LENGTH, "frame", seed)[0],
        "noisy frames": noisy(truths, SHARE, "frames", STRENGTH, seed),
        "noisy joints": noisy(truths, SHARE, "joints", STRENGTH, seed),
    }


def make(config: AblationTable, work: Path) -> Result:
    """Train every variant, test on the dev clips, and lay out."""
    store = motion_store(config.data, work)
    specs = [ModelSpec(label=v.label, train=config.train_of(v)) for v in config.variants]
    jobs = [Job(spec, (Clips(store.folder, store.key),), config.seed) for spec in config.with_steps(specs)]
    pretexts = [v.pretext for v in config.variants]
    plain = iter(train_all([j for j, p in zip(jobs, pretexts, strict=True) if not p], work / "models", config.workers))
    done = [trained(j, work / "models", p) if p else next(plain) for j, p in zip(jobs, pretexts, strict=True)]
    methods = [*smoothers(config.smoothers), *(network(j.spec, d.folder) for j, d in zip(jobs, done, strict=True))]
    if config.prior:
        methods.insert(len(config.smoothers), Method("Gaussian prior", "smoother", PriorRefiner(store.folder)))
    return result(ablation_rows(config, methods))


def ablation_rows(config: AblationTable, methods: Sequence[Method]) -> dict[str, dict[str, float]]:
    """Errors of these methods on the dev clips."""
    truths = motion_clips(config.data, "dev")
    tasks = tasks_of(truths, config.seed)
    return {method.label: _errors(method, tasks, truths) for method in methods}


def result(rows: dict[str, dict[str, float]]) -> Result:
    """Lay out."""
    tasks = list(next(iter(rows.values())))[:-2]
    head = ["", *tasks, "noisy joints: all", "sound clips"]
    body = labelled({label: list(row.values()) for label, row in rows.items()})
    note = (
        f"Mean distance in cm on dev, of what was hidden, or spoilt by noise of s = {STRENGTH:g} on {SHARE:.0%} of the "
        "frames or joints. The last columns: over all joints of the noisy clips; and what is done to clips in which "
        "nothing is wrong."
    )
    return Result([markdown("One change at a time", head, body, note)], {"rows": rows})


def _errors(method: Method, tasks: dict[str, Task], truths: list[PoseSequence]) -> dict[str, float]:
    result, everywhere = {}, 0.0
    for name, task in tasks.items():
        errors = task_errors(method.refiner.many(task.inputs), task)
        result[name], everywhere = errors["hit cm"].ave, errors["all cm"].ave  # the last task's stays
    sound = Task(truths, truths, [t.confidence > 0 for t in truths])
    unchanged = task_errors(method.refiner.many(truths), sound)["all cm"].ave
    return {**result, "noisy joints: all": everywhere, "sound": unchanged}


class Extra(Protocol):
    """A loss beside the refiner's."""

    def loss(self, model: Skeletor, predicted: Tensor, batch: Batch, g: Generator) -> Tensor:
        """Of one step: a scalar; it also lets its own network learn."""


class Order:
    """Half of the windows are cut in two and put together the wrong way round; the encoder has to tell which."""

    def __init__(self, width: int) -> None:
        self.head = nn.Linear(width, 1)
        self.optimizer = torch.optim.AdamW(self.head.parameters(), lr=1e-3)
        self._encoded: Tensor | None = None

    def loss(self, model: Skeletor, predicted: Tensor, batch: Batch, g: Generator) -> Tensor:
        """Cross-entropy; the head steps with the gradient of the step before."""
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        size, frames = batch.confidence.shape[:2]
        cut = torch.randint(frames // 4, 3 * frames // 4, (size, 1), generator=g)
        wrong = torch.rand(size, 1, generator=g) < 0.5
        index = (torch.arange(frames) + cut * wrong) % frames  # (B, T)
        rows = torch.arange(size)[:, None]
        handle = model.final_norm.register_forward_hook(self._keep)
        model(batch.points[rows, index], batch.confidence[rows, index])
        handle.remove()
        assert self._encoded is not None
        logits = self.head(self._encoded.mean(1))  # (B, 1)
        return ORDER_WEIGHT * functional.binary_cross_entropy_with_logits(logits, wrong.float())

    def _keep(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self._encoded = output  # (B, T, width)


class Adversarial:
    """A convolutional discriminator of windows, clean against refined, with least squares (Mao et al. 2017)."""

    def __init__(self, coordinates: int) -> None:
        self.critic = nn.Sequential(
            nn.Conv1d(2 * coordinates, 64, 5), nn.LeakyReLU(0.2), nn.Conv1d(64, 64, 5, stride=2), nn.LeakyReLU(0.2),
            nn.Conv1d(64, 1, 3),
        )  # fmt: skip
        self.optimizer = torch.optim.Adam(self.critic.parameters(), lr=1e-3, betas=(0.5, 0.9))

    def loss(self, model: Skeletor, predicted: Tensor, batch: Batch, g: Generator) -> Tensor:
        """What the critic holds against the refined windows, after it has learned from both."""
        real, made = self._view(model, batch.target), self._view(model, predicted)
        self.optimizer.zero_grad(set_to_none=True)
        own = (self.critic(real) - 1).square().mean() + self.critic(made.detach()).square().mean()
        own.backward()
        self.optimizer.step()
        against: Tensor = (self.critic(made) - 1).square().mean()
        return ADVERSARIAL_WEIGHT * against

    @staticmethod
    def _view(model: Skeletor, points: Tensor) -> Tensor:
        """(B, T, J, D) -> (B, 2 * J * D, T - 1): positions as the network sees them, and ten times their steps."""
        x = (model.seen_from_carrier(points - model.rest) / model.scale).flatten(2).transpose(1, 2)
        return torch.cat([x[..., 1:], 10 * x.diff(dim=-1)], dim=1)


def trained(job: Job, folder: Path, pretext: Pretext) -> Done:
    """Like `training.train_all` for one job, with an extra loss; "nothing": with none, to compare."""

    def work(out: Path) -> None:
        train(read_clips(job.clips)[0], job.spec.train, out, job.seed, pretext)

    return run_stage(pretext, folder / job.folder_name, work, {**job.values, "pretext": pretext}, ())


def train(clips: Sequence[PoseSequence], config: RefinerTrainConfig, out: Path, seed: int, pretext: Pretext) -> Path:
    """Train with an extra loss and write the weights to `out`. Returns their file."""
    first = config.model_copy(update={"max_steps": 1})
    loaded = load_refiner(train_refiner(clips, first, out, seed, "cpu").weights)
    model, info = loaded.model, loaded.info
    assert isinstance(model, Skeletor)
    model.train()
    with seeded(seed, torch.device("cpu")):
        _learn(model, info, clips, config, seed, pretext)
    save_refiner(model.eval(), info, out / WEIGHTS)
    return out / WEIGHTS


def _learn(
    model: Skeletor,
    info: RefinerInfo,
    clips: Sequence[PoseSequence],
    config: RefinerTrainConfig,
    seed: int,
    pretext: Pretext,
) -> None:
    extra = _extra(pretext, model)
    store, task = clip_store(alike(clips, info.fps, info.skeleton)), make_task(info.skeleton, model.rest.clone())
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    rng, g = np.random.default_rng(seed), Generator().manual_seed(seed)
    for step in progress(range(1, config.max_steps), f"train, {pretext}", config.max_steps - 1, "step"):
        warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / config.max_steps))
        drawn = store.draw(config.batch_size, config.window + 2 * config.margin, config.degraded_share, rng)
        batch = corrupted_batch(Ready(drawn.on(torch.device("cpu"))), task, config.batch_size, config, g)
        predicted = model(batch.points, batch.confidence)
        loss = refiner_loss(predicted, batch, config, info.skeleton)
        if extra is not None:
            loss = loss + extra.loss(model, predicted, batch, g)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip)
        optimizer.step()


def _extra(pretext: Pretext, model: Skeletor) -> Extra | None:
    if pretext == "order":
        return Order(model.out.in_features)
    return Adversarial(model.joints * model.dims) if pretext == "adversarial" else None
