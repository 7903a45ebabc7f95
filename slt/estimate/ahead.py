"""2D poses made in worker processes while the caller is still loading models, or busy with the clips before."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from skeletor.errors import InputError, SkeletorError
from skeletor.pose import PoseSequence
from slt.estimate.pool import Outcome, Task, run_tasks

if TYPE_CHECKING:
    from slt.estimate import EstimateConfig


class Ahead:
    """Calling it with a source waits for that source's pose, and raises what its estimation raised."""

    def __init__(self, tasks: Mapping[str, Task], workers: int) -> None:
        self._futures: dict[str, Future[PoseSequence]] = {name: Future() for name in tasks}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._collect, args=(tasks, workers), daemon=True)
        self._thread.start()

    def __call__(self, source: Path) -> PoseSequence:
        """The pose of one of the sources."""
        return self._futures[str(source)].result()

    def __contains__(self, source: Path) -> bool:
        return str(source) in self._futures

    def stop(self) -> None:
        """Give up what is not done."""
        self._stopped.set()
        if not all(future.done() for future in self._futures.values()):
            for worker in multiprocessing.active_children():
                worker.terminate()
        self._thread.join()

    def _collect(self, tasks: Mapping[str, Task], workers: int) -> None:
        try:
            with closing(run_tasks(tasks, workers, self._stopped.is_set)) as outcomes:
                for outcome in outcomes:
                    self._keep(outcome)
                    if self._stopped.is_set():
                        return
        except BaseException as error:  # whoever waits for a pose has to hear of it
            for future in self._futures.values():
                if not future.done():
                    future.set_exception(error)

    def _keep(self, outcome: Outcome) -> None:
        future = self._futures[outcome.name]
        if outcome.pose is not None:
            future.set_result(outcome.pose)
        else:
            future.set_exception(outcome.error or InputError(f"{outcome.name}: {outcome.reason}"))


@contextmanager
def estimated_ahead(sources: Sequence[Path], config: EstimateConfig, workers: int) -> Iterator[Ahead]:
    """2D poses of `sources`, made from now on in worker processes, each clip as `build_estimator(config)` makes it."""
    tasks: dict[str, Task] = {str(source): partial(_estimate, source, config) for source in sources}
    ahead = Ahead(tasks, workers)
    try:
        yield ahead
    finally:
        ahead.stop()


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _estimate(source: Path, config: EstimateConfig) -> Outcome:
    """In a worker: one clip."""
    from slt.estimate import build_estimator

    try:
        return Outcome(str(source), pose=build_estimator(config)(source))
    except SkeletorError as error:
        return Outcome(str(source), str(error), error=error)
    except Exception as error:  # a bug: the others go on, and it is told with its type
        return Outcome(str(source), f"{type(error).__name__}: {error}", error=error)
