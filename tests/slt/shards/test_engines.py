"""What the engines of this machine and of Slurm do when a worker dies, or when they are broken off."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from skeletor.support.signals import Ended as EndedBySignal
from slt.shards import engines
from slt.shards.engines import Ended, Local


@dataclass
class DyingPool:
    """Does at once what is submitted, so many tasks; then a worker has died in idleness, and nothing more is taken."""

    tasks: int

    def submit(self, fn: Callable[..., Ended], *args: Any) -> Future[Ended]:
        if not self.tasks:
            raise BrokenProcessPool("a child process ended")
        self.tasks -= 1
        future: Future[Ended] = Future()
        future.set_result(fn(*args))
        return future


@pytest.mark.parametrize("tasks", [1, 2, 3, 5])
def test_a_worker_that_dies_before_a_shard_is_handed_over_costs_none(
    tasks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def dying(workers: int) -> Iterator[DyingPool]:
        yield DyingPool(tasks)

    monkeypatch.setattr(engines, "worker_pool", dying)
    did: list[int] = []
    ended = list(Local(1).run(did.append, range(6)))
    assert sorted(one.shard for one in ended) == list(range(6)) and not any(one.error for one in ended)
    assert set(did) == set(range(6))


@dataclass
class Task:
    """Of submitit."""

    over: bool
    reached: bool = True
    cancelled: bool = field(default=False, init=False)

    def done(self) -> bool:
        return self.over

    def cancel(self, check: bool) -> None:
        assert not check, "that would wait, and fail if the task ends meanwhile"
        if not self.reached:
            raise FileNotFoundError("scancel")
        self.cancelled = True


@pytest.mark.parametrize("error", [EndedBySignal(15), KeyboardInterrupt(), GeneratorExit(), ValueError()])
def test_tasks_that_are_not_done_do_not_outlive_a_run_that_is_broken_off(error: BaseException) -> None:
    def tasks() -> Sequence[Task]:
        return [Task(True), Task(False, reached=False), Task(False)]

    broken_off, ended = tasks(), tasks()
    with pytest.raises(type(error)), engines._cancelled_if_broken_off(broken_off):
        raise error
    with engines._cancelled_if_broken_off(ended):
        pass
    assert [task.cancelled for task in broken_off] == [False, False, True]
    assert not any(task.cancelled for task in ended)
