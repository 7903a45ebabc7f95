"""Pools of worker processes that never outlive the process that started them."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker, util
from multiprocessing.context import SpawnContext, SpawnProcess
from time import monotonic
from types import FrameType
from typing import Any, TypeVar

from skeletor.support.signals import Ended, end_with_parent

T = TypeVar("T")
_GRACE = 3.0  # seconds for a worker that is told to end: to remove what it was writing


@contextmanager
def worker_pool(workers: int, initializer: Callable[[], None] | None = None) -> Iterator[ProcessPoolExecutor]:
    """A pool of freshly spawned worker processes, for the block.

    If the block ends well, all tasks that were submitted are finished. If it raises an Exception, tasks that have not
    begun are cancelled, the others finished. If it is broken off (Ctrl-C, `Ended`, a closed generator), the workers are
    terminated, and killed 3 seconds later if they still run. If this process is killed, the system kills them: they are
    bound to the thread that submits the first task, which has to live as long as the block. Ctrl-C does not reach them.

    initializer: called in each worker before its first task.
    """
    context = _Context()
    with _unheard():
        pool = _Pool(workers, context, _begin, (os.getpid(), initializer))
    try:
        try:
            yield pool
        except Exception:
            _end_if_broken(pool, context)
            pool.shutdown(cancel_futures=True)
            raise
        _end_if_broken(pool, context)
        pool.shutdown()
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        end_workers(context.started)
        pool.shutdown()
        raise


def _end_if_broken(pool: ProcessPoolExecutor, context: _Context) -> None:
    """A pool that breaks ends the workers that it knows, and waits for all: one that was just being started would be
    waited for without end."""
    if pool._broken:
        for process in context.started:
            process.terminate()


def end_workers(processes: Sequence[SpawnProcess]) -> None:
    """Terminate processes, wait 3 seconds in all, and kill those that still run."""
    for process in processes:
        process.terminate()
    deadline = monotonic() + _GRACE
    for process in processes:
        process.join(max(0.0, deadline - monotonic()))
    for process in processes:
        if process.is_alive():
            process.kill()
            process.join()


class _Pool(ProcessPoolExecutor):
    """A pool whose tasks can be broken off by SIGTERM, as if a signal had ended a program of its own."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """See the base class."""
        return super().submit(_breakable, fn, *args, **kwargs)

    def map(
        self, fn: Callable[..., T], *iterables: Iterable[Any], timeout: float | None = None, chunksize: int = 1
    ) -> Iterator[T]:
        """As the base class's with chunks of 1, but it cancels nothing when it is broken off: the end of a worker would
        then be an error in the pool's own thread."""
        futures = deque(self.submit(fn, *arguments) for arguments in zip(*iterables, strict=False))

        def results() -> Iterator[T]:
            while futures:
                yield futures.popleft().result(timeout)

        return results()

    def _spawn_process(self) -> None:
        """As the base class's, whose thread was woken before the worker began, and does not know of it yet: its death
        would be noticed with the next result of another, or never."""
        super()._spawn_process()  # type: ignore[misc]
        self._executor_manager_thread_wakeup.wakeup()


class _Context(SpawnContext):
    """multiprocessing's "spawn", which keeps a list of what it has started."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[SpawnProcess] = []

    def Process(self, *args: Any, **kwargs: Any) -> SpawnProcess:  # type: ignore[override]
        """Called by the pool for each worker."""
        process = _Process(*args, **kwargs)
        self.started.append(process)
        return process


class _Process(SpawnProcess):
    """A process that does not hear the terminal's signals, not even before its first line of Python runs."""

    def start(self) -> None:
        """See the base class."""
        with _unheard():
            super().start()


@contextmanager
def _unheard() -> Iterator[None]:
    """Processes that this thread starts within the block never hear Ctrl-C, nor that the terminal is closed: what is
    blocked here is handed down to them. So does multiprocessing's own helper, its tracker of semaphores.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        resource_tracker.ensure_running()  # first: it unblocks SIGINT, which it ignores itself
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parent: int, initializer: Callable[[], None] | None) -> None:
    """In a worker, first of all."""
    end_with_parent(parent)
    signal.signal(signal.SIGTERM, _end)
    if initializer is not None:
        initializer()


def _end(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # once: what it raises has to be put in order
    raise Ended(number)


def _breakable(fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """In a worker: a task. Told to end, it leaves in good order, and the worker with it: the pool would go on."""
    try:
        return fn(*args, **kwargs)
    except Ended as end:
        # Semaphores of libraries (tqdm has one): the tracker would warn of each that is left.
        util._run_finalizers(0)  # type: ignore[attr-defined]
        os._exit(int(end.code or 0))
