"""Many clips at once, in worker processes: one clip a task, one file a clip.

A run over a large data set can be stopped and goes on where it was: what lies in a file is kept if it was made from
the same bytes by the same estimator. About once a minute the log tells how long the rest will take.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from skeletor.io import native
from skeletor.poses.pose import PoseSequence
from skeletor.poses.span import Span
from skeletor.support.errors import InputError, as_input_error, one_line
from skeletor.support.progress import log, progress
from skeletor.support.workers import worker_pool
from slt.estimators.base import record, source_sha256
from slt.estimators.registry import EstimateOptions, build_estimator

LOG_SECONDS = 60.0
KILLED = "its worker process died twice (out of memory, or a crash in the estimator)"


@dataclass(frozen=True)
class Job:
    """One clip to estimate: a video, folder of frames or file of poses, and the file for its pose.

    span: only that part of the source. fps: frame rate of a folder, which does not tell its own, unless the options do.
    """

    source: Path
    target: Path
    span: Span | None = None
    fps: float | None = None

    def options(self, config: EstimateOptions) -> EstimateOptions:
        """The estimator's options for this clip."""
        if self.fps is None or config.fps is not None or not self.source.is_dir():
            return config
        return config.model_copy(update={"fps": self.fps})


@dataclass(frozen=True)
class Report:
    """Outcome of `estimate_jobs`. done: names now on disk, of which `skipped` already were. failed: name -> why."""

    done: tuple[str, ...]
    failed: Mapping[str, str]
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a worker sends back for a clip: the reason if it failed, and what it logged.

    pose, error: the pose or exception itself, where the task gives them.
    """

    name: str
    reason: str | None = None
    messages: tuple[tuple[int, str], ...] = ()
    pose: PoseSequence | None = None
    error: Exception | None = None


Task = Callable[[], Outcome]  # can be pickled


def estimate_many(sources: Mapping[str, Path], config: EstimateOptions, out_dir: Path | str, workers: int) -> Report:
    """`estimate_jobs` where the result of `name` is `out_dir/<name>.safetensors`.

    Raises InputError for a name that is no file name, MissingDependency if the estimator is not installed.
    """
    out = Path(out_dir)
    for name in sources:
        if not name or Path(name).name != name or name.startswith("."):
            raise InputError(f"clip name {name!r} cannot be a file name in {out}")
    jobs = {name: Job(Path(source), out / f"{name}.safetensors") for name, source in sources.items()}
    return estimate_jobs(jobs, config, workers)


def estimate_jobs(jobs: Mapping[str, Job], config: EstimateOptions, workers: int) -> Report:
    """Estimate every source in its own task, into its own file.

    A file that is there already is kept if it was made from the same bytes by the same estimator with the same
    options, so a run that was interrupted goes on where it stopped. A source that fails is logged, is listed in the
    report, and is left for the next run to try again; a worker that dies is replaced, and its clip tried once more
    on its own. Raises MissingDependency if the estimator is not installed.
    """
    skipped = _finished(jobs, config, workers)
    if skipped:
        log.info("poses: %d of %d clips are there already", len(skipped), len(jobs))
    for folder in {job.target.parent for job in jobs.values()}:
        folder.mkdir(parents=True, exist_ok=True)
    tasks: dict[str, Task] = {
        name: partial(_estimate_one, name, job, job.options(config))
        for name, job in jobs.items()
        if name not in skipped
    }
    failed: dict[str, str] = {}
    with closing(run_tasks(tasks, workers)) as outcomes:
        for outcome in progress(outcomes, "poses", len(tasks), "clip", log_every=LOG_SECONDS):
            for level, message in outcome.messages:
                log.log(level, "%s", message)
            if outcome.reason is not None:
                failed[outcome.name] = outcome.reason
                log.warning("poses: %s left out: %s", outcome.name, outcome.reason)
    return Report(
        tuple(name for name in jobs if name not in failed),
        {name: failed[name] for name in jobs if name in failed},
        tuple(name for name in jobs if name in skipped),
    )


def estimate_here(jobs: Mapping[str, Job], config: EstimateOptions) -> None:
    """In this process: the sources that `estimate_jobs` would still have to do. One that fails is left to it."""
    _one_thread()
    there = _finished(jobs, config, 1)
    for name, job in jobs.items():
        if name not in there:
            job.target.parent.mkdir(parents=True, exist_ok=True)
            _estimate_one(name, job, job.options(config))


def _finished(jobs: Mapping[str, Job], config: EstimateOptions, workers: int) -> frozenset[str]:
    """Names of the jobs whose file holds what would be made.

    Which files of weights decide that is told by an estimator that has loaded them: it does so in another process.
    """
    if not config.files():
        return _whole(jobs, config, workers)
    with worker_pool(1) as pool:
        return pool.submit(_whole, jobs, config, workers).result()


def _whole(jobs: Mapping[str, Job], config: EstimateOptions, workers: int) -> frozenset[str]:
    """See `_finished`. In threads: it is mostly reading and hashing."""
    options = {job.options(config).fps: job.options(config) for job in jobs.values()} | {config.fps: config}
    digest = cache(source_sha256)  # parts of one recording: it is read once
    estimators = {fps: build_estimator(own) for fps, own in options.items()}

    def look(name: str) -> bool:
        job = jobs[name]
        try:
            stages = native.read_pose(job.target).provenance.stages
            estimator = estimators[job.options(config).fps]
            return bool(stages) and stages[-1] == record(estimator, digest(job.source), job.span)
        except InputError:
            return False

    there = [name for name, job in jobs.items() if job.target.exists()]
    with ThreadPoolExecutor(workers) as pool:
        kept = progress(pool.map(look, there), "poses that are there", len(there), "clip", log_every=LOG_SECONDS)
        return frozenset(name for name, whole in zip(there, kept, strict=True) if whole)


def run_tasks(
    tasks: Mapping[str, Task], workers: int, stop: Future[None] | None = None
) -> Generator[Outcome, None, None]:
    """Outcomes of all tasks, as they come. After a worker's death, the clips that were under way go one by one.

    stop: once it is done, all is given up and the workers are ended, because whoever asked is gone. The same if the
    generator is closed.
    """
    left = dict(tasks)
    stop = Future() if stop is None else stop
    while left and not stop.done():
        suspects: set[str] = set()
        for outcome in _pooled(left, min(workers, len(left)), suspects, stop):
            del left[outcome.name]
            yield outcome
        for name in sorted(suspects):
            dead: set[str] = set()
            yield from _pooled({name: left.pop(name)}, 1, dead, stop)
            if dead:
                yield Outcome(name, KILLED)


def _pooled(
    tasks: Mapping[str, Task], workers: int, suspects: set[str], stop: Future[None]
) -> Generator[Outcome, None, None]:
    """Outcomes until all is done or a worker dies; then the names of the clips under way are put into `suspects`.

    No more clips are handed out than there are workers, so that the suspects are few.
    """
    waiting = iter(list(tasks.items()))
    running: dict[Future[Outcome], str] = {}
    with suppress(_Stopped), worker_pool(workers, _one_thread) as executor:
        try:
            while True:
                for name, task in itertools.islice(waiting, workers - len(running)):
                    running[executor.submit(task)] = name
                if not running:
                    return
                awaited: list[Future[Any]] = [*running, stop]
                done = wait(awaited, return_when=FIRST_COMPLETED).done
                if stop in done:
                    raise _Stopped
                for future in done & running.keys():
                    outcome = future.result()
                    del running[future]
                    yield outcome
        except BrokenProcessPool:
            suspects.update(running.values())


class _Stopped(SystemExit):
    """Whoever asked is gone; what is under way is broken off."""


def _estimate_one(name: str, job: Job, config: EstimateOptions) -> Outcome:
    """In a worker: one clip, from its source to its file."""
    notes = _Notes()
    log.addHandler(notes)
    log.setLevel(logging.INFO)
    try:
        estimator = build_estimator(config)
        pose = estimator(job.source) if job.span is None else estimator(job.source, job.span)
    except Exception as error:
        return Outcome(name, reason(error, job.source), tuple(notes.messages))
    finally:
        log.removeHandler(notes)
    native.write_pose(pose, job.target)  # a full disk is no fault of the clip: it ends the whole
    return Outcome(name, None, tuple(notes.messages))


def reason(error: Exception, source: Path) -> str:
    """One line about why a clip failed. A defect of the program must not stop the others: it is told with its type."""
    known = as_input_error(error, source)
    return f"{source}: {type(error).__name__}: {one_line(error)}" if known is None else one_line(known)


class _Notes(logging.Handler):
    """Collects messages, since a worker's own log goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append((record.levelno, record.getMessage()))


def _one_thread() -> None:
    """Workers share the cores by clips, not by threads."""
    import cv2

    cv2.setNumThreads(1)
