"""Processes as Linux counts them: who has begun whom, their memory, their CPU seconds."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> list[int]:
    """Processes that a process has begun, and those that they have begun, and so on."""
    found: list[int] = []
    try:
        for task in (Path("/proc") / str(pid) / "task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    except OSError:  # ended meanwhile
        pass
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
        except OSError:
            continue
        total += sum(map(int, fields[11:15])) / _TICKS  # utime, stime, and the same of ended children
    return total


def command_of(pid: int) -> str:
    """The command line, "" if the process has ended."""
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
