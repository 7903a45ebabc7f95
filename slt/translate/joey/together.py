"""JoeyNMT's training in several processes: each has a share of every batch, and all take the step of the whole one.

JoeyNMT's own way with several processes never shares gradients (it computes all of them within `no_sync`), and ends in
the first process alone; it is switched off.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from collections.abc import Iterator

import joeynmt
import torch
from joeynmt.batch import Batch
from torch import nn

from skeletor.learning.feed import NETWORK, draw_seed
from skeletor.learning.statistics import moving
from skeletor.support.devices import seed_generators
from skeletor.support.together import Processes

_ASKS = "use_ddp"  # the function by which its modules ask whether they are one of several processes


@contextlib.contextmanager
def without_ddp() -> Iterator[None]:
    """In the block, JoeyNMT does not see that torchrun started this process."""
    names = (f"joeynmt.{module.name}" for module in pkgutil.iter_modules(joeynmt.__path__) if module.name[0] != "_")
    modules = [module for module in map(importlib.import_module, names) if hasattr(module, _ASKS)]
    before = [getattr(module, _ASKS) for module in modules]
    for module in modules:
        setattr(module, _ASKS, _no)
    try:
        yield
    finally:
        for module, one in zip(modules, before, strict=True):
            setattr(module, _ASKS, one)


def _no() -> bool:
    return False


def shared_out(items: list[int], share: tuple[int, int]) -> tuple[list[int], bool]:
    """This process's items of a batch, share = (rank, processes), and whether they count.

    A process that has none gets the first one, which does not count: a network has to be run by all.
    """
    rank, count = share
    mine = items[rank::count]
    return (mine, True) if mine else (items[:1], False)


def counted_whole(processes: Processes, batch: Batch, counts: bool, seconds: float) -> float:
    """Let the batch say how many sentences and tokens the whole one has, of which it is this process's share.

    counts: whether the share counts. seconds: by this process's clock; gives those of the first one's.
    """
    own = (batch.nseqs, batch.ntokens) if counts else (0, 0)
    found = processes.total(torch.tensor([*own, seconds if processes.first else 0.0], dtype=torch.float64))
    batch.nseqs, batch.ntokens = int(found[0]), int(found[1])
    return float(found[2])


def sum_gradients(processes: Processes, model: nn.Module, counts: bool) -> None:
    """Put the sum of all processes' gradients, of those that count, in the place of each one's own.

    Moving means and variances of batch normalisation become the mean of the processes'.
    """
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients]) * float(counts)  # (all weights,)
    parts = processes.total(flat).split([gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))
    for buffer, _ in moving(model):  # each share of the batch is normalised by itself
        buffer.copy_(processes.total(buffer / processes.count))


def seed_dropout(processes: Processes, seed: int, step: int, device: torch.device) -> None:
    """Coin flips of a step, other ones in each process: so a resumed training needs no generator's state."""
    seed_generators(draw_seed(seed, step * processes.count + processes.rank, NETWORK), device)
