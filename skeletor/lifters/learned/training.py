"""The training of the learned lifters: `slt lift train`."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skeletor.files.atomic import append_line, atomic_path
from skeletor.learning.feed import NETWORK, WINDOWS, draw_seed
from skeletor.learning.resume import cut_log, read_checkpoint, restore
from skeletor.lifters.learned.clips import ClipSet, Material
from skeletor.lifters.learned.config import LifterTrainConfig, LiftTrainJob
from skeletor.lifters.learned.inference import lift_clip
from skeletor.lifters.learned.layers import parameter_count
from skeletor.lifters.learned.networks import LiftNetwork, build_network, network_arguments
from skeletor.lifters.learned.objectives import Draw, lifting_loss
from skeletor.lifters.learned.weights import LifterInfo, load_lifter, save_lifter, write_card
from skeletor.refiners.training.loop import TrainingDiverged
from skeletor.support.devices import make_fabric, resolve_device, seed_generators, seeded
from skeletor.support.errors import InputError
from skeletor.support.progress import log, progress

WEIGHTS, LOG, CHECKPOINT = "lifter.safetensors", "lifter.jsonl", "lifter.checkpoint.pt"
VERSION = "1"  # of the training: checkpoints of another one are not used
VALIDATION_CLIPS = 20
# Of `_Run`, in the checkpoint.
_PROGRESS: Mapping[str, type[int] | type[float]] = {
    "step": int,
    "seconds": float,
    "total": float,
    "since": int,
    "loss": float,
}


@dataclass(frozen=True)
class LifterResult:
    """Figures of a training. validation: mean distance from the truth on held-out clips, shoulder widths."""

    weights: Path
    parameters: int
    steps: int
    seconds: float
    loss: float
    validation: float


@dataclass
class _Run:
    """A training on its way. average: the moving average of the weights, {} without one.

    total, since: sum of the losses after step `since`, that of the log's last line; loss: their mean at that line.
    """

    network: LiftNetwork
    runner: torch.nn.Module
    optimizer: Any
    fabric: Any
    average: dict[str, Tensor]
    step: int = 0
    seconds: float = 0.0
    total: float = 0.0
    since: int = 0
    loss: float = math.nan


def train_lifter(job: LiftTrainJob, material: Material) -> LifterResult:
    """Train, and write `out`/lifter.safetensors with its card; a log and a checkpoint, from which a killed run goes on.

    material: the clips, of `job.data` or others.
    The same job gives the same weights on the same machine, if its budget is one of steps. Raises InputError if `noise`
    or `start` cannot be used, TrainingDiverged if the loss becomes NaN.
    """
    if job.threads:
        torch.set_num_threads(job.threads)
    out = Path(job.out)
    out.mkdir(parents=True, exist_ok=True)
    clips, held_out = material.clips.split(job.train.validation_share)
    material = replace(material, clips=clips)
    log.info(f"lifter: {len(clips)} clips, {clips.starts[-1]} frames; {len(held_out)} clips held out")
    identity = hashlib.sha256(json.dumps([VERSION, kept_config(job)], sort_keys=True).encode()).hexdigest()
    place = resolve_device(job.device)
    with seeded(job.seed, place):
        run = _start(job, material, place)
        _resume(run, out / CHECKPOINT, identity)
        _loop(run, job, material, out, identity)
    _take_average(run)
    network = run.network.eval()
    result = LifterResult(
        weights=out / WEIGHTS,
        parameters=parameter_count(network),
        steps=run.step,
        seconds=run.seconds,
        loss=run.loss,
        validation=validation_error(network, held_out, material.root),
    )
    info = _info(job, material, result)
    save_lifter(network, info, result.weights)
    write_card(info, result.weights)
    log.info(f"lifter: {run.step} steps in {run.seconds:.0f} s; {result.validation:.4f} off on held-out clips")
    return result


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


def _start(job: LiftTrainJob, material: Material, place: torch.device) -> _Run:
    """A training at step 0, with fresh weights or those of `start`."""
    fabric = make_fabric(place, bf16=False)
    arguments = network_arguments(job.model, material.skeleton)
    network = build_network(arguments)
    network.fit(material.clips)
    if job.start:
        loaded = load_lifter(job.start)
        if dict(loaded.info.model) != arguments:
            raise InputError(f"{job.start}: of another kind or size than `model`; start from weights of the same one")
        network.load_state_dict(loaded.network.state_dict())
    network.to(fabric.device)
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=job.train.learning_rate,
        weight_decay=job.train.weight_decay,
        amsgrad=job.train.amsgrad,
    )
    average = {name: value.clone() for name, value in network.state_dict().items()} if job.train.ema else {}
    runner, optimizer = fabric.setup(network, optimizer)
    return _Run(network, runner, optimizer, fabric, average)


def _loop(run: _Run, job: LiftTrainJob, material: Material, out: Path, identity: str) -> None:
    c = job.train
    began = time.monotonic() - run.seconds
    run.runner.train()
    for _ in progress(range(run.step, c.max_steps), "train lifter", c.max_steps - run.step, "step"):
        if _spent(run, c) >= 1:
            break
        run.total += _step(run, job, material)
        run.seconds = time.monotonic() - began
        ends = _spent(run, c) >= 1
        if run.step % c.log_every == 0 or ends:
            run.loss = run.total / (run.step - run.since)
            run.total, run.since = 0.0, run.step
            _write_line(run, out)
        if run.step % c.checkpoint_every == 0 or ends:
            _save(run, out / CHECKPOINT, identity)


def _step(run: _Run, job: LiftTrainJob, material: Material) -> float:
    """One step; its loss. Each step has its own generators, so a resumed training needs no state of any."""
    c = job.train
    for group in run.optimizer.param_groups:
        group["lr"] = _rate(run, c)
    run.optimizer.zero_grad(set_to_none=True)
    seed_generators(draw_seed(job.seed, 0, run.step, NETWORK), run.fabric.device)  # for dropout and stochastic depth
    rng = np.random.default_rng(draw_seed(job.seed, 0, run.step, WINDOWS))
    draw = Draw(material.clips, material.skeleton, material.root, c.batch_size, c.mirror, run.fabric.device, rng)
    loss = lifting_loss(run.network, job.model, draw, run.runner)
    run.fabric.backward(loss)
    run.fabric.clip_gradients(run.runner, run.optimizer, max_norm=c.gradient_clip, error_if_nonfinite=False)
    run.optimizer.step()
    run.step += 1
    if run.average:
        keep = min(c.ema, (1 + run.step) / (10 + run.step))
        for name, value in run.network.state_dict().items():
            if value.dtype.is_floating_point:
                run.average[name].lerp_(value, 1 - keep)
            else:
                run.average[name].copy_(value)
    return float(loss.detach())


def _spent(run: _Run, config: LifterTrainConfig) -> float:
    """Share of the budget that is used up, of steps or of time, whichever is further spent."""
    clock = run.seconds / (60 * config.max_minutes) if config.max_minutes else 0.0
    return min(1.0, max(run.step / config.max_steps, clock))


def _rate(run: _Run, config: LifterTrainConfig) -> float:
    warm = min(1.0, (run.step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    share = 1.0
    if config.schedule == "cosine":
        share = 0.5 * (1 + math.cos(math.pi * _spent(run, config)))
    elif config.schedule == "exponential":
        share = config.decay ** (run.step // config.decay_every)
    return config.learning_rate * warm * share


def _write_line(run: _Run, out: Path) -> None:
    if not math.isfinite(run.loss):
        raise TrainingDiverged(f"{out}: the lifter's loss became {run.loss} by step {run.step}; lower learning_rate")
    line = {"step": run.step, "loss": run.loss, "seconds": round(run.seconds, 1)}
    append_line(out / LOG, json.dumps(line))
    log.info(f"lifter: step {run.step}, loss {run.loss:.5f}, {run.seconds:.0f} s")


def _take_average(run: _Run) -> None:
    if run.average:
        run.network.load_state_dict(run.average)


def _save(run: _Run, path: Path, identity: str) -> None:
    state = {
        "identity": identity,
        "network": run.network.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "average": run.average,
        "progress": {name: getattr(run, name) for name in _PROGRESS},
    }
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


def _resume(run: _Run, path: Path, identity: str) -> None:
    """Go on from a checkpoint of this very training; otherwise begin anew."""
    saved = read_checkpoint(path)
    if saved is not None and saved.get("identity") != identity:
        log.warning(f"{path}: of another training (config or seed differ); this one begins anew")
        saved = None

    def take_rest() -> None:
        assert saved is not None
        average, progress = saved["average"], saved["progress"]
        shapes = {name: value.shape for name, value in run.average.items()}
        if {name: value.shape for name, value in average.items()} != shapes:
            raise ValueError("its moving average is not of this network")
        values = {name: kind(progress[name]) for name, kind in _PROGRESS.items()}
        if not 0 <= values["since"] <= values["step"]:
            raise ValueError("its step is none")
        run.average = {name: value.to(run.fabric.device) for name, value in average.items()}
        for name, value in values.items():
            setattr(run, name, value)

    log_file = path.parent / LOG
    if saved is None or not restore(
        path, run.network, run.optimizer, saved.get("network"), saved.get("optimizer"), take_rest
    ):
        log_file.unlink(missing_ok=True)
        return
    cut_log(log_file, run.step)
    log.info(f"lifter: goes on from step {run.step}")


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
