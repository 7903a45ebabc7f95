"""Who runs the shards: processes of this machine, Slurm (submitit), or Ray.

An engine is handed a job, a function of a shard's number, and the numbers. It may run one twice, after a worker's
death: a shard is written whole, and a finished one is skipped. What it yields says that a shard's job came to its end.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from skeletor.support.errors import InputError, MissingDependency, as_input_error, one_line
from skeletor.support.workers import worker_pool

Job = Callable[[int], None]
ATTEMPTS = 8  # at one shard; each death over an input counts against that input (`slt.shards.shard`)
ENGINES = ("local", "slurm", "ray")


@dataclass(frozen=True)
class Ended:
    """A shard whose job came to its end. error: one line, None if it is done. refused: no defect (a full disk, say)."""

    shard: int
    error: str | None = None
    refused: bool = False

    @classmethod
    def by(cls, shard: int, error: BaseException | None) -> Ended:
        """Of what its job raised, if it did."""
        if error is None:
            return cls(shard)
        return cls(shard, one_line(error), isinstance(error, Exception) and as_input_error(error) is not None)


class Engine(Protocol):
    """What every engine is."""

    def run(self, job: Job, shards: Sequence[int]) -> Iterator[Ended]:
        """Run the job for each shard, in any order. The job has to be importable, it is sent to other processes."""
        ...


@dataclass(frozen=True)
class Local:
    """Processes of this machine, each with one thread of work."""

    workers: int

    def run(self, job: Job, shards: Sequence[int]) -> Iterator[Ended]:
        """See `Engine`. If a worker dies, those shards that were in work are done one by one, to find the one."""
        waiting = deque(shards)
        while waiting:
            suspects = yield from self._together(job, waiting)
            for shard in suspects:
                yield self._alone(job, shard)

    def _together(self, job: Job, waiting: deque[int]) -> Generator[Ended, None, list[int]]:
        """Until a worker dies; gives the shards that were in work then."""
        running: dict[Future[None], int] = {}
        try:
            with worker_pool(min(self.workers, len(waiting))) as pool:
                while waiting or running:
                    while waiting and len(running) < 2 * self.workers:
                        shard = waiting.popleft()
                        running[pool.submit(job, shard)] = shard
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        error = future.exception()
                        if isinstance(error, BrokenProcessPool):
                            raise error
                        yield Ended.by(running.pop(future), error)
        except BrokenProcessPool:
            return list(running.values())
        return []

    def _alone(self, job: Job, shard: int) -> Ended:
        for _ in range(ATTEMPTS):
            try:
                with worker_pool(1) as pool:
                    pool.submit(job, shard).result()
                return Ended(shard)
            except BrokenProcessPool:
                continue
            except Exception as error:
                return Ended.by(shard, error)
        return Ended(shard, f"its worker died {ATTEMPTS} times")


@dataclass(frozen=True)
class Slurm:
    """An array of Slurm tasks by submitit, each with several shards. cluster: "slurm", or "local": the same without.

    parameters: of `sbatch`, as submitit names them (timeout_min, slurm_partition, cpus_per_task, mem_gb, ...). A task
    that runs out of time is requeued and goes on with what is left; one that is killed outright is found missing and
    submitted again, `ATTEMPTS` times at most.
    """

    logs: Path
    tasks: int
    cluster: str = "slurm"
    parameters: dict[str, Any] = field(default_factory=dict)

    def run(self, job: Job, shards: Sequence[int]) -> Iterator[Ended]:
        """See `Engine`."""
        try:
            import submitit
        except ImportError as error:
            raise MissingDependency("--executor slurm needs submitit: pip install 'skeletor-slt[cluster]'") from error
        executor = submitit.AutoExecutor(folder=self.logs, cluster=self.cluster)
        executor.update_parameters(**{"name": "slt-shards", "timeout_min": 240, **self.parameters})
        left = list(shards)
        for _ in range(ATTEMPTS):
            groups = [left[k :: self.tasks] for k in range(min(self.tasks, len(left)))]
            jobs = executor.map_array(Group(job), groups)
            missing: list[int] = []
            for task, group in zip(jobs, groups, strict=True):
                try:
                    ended = task.result()
                except Exception:  # the task itself was lost: its shards are submitted again
                    missing += group
                else:
                    yield from ended
            left = missing
            if not left:
                return
        for shard in left:
            yield Ended(shard, f"its task was lost {ATTEMPTS} times; see {self.logs}")


@dataclass(frozen=True)
class Group:
    """A task of several shards; called again after a requeue, it skips the finished ones by itself."""

    job: Job

    def __call__(self, shards: Sequence[int]) -> list[Ended]:
        """The shards one after the other."""
        return [attempt(self.job, shard) for shard in shards]

    def checkpoint(self, shards: Sequence[int]) -> Any:
        """What submitit submits in place of a task that ran out of time."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, shards)


def attempt(job: Job, shard: int) -> Ended:
    """The job for one shard, an error as its line."""
    try:
        job(shard)
    except Exception as error:
        return Ended.by(shard, error)
    return Ended(shard)


@dataclass(frozen=True)
class Ray:
    """Ray tasks, here or on a cluster by its address; workers keep what they loaded. workers: tasks at a time.

    A task whose worker or node dies is tried again by Ray. No usage statistics are sent.
    """

    address: str | None = None
    workers: int | None = None

    def run(self, job: Job, shards: Sequence[int]) -> Iterator[Ended]:
        """See `Engine`."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            raise MissingDependency("--executor ray needs ray: pip install 'skeletor-slt[ray]'") from error
        try:
            ray.init(address=self.address, num_cpus=None if self.address else self.workers, include_dashboard=False,
                     ignore_reinit_error=True, log_to_driver=False)  # fmt: skip
        except ConnectionError as error:
            raise InputError(f"--address {self.address}: no Ray cluster there ({one_line(error, 120)})") from error
        try:
            remote = ray.remote(num_cpus=1, max_retries=ATTEMPTS)(attempt)
            waiting, running = deque(shards), dict[Any, int]()
            most = 2 * (self.workers or int(ray.cluster_resources().get("CPU", 1)))
            while waiting or running:
                while waiting and len(running) < most:
                    shard = waiting.popleft()
                    running[remote.remote(job, shard)] = shard
                (done,), _ = ray.wait(list(running), num_returns=1)
                shard = running.pop(done)
                try:
                    yield ray.get(done)
                except ray.exceptions.RayError as error:
                    yield Ended(shard, one_line(error, 200))
        finally:
            ray.shutdown()
