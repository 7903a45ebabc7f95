"""Unsupervised training of the refiner (the paper, section 4.1).

Windows of good clips are corrupted; the network has to give the clips back. No truth is used: the targets
are what the estimator and the lifter made of clear videos, and only joints that were really observed count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from skeletor.learning.data.frame_store import FrameStore
from skeletor.learning.data.shards import Shards
from skeletor.learning.data.window_stream import ShardWindows
from skeletor.learning.data.windows import MemoryStore, WindowSource, alike, clip_store
from skeletor.learning.trainer import Trainer, TrainingDiverged, train
from skeletor.learning.usable import LEAST_FRAMES, usable_clips
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import Skeleton
from skeletor.refiners.networks.build import Network, build_network, network_arguments
from skeletor.refiners.training.config import RefinerTrainConfig, train_preset
from skeletor.refiners.training.model_card import write_card
from skeletor.refiners.training.objective import make_task
from skeletor.refiners.training.task import RefinerTask, refiner_task, trainer_options
from skeletor.refiners.weights import LoadedRefiner, RefinerInfo, load_refiner, save_refiner
from skeletor.support.errors import InputError
from skeletor.support.progress import log

__all__ = [
    "LoadedRefiner",
    "RefinerTrainConfig",
    "RefinerTrainResult",
    "TrainingDiverged",
    "load_refiner",
    "train_preset",
    "train_refiner",
]

WEIGHTS = "refiner.safetensors"
VERSION = "2"  # of the training: checkpoints of another one are not used

_CLOCK = ("weights", "seconds", "windows_per_second", "data_wait_share")  # figures that do not go into the weights


@dataclass(frozen=True)
class RefinerTrainResult:
    """Figures of a training. Errors are mean distances of observed joints in the clips' units.

    validation_error, validation_error_input: on held-out corrupted windows after and before refinement
    (before: gaps filled); NaN without held-out clips. data_wait_share: of the time, spent waiting for data.
    """

    weights: Path
    parameters: int
    steps: int
    seconds: float
    train_loss: float
    validation_error: float
    validation_error_input: float
    windows_per_second: float
    data_wait_share: float


@dataclass(frozen=True)
class _Data:
    """Clips for training and held-out ones, and what all of them share."""

    train: WindowSource
    held_out: WindowSource | None
    skeleton: Skeleton
    dims: int
    fps: float
    units: str
    clips: int


def train_refiner(
    clips: Sequence[PoseSequence] | FrameStore | Shards,
    config: RefinerTrainConfig,
    out: Path | str,
    seed: int = 0,
    device: str | torch.device = "cpu",
    degraded: Sequence[PoseSequence] | None = None,
    data: str = "",
    licence: str = "",
    snapshots: Sequence[int] = (),
) -> RefinerTrainResult:
    """Train a refiner on clips of one skeleton and write `out`/refiner.safetensors and its card, README.md.

    clips: 2D or 3D; those in pixels or metres are normalised first; or a packed store of them
    (`skeletor.learning.data.frame_store`), of which only what is drawn is read; or shards (`skeletor.learning.data`),
    which are gone through epoch after epoch. degraded: worse versions of the same clips, frame by frame (for instance
    lifted from simulated detections), that the network learns to turn into the clips; a packed store has its own,
    shards have none. data, licence: words for the header. `out` also gets the log (a JSON object per line) and a
    checkpoint, from which a killed training goes on, with the same losses if the budget is one of steps. A checkpoint
    of other clips, another config or seed is not used, and overwritten. snapshots: steps after which the network's
    tensors are written to `out` too, see `skeletor.learning.checkpoint.snapshot_path`.

    Started by torchrun, all its processes train together: each draws its own batches of `batch_size` windows, the
    gradients are averaged, and the first process alone writes.

    Raises InputError if the clips do not fit together, TrainingDiverged if the loss becomes NaN.
    """
    sets = _data(clips, degraded, config, seed)
    arguments = model_arguments(config, sets.skeleton, sets.dims)

    def make(device: torch.device) -> RefinerTask:
        model = _network(arguments, sets, seed).to(device)
        tensors = make_task(sets.skeleton, model.rest.clone())
        return refiner_task(model, sets.train, sets.held_out, tensors, config, seed, device)

    identity = f"{VERSION} {config.digest()} {sets.train.digest()} seed {seed}"
    trainer = train(make, trainer_options(config, frozenset(snapshots)), seed, device, Path(out), identity)
    result = _result(trainer, Path(out))
    words = data or f"{sets.clips} clips, {sets.train.frames} frames"
    info = _info(sets, arguments, config, trainer, result, words, licence)
    if trainer.first:
        save_refiner(trainer.task.network, info, result.weights)
        write_card(info, result.weights)
        log.info(
            f"refiner: {result.steps} steps in {result.seconds:.0f} s, {result.parameters} parameters; "
            f"{_held_out_error(result, sets)}; "
            f"{result.windows_per_second:.0f} windows/s, {100 * result.data_wait_share:.1f} % of the time waiting"
        )
    trainer.fabric.barrier()
    return result


def model_arguments(config: RefinerTrainConfig, skeleton: Skeleton, dims: int) -> dict[str, Any]:
    """The arguments of `build_network` for a config and a skeleton."""
    return network_arguments(config.model, skeleton, dims, config.window)


def _data(
    clips: Sequence[PoseSequence] | FrameStore | Shards,
    degraded: Sequence[PoseSequence] | None,
    config: RefinerTrainConfig,
    seed: int,
) -> _Data:
    """Clips of a packed store, or in shards, or clips as they come, to be held in main memory."""
    if isinstance(clips, Shards):
        return _streamed(clips, config, seed)
    if isinstance(clips, FrameStore):
        return _packed(clips, config, seed)
    if degraded is not None and [len(c) for c in degraded] != [len(c) for c in clips]:
        raise InputError("degraded clips must have the frames of the clips, one for one")
    keep = usable_clips("refiner", [len(c) for c in clips], [bool((c.confidence > 0).any()) for c in clips])
    fps, skeleton = config.fps or clips[keep[0]].fps, clips[keep[0]].skeleton
    ready = alike([clips[k] for k in keep], fps, skeleton)
    worse = None if degraded is None else alike([degraded[k] for k in keep], fps, skeleton)
    train, held_out = _split(len(ready), config, seed)

    def store(chosen: Sequence[int]) -> MemoryStore:
        return clip_store([ready[k] for k in chosen], None if worse is None else [worse[k] for k in chosen])

    units = ready[0].provenance.units
    return _Data(store(train), store(held_out) if held_out else None, skeleton, ready[0].dims, fps, units, len(keep))


def _packed(store: FrameStore, config: RefinerTrainConfig, seed: int) -> _Data:
    """Clips of a packed store."""
    form = store.form
    if config.fps not in (None, form.fps):
        raise InputError(f"the packed frames have {form.fps:g} per second, train.fps is {config.fps}; pack with --fps")
    clips = len(store.index.starts)
    kept = usable_clips("refiner", store.index.stops - store.index.starts)
    if len(kept) < clips:
        store, clips = store.subset(kept), len(kept)
    train, held_out = _split(clips, config, seed)
    rest = store.subset(held_out) if held_out else None
    return _Data(store.subset(train), rest, form.skeleton, form.dims, form.fps, form.units, clips)


def _streamed(shards: Shards, config: RefinerTrainConfig, seed: int) -> _Data:
    """Clips in shards; whole groups of them are held out, of which a buffer is read at once."""
    form = shards.form
    if (shards.groups.frames < LEAST_FRAMES).all():  # how long each clip is stands in the shards
        usable_clips("refiner", shards.groups.frames)
    train, held_out = _split(len(shards.groups), config, seed)
    rest = clip_store(list(shards.subset(held_out).some())) if held_out else None
    windows = ShardWindows(shards.subset(train), config.window, seed)
    return _Data(windows, rest, form.skeleton, form.dims, form.fps, form.units, shards.clips)


def _split(clips: int, config: RefinerTrainConfig, seed: int) -> tuple[list[int], list[int]]:
    """Numbers of the clips (or groups of them) to train on, and of those held out, each in order."""
    count = max(1, round(config.validation_share * clips)) if config.validation_share and clips > 1 else 0
    order = torch.randperm(clips, generator=torch.Generator().manual_seed(seed)).numpy()
    return np.sort(order[count:]).tolist(), np.sort(order[:count]).tolist()


def _network(arguments: dict[str, Any], sets: _Data, seed: int) -> Network:
    """A network that knows of its training data what it needs beside weights: typical pose, scales, covariance."""
    model = build_network(arguments)
    model.fit(sets.train, seed)
    return model


def _result(trainer: Trainer[RefinerTask], out: Path) -> RefinerTrainResult:
    now = trainer.state.progress
    return RefinerTrainResult(
        weights=out / WEIGHTS,
        parameters=trainer.task.network.parameter_count(),
        steps=now.step,
        seconds=now.seconds,
        train_loss=now.train_loss,
        validation_error_input=now.validation.get("validation_error_input", math.nan),
        validation_error=now.validation.get("validation_error", math.nan),
        windows_per_second=now.step * trainer.samples_per_step / max(now.seconds, 1e-9),
        data_wait_share=now.data_seconds / max(now.seconds, 1e-9),
    )


def _held_out_error(result: RefinerTrainResult, sets: _Data) -> str:
    """In words; also why there is none."""
    if math.isfinite(result.validation_error):
        before, after = result.validation_error_input, result.validation_error
        return f"held-out error {before:.4f} before, {after:.4f} after refinement"
    if sets.held_out is None:
        return f"no held-out error: of {sets.clips} usable clips none was held out"
    return "no held-out error: it was not measured in so few steps, or is no number"


def _info(
    sets: _Data,
    arguments: dict[str, Any],
    config: RefinerTrainConfig,
    trainer: Trainer[RefinerTask],
    result: RefinerTrainResult,
    data: str,
    licence: str,
) -> RefinerInfo:
    """What the weights' header says."""
    return RefinerInfo(
        preset=config.preset,
        model=arguments,
        fill=config.fill,
        minimum_confidence=config.minimum_confidence,
        skeleton=sets.skeleton,
        fps=sets.fps,
        units=sets.units,
        data=data,
        licence=licence,
        config=config.model_dump(mode="json"),
        training={**_finite(asdict(result)), "seed": trainer.seed, "identity": trainer.identity},
    )


def _finite(figures: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on the clock (the same training gives the same bytes), with None for NaN."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in figures.items()
        if key not in _CLOCK
    }
