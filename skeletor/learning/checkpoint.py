"""Checkpoints of the refiner's training: killed and started again, it goes on with the same losses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from skeletor.files.atomic import atomic_path
from skeletor.learning.resume import cut_log, read_checkpoint, restore
from skeletor.refiners.training.loop import LOG, Parts, Progress, average_loss_sum
from skeletor.support.progress import log

CHECKPOINT = "refiner.checkpoint.pt"


def save_checkpoint(parts: Parts) -> None:
    """Write the checkpoint atomically, in the first process. No state of generators: see `feed.draw_seed`."""
    average_loss_sum(parts)
    if not parts.fabric.is_global_zero:
        return
    state = {
        "identity": parts.identity,
        "model": parts.model.state_dict(),
        "optimizer": parts.optimizer.state_dict(),
        "progress": {**vars(parts.state), "loss_sum": torch.as_tensor(parts.state.loss_sum)},
    }
    with atomic_path(parts.out / CHECKPOINT) as temporary:
        torch.save(state, temporary)


def snapshot_path(out: Path | str, step: int) -> Path:
    """Where a training in `out` puts the tensors (safetensors, no header) that it had after `step` steps."""
    return Path(out) / f"refiner.step-{step}.safetensors"


def save_snapshot(parts: Parts) -> None:
    """Write the network's tensors as they are now, in the first process."""
    if parts.fabric.is_global_zero:
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in parts.model.state_dict().items()}
        with atomic_path(snapshot_path(parts.out, parts.state.step)) as temporary:
            save_file(tensors, temporary)


def resume(parts: Parts) -> None:
    """Go on from the checkpoint in `out`, if it is one of this very training; otherwise begin anew."""
    path = parts.out / CHECKPOINT
    first = parts.fabric.is_global_zero
    saved = read_checkpoint(path)
    if saved is not None and saved.get("identity") != parts.identity:
        if first:
            log.warning(f"{path}: of another training (clips, config or seed differ); this one begins anew")
        saved = None
    if saved is not None:
        progress = saved.get("progress")

        def take_progress() -> None:
            found = _progress(progress)
            found.loss_sum = torch.as_tensor(found.loss_sum, device=parts.device)
            vars(parts.state).update(vars(found))

        weights, state = saved.get("model"), saved.get("optimizer")
        if restore(path, parts.model, parts.optimizer, weights, state, take_progress):
            if first:
                log.info(f"refiner: goes on from step {parts.state.step}")
        else:
            saved = None
    parts.fabric.barrier()  # nobody may write before all have read
    if first:
        cut_log(parts.out / LOG, parts.state.step if saved is not None else 0)


def _progress(saved: Any) -> Progress:
    """Where a training stood; TypeError or ValueError if that is none."""
    known = {field.name for field in dataclasses.fields(Progress)}
    if not isinstance(saved, Mapping) or set(saved) != known:
        raise ValueError("it does not say where the training stood")
    step, done, (before, after) = saved["step"], saved["logged"], saved["validation"]
    if not isinstance(step, int) or step < 0 or not isinstance(done[0], int) or not 0 <= done[0] <= step:
        raise ValueError("its step is none")
    return Progress(
        step=step,
        seconds=float(saved["seconds"]),
        data_seconds=float(saved["data_seconds"]),
        loss_sum=torch.as_tensor(saved["loss_sum"], dtype=torch.float32).reshape(()),
        logged=(done[0], float(done[1]), float(done[2])),
        train_loss=float(saved["train_loss"]),
        validation=(float(before), float(after)),
    )
