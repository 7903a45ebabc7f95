"""The queue: each of some worker processes, which have the models loaded, works on one upload at a time.

Uploads are begun in the order in which they came. A process that dies takes its upload with it and is replaced.

An upload lies in a folder of its own below one that only this user may read, until its work is done; its results until
they are `limits.keep` minutes old, or are given up. What is given up under way is broken off with its process.
"""

from __future__ import annotations

import itertools
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from skeletor.support.errors import SkeletorError, as_input_error, one_line
from skeletor.support.progress import log
from skeletor.support.workers import worker_pool
from slt.serve.folder import private_folder
from slt.serve.limits import Limits
from slt.serve.names import suffix_of
from slt.serve.work import Outcome, Task, read_progress, warm, work

Work = Callable[[Task], Outcome]  # can be pickled
_SWEEPS = 30.0  # seconds between two looks for what is too old
_PAUSE = 2.0  # seconds until another process is tried where none could be started
_DIED = "the worker process died (out of memory, or a crash while it read the file)"


class Full(SkeletorError):
    """There is no place in the queue."""


class State(StrEnum):
    """Where an upload is."""

    UPLOADING = "uploading"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(eq=False)
class Job:
    """One upload. key: what its owner alone knows. since: when its state began, by the monotonic clock.

    arrived: its place in the order of all that came. put_back: whether it has met a process that was dead already.
    """

    key: str
    name: str
    folder: Path
    source: Path
    state: State = State.UPLOADING
    error: str | None = None
    since: float = field(default_factory=monotonic)
    given_up: Future[None] = field(default_factory=Future)
    arrived: int = 0
    put_back: bool = False


class Jobs:
    """The uploads of one server; see `job_queue`."""

    def __init__(self, folder: Path, limits: Limits, task: Callable[[Job], Task], run: Work) -> None:
        self._folder, self._limits, self._task, self._run = folder, limits, task, run
        self._jobs: dict[str, Job] = {}
        self._arrivals = itertools.count()
        self._free: list[Future[None]] = []  # of each process that waits for a job: whether it has loaded the models
        self._changed = threading.Condition()
        self._closing = False

    def begin(self, name: str) -> Job:
        """A place for an upload that is shown as `name`; its bytes go to `source`.

        Raises Full if too many wait, InputError for a kind of file that is not taken.
        """
        suffix = suffix_of(name)
        with self._changed:
            busy = sum(job.state in (State.UPLOADING, State.WAITING) for job in self._jobs.values())
            if busy >= self._limits.waiting or self._closing:
                raise Full(f"{busy} recordings are waiting already; try again in a few minutes")
            key = secrets.token_urlsafe(24)
            folder = self._folder / secrets.token_hex(8)  # not the key: names of folders are no secret
            folder.mkdir(mode=0o700)
            job = self._jobs[key] = Job(key, name, folder, folder / f"upload{suffix}")
            return job

    def uploaded(self, job: Job) -> None:
        """The bytes are there: the job waits for its turn."""
        with self._changed:
            if not job.given_up.done():
                job.arrived = next(self._arrivals)
                self._move(job, State.WAITING)
                self._changed.notify_all()

    def find(self, key: str) -> Job | None:
        """The job of that key."""
        with self._changed:
            return self._jobs.get(key)

    def give_up(self, job: Job) -> None:
        """Break off what is done for a job, and delete all that is there of it."""
        with self._changed:
            if self._jobs.pop(job.key, None) is None:
                return
            running = job.state is State.RUNNING
            job.given_up.set_result(None)
            self._changed.notify_all()
        if not running:  # else the thread that works on it deletes, after the process has ended
            _delete(job.folder)

    def status(self, job: Job) -> dict[str, Any]:
        """What is told of a job: its state, what waits before it, how far it is, its error."""
        with self._changed:
            told: dict[str, Any] = {"state": str(job.state), "name": job.name}
            if job.state is State.WAITING:
                told["before"] = sum(
                    one.state is State.RUNNING or (one.state is State.WAITING and one.arrived < job.arrived)
                    for one in self._jobs.values()
                )
            if job.state is State.RUNNING:
                told |= {"seconds": round(monotonic() - job.since, 1), "progress": read_progress(job.folder)}
            if job.state is State.FAILED:
                told["error"] = job.error
            return told

    def sweep(self, now: float | None = None) -> None:
        """Delete what was finished too long ago. now: by the monotonic clock."""
        now = monotonic() if now is None else now
        with self._changed:
            ended = [job for job in self._jobs.values() if job.state in (State.DONE, State.FAILED)]
        for job in ended:
            if now - job.since > self._limits.keep * 60:
                self.give_up(job)

    def close(self) -> None:
        """Break off all; `serve` and `sweeping` then end."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            jobs = list(self._jobs.values())
        for job in jobs:
            self.give_up(job)

    def sweeping(self) -> None:
        """In a thread of its own: `sweep` now and then, until `close`."""
        while not self._closing:
            self.sweep()
            with self._changed:
                self._changed.wait_for(lambda: self._closing, _SWEEPS)

    def serve(self, prepare: Callable[[], None]) -> None:
        """In a thread of its own: work on one job after the other, until `close`. prepare: what a new process does.

        There may be several such threads, each with one process.
        """
        while not self._closing:
            try:
                with suppress(_Ended, BrokenProcessPool), worker_pool(1) as pool:
                    ready = pool.submit(prepare)
                    ready.add_done_callback(self._loaded)
                    while True:
                        self._next(pool, ready)
            except Exception as error:  # no process can be started: others may end meanwhile
                log.warning("the worker process: %s", one_line(as_input_error(error) or error))
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, _PAUSE)

    def _next(self, pool: ProcessPoolExecutor, ready: Future[None]) -> None:
        """Wait for a job and do it. Raises `_Ended` if the process has to end."""
        job = self._take(ready)
        try:
            self._work_on(pool, ready, job)
        except BrokenProcessPool:
            if job.state is State.RUNNING:
                self._end(job, Outcome(_DIED, defect=True))
            raise
        except Exception as error:
            self._end(job, Outcome(one_line(as_input_error(error) or error), defect=True))
            raise
        finally:
            if job.given_up.done():
                _delete(job.folder)
            elif job.state is not State.WAITING:
                job.source.unlink(missing_ok=True)  # what was sent is not needed any more

    def _take(self, ready: Future[None]) -> Job:
        """Wait for a job, which then counts as running. Raises `_Ended` once all is closed."""
        with self._changed:
            self._free.append(ready)
            try:
                self._changed.wait_for(lambda: self._closing or self._may_take(ready))
            finally:
                self._free.remove(ready)
            job = self._first()
            if self._closing or job is None:
                raise _Ended
            self._move(job, State.RUNNING)
            return job

    def _may_take(self, ready: Future[None]) -> bool:
        """Whether there is a job for this process. One that still loads its models leaves it to one that has them."""
        return self._first() is not None and (ready.done() or not any(one.done() for one in self._free))

    def _loaded(self, ready: Future[None]) -> None:
        """Called once a process has loaded its models, or could not: that is told at once, not at the first upload."""
        failed = None if ready.cancelled() else ready.exception()
        ended = self._closing or isinstance(failed, BrokenProcessPool)  # what breaks an import off is no fault of it
        if failed is not None and not ended:
            log.warning("the models cannot be loaded: %s", one_line(as_input_error(failed) or failed))
        with self._changed:
            self._changed.notify_all()

    def _submit(self, pool: ProcessPoolExecutor, job: Job) -> Future[Outcome]:
        """Hand the job to the process. If that has died before, the job waits again, in its place, but only once."""
        try:
            return pool.submit(self._run, self._task(job))
        except BrokenProcessPool:
            with self._changed:
                if not job.put_back and not job.given_up.done():
                    job.put_back = True
                    self._move(job, State.WAITING)
            raise

    def _work_on(self, pool: ProcessPoolExecutor, ready: Future[None], job: Job) -> None:
        first: list[Future[Any]] = [ready, job.given_up]
        wait(first, return_when=FIRST_COMPLETED)
        future = self._submit(pool, job)
        awaited: list[Future[Any]] = [future, job.given_up]
        done = wait(awaited, self._limits.minutes * 60, FIRST_COMPLETED).done
        if future in done and job.given_up not in done:
            self._end(job, future.result())
            return
        if not done:
            self._end(job, Outcome(f"took longer than {self._limits.minutes:g} minutes, and was given up"))
        raise _Ended

    def _end(self, job: Job, outcome: Outcome) -> None:
        if outcome.defect:
            log.warning("an upload failed: %s", outcome.error)
        with self._changed:
            job.error = outcome.error
            self._move(job, State.DONE if outcome.error is None else State.FAILED)

    def _first(self) -> Job | None:
        """The job that came first."""
        waiting = [job for job in self._jobs.values() if job.state is State.WAITING]
        return min(waiting, key=lambda job: job.arrived, default=None)

    def _move(self, job: Job, state: State) -> None:
        job.state, job.since = state, monotonic()


class _Ended(SystemExit):
    """The worker process has to end. No Exception, so that the pool ends it and does not wait for it."""


def _delete(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def job_queue(
    limits: Limits,
    model: Path | None = None,
    device: str = "auto",
    run: Work = work,
    prepare: Callable[[Path | None, str, int], None] = warm,
    workers: int = 1,
) -> Iterator[Jobs]:
    """A queue that works, for the block; nothing of its uploads and results is left after it.

    model, device: as of `slt translate`. run: what is done with each, in a worker process. prepare: what such a process
    does before the first; it is also told how many there are. workers: processes.
    """
    with private_folder() as folder:

        def task(job: Job) -> Task:
            return Task(job.source, job.name, limits.seconds, model, device)

        jobs = Jobs(folder, limits, task, run)
        begin = partial(prepare, model, device, workers)
        threads = [threading.Thread(target=jobs.serve, args=(begin,), name=f"jobs {k}") for k in range(workers)]
        threads.append(threading.Thread(target=jobs.sweeping, name="sweep"))
        for thread in threads:
            thread.start()
        try:
            yield jobs
        finally:
            jobs.close()
            for thread in threads:
                thread.join()
