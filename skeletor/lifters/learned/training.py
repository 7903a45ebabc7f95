"""The training of the learned lifters: `slt lift train`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skeletor.learning.schedule import Budget, Schedule
from skeletor.learning.task import Options
from skeletor.learning.trainer import train
from skeletor.lifters.learned.clips import ClipSet, Material
from skeletor.lifters.learned.config import LifterTrainConfig, LiftTrainJob
from skeletor.lifters.learned.inference import lift_clip
from skeletor.lifters.learned.networks.layers import parameter_count
from skeletor.lifters.learned.networks.registry import LiftNetwork, build_network, network_arguments
from skeletor.lifters.learned.objectives import Draw, lifting_loss
from skeletor.lifters.learned.weights import LifterInfo, load_lifter, save_lifter, write_card
from skeletor.support.errors import InputError
from skeletor.support.progress import log

WEIGHTS = "lifter.safetensors"
VERSION = "1"  # of the training: checkpoints of another one are not used
VALIDATION_CLIPS = 20


@dataclass(frozen=True)
class LifterResult:
    """Figures of a training. validation: mean distance from the truth on held-out clips, shoulder widths."""

    weights: Path
    parameters: int
    steps: int
    seconds: float
    loss: float
    validation: float


@dataclass(frozen=True)
class LifterTask:
    """Windows of clips seen in 2D; the network has to give their 3D.

    error: the loss of a batch that it draws itself, given what runs the network. size: windows of a batch. mirror: half
    of them are mirrored.
    """

    network: LiftNetwork
    error: Callable[[Draw, nn.Module], Tensor]
    material: Material
    held_out: ClipSet
    size: int
    mirror: bool
    device: torch.device

    def draw(self, rng: np.random.Generator, number: int) -> Draw:
        """What the loss draws a batch with: which windows are drawn depends on the kind of network."""
        material = self.material
        return Draw(material.clips, material.skeleton, material.root, self.size, self.mirror, self.device, rng)

    def loss(self, runner: nn.Module, batch: Draw, seed: int) -> Tensor:
        """Of a batch that is drawn here; all that is random in it is of its own generator, not of `seed`."""
        return self.error(batch, runner)

    def validate(self) -> dict[str, float]:
        """See `validation_error`."""
        return {"validation": validation_error(self.network, self.held_out, self.material.root)}


def train_lifter(job: LiftTrainJob, material: Material) -> LifterResult:
    """Train, and write `out`/lifter.safetensors with its card; a log and a checkpoint, from which a killed run goes on.

    material: the clips, of `job.data` or others.
    The same job gives the same weights on the same machine, if its budget is one of steps. Raises InputError if `noise`
    or `start` cannot be used, TrainingDiverged if the loss becomes NaN.
    """
    if job.threads:
        torch.set_num_threads(job.threads)
    clips, held_out = material.clips.split(job.train.validation_share)
    material = replace(material, clips=clips)
    log.info(f"lifter: {len(clips)} clips, {clips.starts[-1]} frames; {len(held_out)} clips held out")
    identity = hashlib.sha256(json.dumps([VERSION, kept_config(job)], sort_keys=True).encode()).hexdigest()

    def make(device: torch.device) -> LifterTask:
        network = _network(job, material).to(device)

        def error(draw: Draw, runner: nn.Module) -> Tensor:
            return lifting_loss(network, job.model, draw, runner)

        return LifterTask(network, error, material, held_out, job.train.batch_size, job.train.mirror, device)

    trainer = train(make, trainer_options(job.train), job.seed, job.device, Path(job.out), identity)
    network, now = trainer.task.network, trainer.state.progress
    result = LifterResult(
        weights=Path(job.out) / WEIGHTS,
        parameters=parameter_count(network),
        steps=now.step,
        seconds=now.seconds,
        loss=now.train_loss,
        validation=now.validation["validation"],
    )
    if trainer.first:
        info = _info(job, material, result)
        save_lifter(network, info, result.weights)
        write_card(info, result.weights)
        log.info(f"lifter: {now.step} steps in {now.seconds:.0f} s; {result.validation:.4f} off on held-out clips")
    trainer.fabric.barrier()
    return result


def trainer_options(config: LifterTrainConfig) -> Options:
    """The trainer's options of a config."""
    c = config
    return Options(
        name="lifter",
        schedule=Schedule(c.schedule, c.learning_rate, c.warmup_steps, decay=c.decay, decay_every=c.decay_every),
        budget=Budget(c.max_steps, c.max_minutes),
        batch_size=c.batch_size,
        weight_decay=c.weight_decay,
        gradient_clip=c.gradient_clip,
        log_every=c.log_every,
        checkpoint_every=c.checkpoint_every,
        ema=c.ema,
        amsgrad=c.amsgrad,
        sum_in=torch.float64,
    )


def validation_error(network: LiftNetwork, clips: ClipSet, root: int) -> float:
    """Mean distance of joints from the truth, over the first clips, in their units."""
    total, count = 0.0, 0
    for number in range(min(len(clips), VALIDATION_CLIPS)):
        points, confidence, truth, known = clips.take(np.arange(clips.starts[number], clips.starts[number + 1]))
        device = next(network.parameters()).device
        stride = network.output_stride
        lifted = lift_clip(network, points.to(device), confidence.to(device), stride=stride, root=root).cpu()
        total += float(((lifted - truth).norm(dim=-1) * known).sum())
        count += int(known.sum())
    return total / max(count, 1)


def _network(job: LiftTrainJob, material: Material) -> LiftNetwork:
    """A network with fresh weights, or those of `start`."""
    arguments = network_arguments(job.model, material.skeleton)
    network = build_network(arguments)
    network.fit(material.clips)
    if job.start:
        loaded = load_lifter(job.start)
        if dict(loaded.info.model) != arguments:
            raise InputError(f"{job.start}: of another kind or size than `model`; start from weights of the same one")
        network.load_state_dict(loaded.network.state_dict())
    return network


def kept_config(job: LiftTrainJob) -> dict[str, Any]:
    """What the weights' header keeps of a job: all that they depend on."""
    return job.model_dump(mode="json", exclude={"out", "threads", "workers"})


def _info(job: LiftTrainJob, material: Material, result: LifterResult) -> LifterInfo:
    figures = {"parameters": result.parameters, "steps": result.steps, "loss": result.loss,
               "validation": result.validation, "seed": job.seed}  # fmt: skip
    return LifterInfo(
        model=network_arguments(job.model, material.skeleton),
        skeleton=material.skeleton.name,
        fps=material.fps,
        minimum_confidence=job.data.minimum_confidence,
        hand_reach=job.data.hand_reach,
        data=material.words,
        licence=job.licence,
        config=kept_config(job),
        training=figures,
    )
