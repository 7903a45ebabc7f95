"""Worker processes end with whoever started them, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from pathlib import Path

import pytest

from skeletor.support import workers
from skeletor.support.workers import worker_pool

PROGRAM = """
import sys, time
from multiprocessing import RLock
from pathlib import Path
from skeletor.files.atomic import atomic_path
from skeletor.support.command import run_command
from skeletor.support import workers
from skeletor.support.workers import worker_pool

def work(number):
    held = RLock()  # as tqdm has one, which nobody gives back
    with atomic_path(f"{number}.txt") as temporary:
        temporary.write_text("half")
        Path(f"begun-{number}").touch()
        time.sleep(60)

def both():
    with worker_pool(2) as pool:
        list(pool.map(work, range(6)))

if __name__ == "__main__":
    sys.exit(run_command(both, "x"))
"""


def session(leader: int) -> list[int]:
    """Processes of a session that still run, by Linux's /proc."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                rest = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(rest[3]) == leader and rest[0] != "Z":
                found.append(int(entry.name))
    return found


def until(true, seconds: float = 20.0) -> None:
    """Wait for it; fail if it does not come."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A command whose two workers are in the middle of a task."""
    (tmp_path / "program.py").write_text(PROGRAM)
    with subprocess.Popen(
        [sys.executable, "program.py"], cwd=tmp_path, start_new_session=True, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    ) as process:  # fmt: skip
        try:
            until(lambda: len(list(tmp_path.glob("begun-*"))) == 2)
            yield process
        finally:
            for left in session(process.pid):
                os.kill(left, signal.SIGKILL)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("to_all", [False, True])
@pytest.mark.parametrize(
    ("number", "code", "told"),
    [
        (signal.SIGKILL, -signal.SIGKILL, ""),
        (signal.SIGTERM, 143, "x: ended by SIGTERM\n"),
        (signal.SIGINT, 130, "x: interrupted\n"),
        (signal.SIGHUP, 129, "x: ended by SIGHUP\n"),
    ],
)
def test_no_process_is_left(running, tmp_path, number, code, told, to_all):
    assert len(session(running.pid)) >= 3
    if to_all:  # as a terminal does
        os.killpg(running.pid, number)
    else:
        running.send_signal(number)
    stderr = running.communicate(timeout=30)[1]
    assert running.returncode == code
    assert number == signal.SIGKILL or stderr == told  # after kill -9 the tracker of semaphores tells what it removed
    until(lambda: not session(running.pid))
    if number != signal.SIGKILL:
        assert {p.name for p in tmp_path.iterdir()} == {"program.py", "begun-0", "begun-1"}
    assert not list(tmp_path.glob("[0-9].txt"))


def test_results_errors_and_deaths_come_back():
    with worker_pool(2) as pool:
        assert list(pool.map(abs, [-1, -2, 3])) == [1, 2, 3]
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()
    with pytest.raises(BrokenProcessPool), worker_pool(1) as pool:
        pool.submit(os._exit, 9).result()


def test_a_broken_off_block_waits_for_nothing():
    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt), worker_pool(2) as pool:
        sleeping = pool.submit(time.sleep, 100)
        assert pool.submit(abs, -1).result() == 1
        raise KeyboardInterrupt
    assert sleeping.done() and time.monotonic() < before + 60


def reach(here: Path, there: Path) -> bool:
    """In a worker: be here, and see whether the other gets there."""
    here.touch()
    until(there.exists, 60)
    return True


def test_two_tasks_run_at_once(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    with worker_pool(2) as pool:
        both = [pool.submit(reach, one, other), pool.submit(reach, other, one)]
        assert all(task.result() for task in both)


def test_the_death_of_a_worker_is_noticed_while_another_is_at_work(tmp_path, monkeypatch):
    """Also if the pool's own thread waits again before it knows of that worker."""
    begun, end, waiting = tmp_path / "begun", tmp_path / "end", threading.Event()
    start, wait = workers._Process.start, connection.wait

    def seen(objects: list[object], timeout: float | None = None) -> list[object]:
        if len(objects) == 1:  # a look into a pipe
            return wait(objects, timeout)
        waiting.set()
        try:
            return wait(objects, timeout)
        finally:
            waiting.clear()

    def late(process: workers._Process) -> None:
        start(process)
        if begun.exists():
            until(lambda: waiting.is_set() and not pool._executor_manager_thread_wakeup._reader.poll())

    monkeypatch.setattr(connection, "wait", seen)
    monkeypatch.setattr(workers._Process, "start", late)
    with pytest.raises(BrokenProcessPool), worker_pool(2) as pool:
        pool.submit(reach, begun, end)
        until(begun.exists, 60)
        try:
            pool.submit(os._exit, 9).result(timeout=20)
        finally:
            end.touch()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="a pool that breaks waits for a worker that is being started")
def test_a_worker_that_is_being_started_while_the_pool_breaks_is_ended(monkeypatch):
    """The first dies, and the pool has ended all that it knows, before the second has been started."""
    start, begun = workers._Process.start, []

    def late(process: workers._Process) -> None:
        start(process)
        begun.append(process)
        if len(begun) == 2:
            begun[0].kill()
            until(lambda: pool._call_queue._reader.closed)

    monkeypatch.setattr(workers._Process, "start", late)
    hanging: list[bool] = []

    def rescue() -> None:
        hanging.append(True)
        begun[1].kill()

    rescuer = threading.Timer(40, rescue)
    rescuer.start()
    try:
        with pytest.raises(BrokenProcessPool), worker_pool(2) as pool:
            pool.submit(abs, -1).result()
            busy = pool.submit(time.sleep, 100)
            pool.submit(abs, -1)
            busy.result()
    finally:
        rescuer.cancel()
    assert len(begun) == 2 and not hanging
    assert not any(process.is_alive() for process in begun)
