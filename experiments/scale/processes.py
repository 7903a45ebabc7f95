"""Processes as Linux counts them: who has begun whom, their memory, their CPU seconds."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> list[int]:
    """Processes that a process has begun, and those that they have begun, and so on."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):  # the process, or a thread of it, ended meanwhile
        for task in (Path("/proc") / str(pid) / "task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def resident(pid: int) -> int:
    """Bytes of memory, 0 if the process has ended."""
    try:
        return int((Path("/proc") / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def most_resident(pid: int) -> int:
    """The most bytes of memory that it has had since its program began, 0 if the process has ended."""
    try:
        lines = (Path("/proc") / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def cpu_seconds(pid: int) -> float:
    """Of a process and all below it, with those of its children that have ended."""
    total = 0.0
    for one in (pid, *descendants(pid)):
        try:
            fields = (Path("/proc") / str(one) / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        total += sum(map(int, fields[11:15])) / _TICKS  # utime, stime, and the same of ended children
    return total


class Counted:
    """CPU seconds of a process and all below it in a block, also of those that end in it.

    They are looked at five times a second, for not every parent keeps the count of a child that has ended (Ray's do
    not); what a process does after the last look at it is missed. The looking itself is not counted.
    """

    def __init__(self, pid: int) -> None:
        self._pid, self._over = pid, threading.Event()
        self._own = 0.0
        self._seen: dict[tuple[int, str], float] = {}
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Counted:
        self._before = self._look()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        self._seen |= self._look()

    @property
    def seconds(self) -> float:
        """After the block."""
        return sum(cpu - self._before.get(who, 0.0) for who, cpu in self._seen.items()) - self._own

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            self._seen |= self._look()
        self._own = time.thread_time()

    def _look(self) -> dict[tuple[int, str], float]:
        """Seconds by process id and time of birth."""
        found = {}
        for pid in (self._pid, *descendants(self._pid)):
            try:
                fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # ended meanwhile
                continue
            found[pid, fields[19]] = sum(map(int, fields[11:13])) / _TICKS
        return found


def command_of(pid: int) -> str:
    """The command line, "" if the process has ended."""
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
