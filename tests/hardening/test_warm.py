"""Workers that are forked do what spawned ones do, and have of their parent only what was imported."""

import os
import signal
from io import StringIO
from pathlib import Path
from threading import Event, Thread

from tqdm import tqdm

from skeletor.support.workers import worker_pool
from tests.hardening import endings
from tests.hardening.children import Server
from tests.hardening.server import begin_anew
from tests.hardening.warm import fork_workers

_seen: list[str] = []


def pooled(source: int) -> list[tuple[int, list[str], bool, bool]]:
    """What two tasks find in workers of this process, which has a pipe open."""
    fork_workers()
    _seen.append("parent")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with worker_pool(1) as pool:
        return [pool.submit(look, source).result() for _ in range(2)]


def look(source: int) -> tuple[int, list[str], bool, bool]:
    """Parent, what it has left here, whether its pipe is shut, and whether SIGTERM ends this process."""
    shut = os.readlink(f"/proc/self/fd/{source}") == os.devnull
    return os.getppid(), _seen, shut, callable(signal.getsignal(signal.SIGTERM))


def drawn() -> int:
    """What a worker gives that draws a bar, forked while a thread of this process draws one."""
    fork_workers()
    taken, done = Event(), Event()

    def draw() -> None:
        with tqdm.get_lock():  # type: ignore[no-untyped-call]
            taken.set()
            done.wait(60)

    with worker_pool(1) as pool:
        thread = Thread(target=draw)
        thread.start()
        taken.wait(60)
        try:
            return pool.submit(bar).result(30)
        finally:
            done.set()
            thread.join()


def bar() -> int:
    """The number of ticks of a bar."""
    return sum(1 for _ in tqdm(range(3), disable=False, file=StringIO()))


def parent() -> int:
    """Process id of the server."""
    return os.getpid()


def pipe() -> int:
    """A pipe that stays open; the number of its end."""
    return os.pipe()[0]


def test_a_forked_worker_is_a_fresh_one_that_has_imported_what_its_parent_has() -> None:
    server = Server(())
    try:
        pid, source = server.call(parent).value, server.call(pipe).value
        found = server.call(pooled, source).value
    finally:
        server.close()
    assert found == [(pid, ["parent"], True, True)] * 2


def test_a_worker_that_is_forked_while_a_bar_is_drawn_draws_its_own() -> None:
    server = Server(("tqdm",))
    try:
        assert server.call(drawn).value == 3
    finally:
        server.close()


def test_a_command_that_begins_anew_is_heard_of_when_it_hears_signals(tmp_path: Path) -> None:
    server = Server(("slt.cli",))
    argv = ["live", "nothing.ts", "--wait", "60"]
    os.mkfifo(tmp_path / "nothing.ts")
    try:
        running = server.start("slt", argv, tmp_path, tmp_path / "log", (begin_anew, ("slt", argv)))
        assert running.hears(signal.SIGTERM)
        running.signal(signal.SIGTERM)
        done = running.end(60)
        assert endings.wrong_ending(done, 143) == "" and "ended by SIGTERM" in done.err
        assert not running.hears(signal.SIGTERM), "it has ended"
    finally:
        server.close()
