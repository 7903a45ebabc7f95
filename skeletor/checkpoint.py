"""Checkpoints of the refiner's training: killed and started again, it goes on with the same losses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from skeletor.atomic import atomic_path
from skeletor.progress import log
from skeletor.training_loop import LOG, Parts, average_loss_sum

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
    saved: dict[str, Any] | None = None
    first = parts.fabric.is_global_zero
    if path.is_file():
        try:
            saved = torch.load(path, map_location=parts.device, weights_only=True)
        except Exception as error:  # a damaged file: torch raises many types
            if first:
                log.warning(f"{path}: cannot be read ({type(error).__name__}); the training begins anew")
    if saved is not None and saved.get("identity") != parts.identity:
        if first:
            log.warning(f"{path}: of another training (clips, config or seed differ); this one begins anew")
        saved = None
    if saved is not None:
        parts.model.load_state_dict(saved["model"])
        parts.optimizer.load_state_dict(saved["optimizer"])
        vars(parts.state).update(saved["progress"])
        if first:
            log.info(f"refiner: goes on from step {parts.state.step}")
    parts.fabric.barrier()  # nobody may write before all have read
    if first:
        _cut_log(parts.out / LOG, parts.state.step if saved is not None else 0)


def _cut_log(path: Path, step: int) -> None:
    """Drop what a killed training wrote after its last checkpoint, and a line that it did not end."""
    if path.is_file():
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
        kept = [line for line in lines if json.loads(line)["step"] <= step]
        path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
