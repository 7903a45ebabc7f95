"""Moving means and variances of batch normalisation where several processes learn together.

Every process normalises each of its batches by itself, as one process does. What it keeps for later use, moving means,
has to be that of all batches.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def moving(network: nn.Module) -> list[tuple[Tensor, float]]:
    """The buffers of a network that follow its batches, and by which share of the way in each: their `momentum`."""
    found = []
    for module in network.modules():
        momentum = getattr(module, "momentum", None)
        if isinstance(momentum, float):
            buffers = (b for _, b in module.named_buffers(recurse=False) if b.is_floating_point())
            found += [(buffer, momentum) for buffer in buffers]
    return found


class SharedStatistics:
    """The moving buffers of one of `count` processes, which is number `rank`.

    Call `begin` before a batch, and behind it `share` with what sums a tensor over the processes. Buffers then are what
    they were in one process that saw the batches of all, in the order of their ranks.
    """

    def __init__(self, network: nn.Module, rank: int, count: int) -> None:
        self._moving = moving(network) if count > 1 else []
        self._rank, self._count = rank, count
        self._before: Tensor | None = None

    def begin(self) -> None:
        """Note the buffers before a batch."""
        if self._moving:
            self._before = self._flat()

    def share(self, total: Callable[[Tensor], Tensor]) -> None:
        """Take in what the batches of all processes changed. total: sums a tensor over the processes."""
        if self._before is None:
            return
        keep = torch.cat([b.new_full((b.numel(),), 1 - m) for b, m in self._moving])  # (values,)
        behind = self._count - 1 - self._rank  # batches that come later in the order
        changed = total((self._flat() - keep * self._before) * keep**behind)
        result = keep**self._count * self._before + changed
        parts = result.split([buffer.numel() for buffer, _ in self._moving])
        for (buffer, _), part in zip(self._moving, parts, strict=True):
            buffer.copy_(part.view_as(buffer))

    def _flat(self) -> Tensor:
        return torch.cat([buffer.detach().flatten() for buffer, _ in self._moving])
