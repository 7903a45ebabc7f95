"""2D poses made in worker processes while the caller is still loading models, or busy with the clips before.

A picture on which an estimator aborts, or for which the memory does not do, ends a worker and not the batch.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path

from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError, SkeletorError, as_input_error
from skeletor.support.progress import shown
from slt.estimators.pool import Outcome, Task, reason, run_tasks
from slt.estimators.registry import EstimateOptions, build_estimator

_BEGINS = 5.0  # seconds in which a thread that was started begins
MOST_WORKERS = 8  # unless more are asked for: each takes 400 MB


class Ahead:
    """Calling it with a source waits for that source's pose, and raises what its estimation raised.

    A pose is given away once: what was taken is not kept, and is not in here any more.
    """

    def __init__(self, tasks: Mapping[str, Task], workers: int) -> None:
        self._futures: dict[str, Future[PoseSequence]] = {name: Future() for name in tasks}
        self._stop: Future[None] = Future()
        self._thread = threading.Thread(target=self._collect, args=(tasks, workers), name="ahead", daemon=True)
        self._asked, self._begun = False, threading.Event()

    def start(self) -> Ahead:
        """Begin; gives itself. A signal may break this off: `stop` stops what has begun by then."""
        self._asked = True
        self._thread.start()
        return self

    def __call__(self, source: Path) -> PoseSequence:
        """The pose of one of the sources."""
        try:
            return self._futures[str(source)].result()
        finally:
            del self._futures[str(source)]

    def __contains__(self, source: Path) -> bool:
        return str(source) in self._futures

    def stop(self) -> None:
        """Give up what is not done."""
        self._stop.set_result(None)
        if self._asked and self._begun.wait(_BEGINS):
            self._thread.join()

    def _collect(self, tasks: Mapping[str, Task], workers: int) -> None:
        self._begun.set()
        waiting = dict(self._futures)
        try:
            with closing(run_tasks(tasks, workers, self._stop)) as outcomes:
                for outcome in outcomes:
                    _keep(waiting.pop(outcome.name), outcome)
        except BaseException as error:  # whoever waits for a pose has to hear of it
            for future in waiting.values():
                future.set_exception(error)


def _keep(future: Future[PoseSequence], outcome: Outcome) -> None:
    if outcome.pose is not None:
        future.set_result(outcome.pose)
    elif outcome.error is not None:
        future.set_exception(outcome.error)
    else:
        future.set_exception(InputError(f"{outcome.name}: {outcome.reason}"))


@contextmanager
def estimated_ahead(sources: Sequence[Path], config: EstimateOptions, workers: int) -> Iterator[Ahead]:
    """2D poses of `sources`, made from now on in worker processes, each clip as `build_estimator(config)` makes it."""
    alone = len(sources) == 1
    tasks: dict[str, Task] = {str(source): partial(_estimate, source, config, alone) for source in sources}
    ahead = Ahead(tasks, workers)
    try:
        yield ahead.start()
    finally:
        ahead.stop()


def ahead_of(
    inputs: Sequence[Path], config: EstimateOptions, workers: int | None
) -> AbstractContextManager[Ahead | None]:
    """Poses of the videos among a command's inputs from worker processes, begun at once; None if none are needed.

    workers: None is one a core, at most 8; 0 leaves all to the caller's process. Other estimators than MediaPipe
    take a whole machine each, or only read files.
    """
    if workers is not None and workers < 0:
        raise InputError(f"--workers {workers}: give a number of processes, or 0 for none")
    videos = [path for path in dict.fromkeys(inputs) if os.path.exists(path)]
    count = min(usable_cores(), MOST_WORKERS) if workers is None else workers
    if config.name != "mediapipe" or not videos or count < 1:
        return nullcontext()
    return estimated_ahead(videos, config, min(count, len(videos)))


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _estimate(source: Path, config: EstimateOptions, alone: bool) -> Outcome:
    """In a worker: one clip. alone: the only one, whose frames are shown as a bar on the terminal."""
    try:
        with shown() if alone else nullcontext():
            return Outcome(str(source), pose=build_estimator(config)(source))
    except SkeletorError as error:
        return Outcome(str(source), str(error), error=error)
    except Exception as error:  # a defect is told with its type; the others go on
        return Outcome(str(source), reason(error, source), error=as_input_error(error, source) or error)
