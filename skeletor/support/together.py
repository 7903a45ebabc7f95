"""What the processes that torchrun started say to each other, beside the gradients."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch.distributed as dist
from torch import Tensor

from skeletor.support.devices import TORCHRUN, WAIT, process_count, process_rank, resolve_device

T = TypeVar("T")


class Processes:
    """This process and those that torchrun started with it; without torchrun, this one alone.

    Made in all of them at the same place of the program. They wait for each other as long as it takes.
    """

    def __init__(self) -> None:
        self.rank, self.count = process_rank(), process_count()
        self._group: Any = None
        if self.count > 1:
            if not dist.is_initialized():
                dist.init_process_group("nccl" if resolve_device().type == "cuda" else "gloo", timeout=WAIT)
            self._group = dist.new_group(backend="gloo", timeout=WAIT)  # who waits by NCCL keeps a GPU busy

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def told(self, value: T) -> T:
        """What the first process has, in all of them; each waits for it."""
        if self.count == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, 0, self._group)
        return values[0]

    def hear(self) -> Any:
        """In another process than the first: what that one tells."""
        nothing: Any = None
        return self.told(nothing)

    def meet(self) -> None:
        """Wait until all are here."""
        if self.count > 1:
            dist.barrier(self._group)

    def total(self, values: Tensor) -> Tensor:
        """The sum of all processes' values, of any shape, in their place."""
        if self.count > 1:
            dist.all_reduce(values, group=self._group if values.device.type == "cpu" else None)
        return values


class Team:
    """The processes of one command under torchrun, of which the first goes through it, and calls the others to help.

    What it calls, all do at once: they train together, and the first one alone does the rest. All else it does alone,
    as if there were no torchrun, also in worker processes that it starts.
    """

    def __init__(self) -> None:
        self._processes = Processes()
        self.count, self.leads = self._processes.count, self._processes.first
        self._run = os.environ[TORCHRUN]

    @contextmanager
    def leading(self) -> Iterator[None]:
        """In the first process: the block that leads; when it has ended well, the others are free.

        If it raises an exception they are not: torchrun ends them.
        """
        del os.environ[TORCHRUN]
        try:
            yield
        finally:
            os.environ[TORCHRUN] = self._run
        self._processes.told(None)

    def call(self, work: Callable[..., object], *arguments: object) -> None:
        """In the first process: all call `work`, which can be pickled; gives back when all are done."""
        self._processes.told((work, arguments))
        os.environ[TORCHRUN] = self._run
        try:
            work(*arguments)
        finally:
            del os.environ[TORCHRUN]
        self._processes.meet()

    def follow(self) -> None:
        """In the other processes: do what the first one calls, until it is done."""
        while (order := self._processes.hear()) is not None:
            work, arguments = order
            work(*arguments)
            self._processes.meet()


def team_of_torchrun() -> Team | None:
    """The team of a command that torchrun started; None without it, or if it started but one process.

    The worker processes of that one are not to look for others.
    """
    if process_count() > 1:
        return Team()
    os.environ.pop(TORCHRUN, None)
    return None
