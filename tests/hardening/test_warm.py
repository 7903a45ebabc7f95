"""Workers that are forked do what spawned ones do, and have of their parent only what was imported."""

import os
import signal

from skeletor.support.workers import worker_pool
from tests.hardening.children import Server
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
