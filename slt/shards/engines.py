"""Who runs the shards: processes of this machine, Slurm (submitit), or Ray (`slt.shards.on_ray`).

An engine is handed a job, a function of a shard's number, and the numbers. It may run one twice, after a worker's
death: a shard is written whole, and a finished one is skipped. What it yields says that a shard's job came to its end.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from skeletor.support.errors import MissingDependency, as_input_error, is_full, one_line
from skeletor.support.workers import worker_pool

Job = Callable[[int], None]
ATTEMPTS = 8  # at one shard; each death over an input counts against that input (`slt.shards.shard`)
_LOOK = 1.0  # seconds between two looks at which Slurm tasks have ended
LOG_SECONDS = 60.0  # between two lines in the log that tell how long the rest will take
ENGINES = ("local", "slurm", "ray")


@dataclass(frozen=True)
class Ended:
    """A shard whose job came to its end. error: one line, or None if it is done. full: for the disk was full there.
    refused: it is no defect (a full disk, say)."""

    shard: int
    error: str | None = None
    full: bool = False
    refused: bool = False

    @classmethod
    def by(cls, shard: int, error: Exception) -> Ended:
        """Of what its job raised."""
        return cls(shard, one_line(error), is_full(error), as_input_error(error) is not None)


class Engine(Protocol):
    """What every engine is."""

    def run(self, job: Job, shards: Sequence[int]) -> Iterator[Ended]:
        """Run the job for each shard, in any order. The job has to be importable, it is sent to other processes."""
        ...


def one_thread() -> None:
    """Workers that begin from now on share the cores by shards, not by threads: then bytes are the same anywhere."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read by numerical libraries when a worker starts


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
        running: dict[Future[Ended], int] = {}
        try:
            with worker_pool(min(self.workers, len(waiting))) as pool:
                while waiting or running:
                    while waiting and len(running) < 2 * self.workers:
                        future = pool.submit(attempt, job, waiting[0])  # refused if a worker has died: then it waits on
                        running[future] = waiting.popleft()
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        ended = future.result()
                        del running[future]
                        yield ended
        except BrokenProcessPool:
            return list(running.values())
        return []

    def _alone(self, job: Job, shard: int) -> Ended:
        for _ in range(ATTEMPTS):
            try:
                with worker_pool(1) as pool:
                    return pool.submit(attempt, job, shard).result()
            except BrokenProcessPool:
                continue
        return Ended(shard, f"its worker died {ATTEMPTS} times")


@dataclass(frozen=True)
class Slurm:
    """An array of Slurm tasks by submitit, each with several shards. cluster: "slurm", or "local": the same without.

    parameters: of `sbatch`, as submitit names them (timeout_min, slurm_partition, cpus_per_task, mem_gb, ...). A task
    that runs out of time is requeued and goes on with what is left; one that is killed outright is found missing and
    submitted again, `ATTEMPTS` times at most. So is a shard for which a disk was full: another node's may not be.
    """

    logs: Path
    tasks: int
    cluster: str = "slurm"
    parameters: dict[str, Any] = field(default_factory=dict)

    def run(self, job: Job, shards: Sequence[int]) -> Iterator[Ended]:
        """See `Engine`."""
        try:
            import submitit
            from submitit.helpers import as_completed
        except ImportError as error:
            raise MissingDependency("--executor slurm needs submitit: pip install 'skeletor-slt[cluster]'") from error
        executor = submitit.AutoExecutor(folder=self.logs, cluster=self.cluster)
        executor.update_parameters(**{"name": "slt-shards", "timeout_min": 240, **self.parameters})
        left, why = list(shards), dict[int, Ended]()
        for _ in range(ATTEMPTS):
            groups = slices(left, self.tasks)
            jobs = executor.map_array(Group(job), groups)
            of_task = {task.job_id: group for task, group in zip(jobs, groups, strict=True)}
            missing: list[int] = []
            with _cancelled_if_broken_off(jobs):
                for task in as_completed(jobs, poll_frequency=_LOOK):
                    group = of_task[task.job_id]
                    try:
                        ended = task.result()
                    except Exception:  # the task itself was lost: its shards are submitted again
                        missing += group
                    else:
                        why |= {one.shard: one for one in ended if one.full}
                        missing += [one.shard for one in ended if one.full]
                        yield from (one for one in ended if not one.full)
            left = missing
            if not left:
                return
        for shard in left:
            yield why.get(shard) or Ended(shard, f"its task was lost {ATTEMPTS} times; see {self.logs}")


def slices(shards: Sequence[int], tasks: int) -> list[Sequence[int]]:
    """The shards of each of at most so many tasks, none without any: each has some from everywhere."""
    return [shards[k::tasks] for k in range(min(tasks, len(shards)))]


@contextmanager
def _cancelled_if_broken_off(jobs: Sequence[Any]) -> Iterator[None]:
    """Tasks outlive who submitted them: those that are not done are cancelled if the block is broken off."""
    try:
        yield
    except BaseException:
        for task in jobs:
            with suppress(Exception):  # what broke the block off is told, not that one more cannot be reached
                if not task.done():
                    task.cancel(check=False)
        raise


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
