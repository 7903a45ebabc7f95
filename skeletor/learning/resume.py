"""What a killed training left: its checkpoint and its log, of which only what is sound is used."""

from __future__ import annotations

import copy
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from skeletor.files.atomic import write_text
from skeletor.support.errors import one_line
from skeletor.support.progress import log

# What torch and a use of a damaged checkpoint raise.
_DAMAGE = (ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError,
           TypeError, ValueError)  # fmt: skip


def read_checkpoint(path: Path) -> Mapping[str, Any] | None:
    """The values of a checkpoint, on the CPU; None, and a warning that says so, if it cannot be used.

    Only tensors, text and numbers are read (`weights_only`), and no compressed parts: torch writes none, and they may
    be any size.
    """
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as parts:
            if any(part.compress_type != zipfile.ZIP_STORED for part in parts.infolist()):
                raise ValueError("it is compressed, which no checkpoint is")
        saved = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(saved, Mapping) or not all(isinstance(key, str) for key in saved):
            raise ValueError(f"it holds {type(saved).__name__}, not a training's state")
    except Exception as error:  # a damaged file: zipfile, torch and its unpickler raise many types
        reason = f"{type(error).__name__}: {one_line(error)[:80]}"
        log.warning(f"{path}: cannot be used ({reason}); the training begins anew")
        return None
    return saved


def restore(path: Path, network: nn.Module, optimizer: Any, weights: Any, state: Any, rest: Callable[[], None]) -> bool:
    """Put a checkpoint's values into network and optimizer, and let `rest` use what else is in it.

    False, and a warning, if one of them does not fit; network and optimizer are then as they were, so that the training
    that begins anew is the one that it would have been without the file.
    """
    before = copy.deepcopy((network.state_dict(), optimizer.state_dict()))
    try:
        check_tensors(network.state_dict(), weights)
        network.load_state_dict(weights)
        _check_optimizer(optimizer, state)
        optimizer.load_state_dict(state)
        rest()
    except _DAMAGE as error:
        network.load_state_dict(before[0])
        optimizer.load_state_dict(before[1])
        log.warning(f"{path}: does not fit this training ({one_line(error)[:80]}); the training begins anew")
        return False
    return True


def check_tensors(own: Mapping[str, Tensor], saved: Any) -> None:
    """Raise ValueError, KeyError or TypeError unless `saved` has finite tensors of the names and types of `own`."""
    for name, value in own.items():
        found = saved[name]
        if not isinstance(found, Tensor) or found.layout is not torch.strided or found.dtype != value.dtype:
            raise ValueError(f"{name} is no tensor of {value.dtype}")
        if found.is_floating_point() and not bool(found.isfinite().all()):
            raise ValueError(f"{name} holds values that are no finite numbers")


def _check_optimizer(optimizer: Any, state: Any) -> None:
    """ValueError unless the moments in an optimizer's state have the shapes of its parameters.

    torch looks only at how many there are, and fails in the first step.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    if set(state["state"]) not in (set(), {k for k, p in enumerate(parameters) if p.requires_grad}):
        raise ValueError("the optimizer's state is not of this network")
    for number, moments in state["state"].items():
        for name, value in moments.items():
            fits = isinstance(value, Tensor) and value.shape in ((), parameters[number].shape)
            if not fits or not bool(value.isfinite().all()):
                raise ValueError(f"the optimizer's {name} is not of this network")
    if any(set(new) != set(old) for new, old in zip(state["param_groups"], optimizer.param_groups, strict=True)):
        raise ValueError("the optimizer's options are not of this training")


def cut_log(path: Path, step: int) -> None:
    """Keep the lines of a JSONL log up to that step; what is no line of it (half written, or damaged) is dropped."""
    if path.is_file():
        lines = path.read_bytes().decode("utf-8", errors="replace").splitlines()
        kept = [line for line in lines if _step_of(line) <= step]
        write_text(path, "".join(line + "\n" for line in kept))


def _step_of(line: str) -> float:
    try:
        step = json.loads(line)["step"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return float("inf")
    return step if isinstance(step, int | float) else float("inf")
