"""Checkpoints of a training: killed and started again, it goes on with the same losses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from skeletor.files.atomic import atomic_path
from skeletor.learning.resume import check_tensors, restore
from skeletor.support.errors import one_line
from skeletor.support.progress import log


@dataclass
class Progress:
    """Where a training stands.

    data_seconds: spent waiting for batches. loss_sum: scalar, of the losses since the last line of the log.
    logged: step, seconds and data_seconds at that line. validation: the last figures of the task.
    """

    loss_sum: Tensor
    step: int = 0
    seconds: float = 0.0
    data_seconds: float = 0.0
    logged: tuple[int, float, float] = (0, 0.0, 0.0)
    train_loss: float = math.nan
    validation: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingState:
    """All that a training needs to go on. average: the moving average of the network's tensors, {} without one.

    No state of generators: see `skeletor.learning.feed.draw_seed`.
    """

    network: nn.Module
    optimizer: Any
    average: dict[str, Tensor]
    progress: Progress


def log_path(out: Path, name: str) -> Path:
    """Where the training `name` ("refiner", ...) writes its log, a JSON object per line."""
    return out / f"{name}.jsonl"


def checkpoint_path(out: Path, name: str) -> Path:
    """Where the training `name` keeps its checkpoint."""
    return out / f"{name}.checkpoint.pt"


def snapshot_path(out: Path | str, name: str, step: int) -> Path:
    """Where the training `name` puts the tensors (safetensors, no header) that it would have ended with at `step`."""
    return Path(out) / f"{name}.step-{step}.safetensors"


def save_checkpoint(path: Path, identity: str, state: TrainingState) -> None:
    """Write a checkpoint atomically. identity: of all that the training depends on."""
    saved = {
        "identity": identity,
        "model": state.network.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "average": state.average,
        "progress": vars(state.progress),
    }
    with atomic_path(path) as temporary:
        torch.save(saved, temporary)


def save_snapshot(path: Path, state: TrainingState) -> None:
    """Write the network's tensors as they are now, or their moving average if there is one, atomically."""
    tensors = state.average or state.network.state_dict()
    with atomic_path(path) as temporary:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary)


def read_snapshot(path: Path, network: nn.Module) -> bool:
    """Put what `save_snapshot` wrote into the network. False, a warning, and the network as it was if it cannot be."""
    try:
        saved = load_file(path)
        check_tensors(network.state_dict(), saved)
        network.load_state_dict(saved)
    except Exception as error:  # a damaged or missing file: safetensors and torch raise many types
        log.warning(f"{path}: cannot be used ({type(error).__name__}: {one_line(error)[:80]}); it is left out")
        return False
    return True


def take_checkpoint(path: Path, saved: Mapping[str, Any], state: TrainingState) -> bool:
    """Put the values of a checkpoint into `state`. False, a warning, and `state` as it was if they do not fit."""

    def take_rest() -> None:
        average, progress = saved["average"], _progress(saved["progress"], state.progress.loss_sum)
        check_tensors(state.average, average)
        if {name: value.shape for name, value in average.items()} != {n: v.shape for n, v in state.average.items()}:
            raise ValueError("its moving average is not of this network")
        for name, value in state.average.items():
            value.copy_(average[name])
        vars(state.progress).update(vars(progress))

    return restore(path, state.network, state.optimizer, saved.get("model"), saved.get("optimizer"), take_rest)


def _progress(saved: Any, like: Tensor) -> Progress:
    """Where a training stood, its sum of the type and on the device of `like`; raises an error if it is none."""
    if not isinstance(saved, Mapping) or set(saved) != {known.name for known in fields(Progress)}:
        raise ValueError("it does not say where the training stood")
    step, logged, validation = saved["step"], saved["logged"], saved["validation"]
    if not isinstance(step, int) or step < 0 or not isinstance(logged[0], int) or not 0 <= logged[0] <= step:
        raise ValueError("its step is none")
    if not isinstance(validation, Mapping) or not all(isinstance(key, str) for key in validation):
        raise ValueError("its figures of the validation are none")
    return Progress(
        loss_sum=torch.as_tensor(saved["loss_sum"], dtype=like.dtype, device=like.device).reshape(()),
        step=step,
        seconds=float(saved["seconds"]),
        data_seconds=float(saved["data_seconds"]),
        logged=(logged[0], float(logged[1]), float(logged[2])),
        train_loss=float(saved["train_loss"]),
        validation={key: float(value) for key, value in validation.items()},
    )
