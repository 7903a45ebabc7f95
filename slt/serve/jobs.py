"""The queue: one upload is worked on at a time, in a worker process that has the models loaded.

An upload lies in a folder of its own below one that only this user may read, until its work is done; its results until
they are `limits.keep` minutes old, or are given up. What is given up under way is broken off with its process.
"""

from __future__ import annotations

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
    """One upload. key: what its owner alone knows. since: when its state began, by the monotonic clock."""

    key: str
    name: str
    folder: Path
    source: Path
    state: State = State.UPLOADING
    error: str | None = None
    since: float = field(default_factory=monotonic)
    given_up: Future[None] = field(default_factory=Future)


class Jobs:
    """The uploads of one server; see `job_queue`."""

    def __init__(self, folder: Path, limits: Limits, task: Callable[[Job], Task], run: Work) -> None:
        self._folder, self._limits, self._task, self._run = folder, limits, task, run
        self._jobs: dict[str, Job] = {}
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
                    one.state is State.RUNNING or (one.state is State.WAITING and one.since < job.since)
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
        """In a thread of its own: work on one job after the other, until `close`. prepare: what a new process does."""
        while not self._closing:
            try:
                with suppress(_Ended, BrokenProcessPool), worker_pool(1) as pool:
                    ready = pool.submit(prepare)
                    while True:
                        self._next(pool, ready)
            except Exception as error:  # no process can be started: others may end meanwhile
                log.warning("the worker process: %s", one_line(as_input_error(error) or error))
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, _PAUSE)

    def _next(self, pool: ProcessPoolExecutor, ready: Future[None]) -> None:
        """Wait for a job and do it. Raises `_Ended` if the process has to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._first() is not None)
            job = self._first()
            if self._closing or job is None:
                raise _Ended
            self._move(job, State.RUNNING)
        try:
            self._work_on(pool, ready, job)
        except BrokenProcessPool:
            self._end(job, Outcome(_DIED, defect=True))
            raise
        except Exception as error:
            self._end(job, Outcome(one_line(as_input_error(error) or error), defect=True))
            raise
        finally:
            if job.given_up.done():
                _delete(job.folder)
            else:
                job.source.unlink(missing_ok=True)  # what was sent is not needed any more

    def _work_on(self, pool: ProcessPoolExecutor, ready: Future[None], job: Job) -> None:
        first: list[Future[Any]] = [ready, job.given_up]
        wait(first, return_when=FIRST_COMPLETED)
        failed = ready.done() and not ready.cancelled() and ready.exception()
        if failed and not isinstance(failed, BrokenProcessPool):
            log.warning("the models cannot be loaded: %s", failed)
        future = pool.submit(self._run, self._task(job))
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
        """The job that has waited longest."""
        waiting = [job for job in self._jobs.values() if job.state is State.WAITING]
        return min(waiting, key=lambda job: job.since, default=None)

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
    prepare: Callable[[Path | None, str], None] = warm,
) -> Iterator[Jobs]:
    """A queue that works, for the block; nothing of its uploads and results is left after it.

    model, device: as of `slt translate`. run: what is done with each, in the worker process. prepare: what that process
    does before the first.
    """
    with private_folder() as folder:

        def task(job: Job) -> Task:
            return Task(job.source, job.name, limits.seconds, model, device)

        jobs = Jobs(folder, limits, task, run)
        threads = [
            threading.Thread(target=jobs.serve, args=(partial(prepare, model, device),), name="jobs"),
            threading.Thread(target=jobs.sweeping, name="sweep"),
        ]
        for thread in threads:
            thread.start()
        try:
            yield jobs
        finally:
            jobs.close()
            for thread in threads:
                thread.join()
