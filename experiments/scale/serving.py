"""Many uploads at once to `slt serve`: none lost, begun in the order of arrival, memory bounded.

Seen from outside: the command is started, and asked over HTTP as the page asks. Memory is what the system counts.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request as Asked
from urllib.request import urlopen

from pydantic import Field

from experiments.report import table, write_files
from experiments.request import Request
from experiments.scale.clips import short_clips
from experiments.scale.processes import cpu_seconds, descendants, resident
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.inference.chain import SHIPPED

_LOOK = 1.0  # seconds between two looks at the states, or at memory
_PATIENCE = 3600.0
_ENDED = ("done", "failed")


class ServingConfig(Config):
    """uploads: at once. workers: of each server. killed: servers of two workers, of which one is killed at work, are
    tried too. clips: different ones, of so many frames. model: folder, by default the one that comes along."""

    uploads: int = Field(50, ge=2, le=200)
    workers: list[int] = Field([1, 2])
    killed: bool = True
    clips: int = Field(10, ge=1)
    frames: int = Field(12, ge=4)
    model: Path = SHIPPED


@dataclass
class Seen:
    """What was seen of a server. first, last: memory of the largest worker, in bytes, at a quarter and at the end."""

    name: str
    done: int = 0
    failed: list[str] = field(default_factory=list)
    wrong: int = 0  # answers that are not of the clip that was sent
    looks: int = 0
    disorder: int = 0  # looks at which a later one had begun before an earlier one
    seconds: float = 0.0
    cpu: float = 0.0
    server: int = 0
    worker: int = 0
    first: int = 0
    last: int = 0


def make(request: Request, config: ServingConfig) -> None:
    """All servers one after the other, and the table."""
    clips = short_clips(config.clips, config.frames, request.work / "clips")
    tried = [(f"{count} worker{'s' * (count > 1)}", count, False) for count in config.workers]
    tried += [("2 workers, one killed", 2, True)] * config.killed
    found = []
    for name, workers, kill in tried:
        seen = serve_all(Seen(name), config, clips, workers, kill)
        log.info("%s", seen)
        found.append(seen)
    values = {**request.about(config, None), "cores": os.cpu_count(), "rows": [asdict(seen) for seen in found]}
    write_files(request.results, request.name, page(found, config, request.command), values)


def page(found: Sequence[Seen], config: ServingConfig, command: str) -> str:
    """The table."""
    head = ["slt serve", "done", "failed, in one line", "lost", "begun out of order", "wall", "CPU", "server, at most",
            "a worker, at most", "at a quarter", "at the end"]  # fmt: skip
    rows = [
        [seen.name, f"{seen.done}", f"{len(seen.failed)}", f"{config.uploads - seen.done - len(seen.failed)}",
         f"{seen.disorder} of {seen.looks} looks", f"{seen.seconds:.0f} s", f"{seen.cpu:.0f} s",
         *(f"{size / 2**20:.0f} MB" for size in (seen.server, seen.worker, seen.first, seen.last))]
        for seen in found
    ]  # fmt: skip
    wrong = sum(seen.wrong for seen in found)
    note = (f"{config.uploads} uploads at once, {config.clips} rendered clips of {config.frames} frames; {wrong} got "
            f"another's result. {os.cpu_count()} cores. Made by `{command}`.")  # fmt: skip
    return "\n".join([*table(head, rows), "", note]) + "\n"


def serve_all(seen: Seen, config: ServingConfig, clips: Sequence[Path], workers: int, kill: bool) -> Seen:
    """Send all uploads to a new server, and watch until each has ended. kill: one worker, in the midst of them."""
    with server(config, workers) as (process, address), ThreadPoolExecutor(config.uploads) as pool:
        begin, before = time.monotonic(), cpu_seconds(process.pid)
        sent = list(pool.map(lambda k: upload(address, k, clips[k % len(clips)]), range(config.uploads)))
        arrived = in_order(address, sent)
        watch(seen, process.pid, address, arrived, kill)
        seen.seconds, seen.cpu = time.monotonic() - begin, cpu_seconds(process.pid) - before
        for number, key in enumerate(sent):
            told = ask(f"{address}/api/jobs/{key}")
            if told["state"] == "failed":
                seen.failed.append(told["error"])
            elif told["state"] == "done":
                seen.done += 1
                seen.wrong += ask(f"{address}/api/jobs/{key}/result.json")["source"] != name_of(number)
    return seen


@contextmanager
def server(config: ServingConfig, workers: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and its address."""
    command = [sys.executable, "-m", "slt", "serve", "--port", "0", "--workers", str(workers), "--device", "cpu",
               "--max-waiting", str(config.uploads), "--keep-minutes", "600", "--model", str(config.model)]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        found = re.match(r"http://\S+", process.stdout.readline())
        if found is None:
            raise InputError("slt serve did not start")
        yield process, found[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        process.stdout.close()


def name_of(number: int) -> str:
    """What an upload is called."""
    return f"upload{number}.mp4"


def upload(address: str, number: int, clip: Path) -> str:
    """Send one; its key."""
    asked = Asked(f"{address}/api/jobs?name={name_of(number)}", clip.read_bytes(), method="POST")
    asked.add_header("Content-Type", "application/octet-stream")
    with urlopen(asked, timeout=_PATIENCE) as answer:
        key: str = json.load(answer)["key"]
        return key


def ask(address: str) -> dict[str, Any]:
    """What is answered."""
    with urlopen(address, timeout=_PATIENCE) as answer:
        told: dict[str, Any] = json.load(answer)
        return told


def in_order(address: str, keys: Sequence[str]) -> list[str]:
    """The keys in the order of arrival, from what each is told to be before it; at a time at which none begins."""
    for _ in range(100):
        told = {key: ask(f"{address}/api/jobs/{key}") for key in keys}
        again = {key: ask(f"{address}/api/jobs/{key}")["state"] for key in keys}
        if all(told[key]["state"] == state for key, state in again.items()):
            waiting = [key for key in keys if told[key]["state"] == "waiting"]
            return [key for key in keys if key not in waiting] + sorted(waiting, key=lambda key: told[key]["before"])
    raise InputError("the uploads end too quickly to see in which order they came; take longer clips")


def watch(seen: Seen, pid: int, address: str, arrived: Sequence[str], kill: bool) -> None:
    """Look until all have ended. The last is looked at first: if one has begun, all before it must have."""
    pause, sizes, deadline = threading.Event(), list[int](), time.monotonic() + _PATIENCE
    states: dict[str, str] = {}
    unknown = sum(ask(f"{address}/api/jobs/{key}")["state"] != "waiting" for key in arrived)
    while not all(state in _ENDED for state in states.values()) or not states:
        states = {key: ask(f"{address}/api/jobs/{key}")["state"] for key in reversed(arrived)}
        begun = [states[key] != "waiting" for key in arrived[unknown:]]
        seen.looks += 1
        seen.disorder += begun != sorted(begun, reverse=True)
        workers = [resident(one) for one in descendants(pid)]
        sizes.append(max(workers, default=0))
        seen.server, seen.worker = max(seen.server, resident(pid)), max(seen.worker, sizes[-1])
        ended = sum(state in _ENDED for state in states.values())
        seen.first = seen.first if ended > len(arrived) // 4 else sizes[-1]
        if kill and ended >= len(arrived) // 4:
            victim = max(descendants(pid), key=resident)
            log.info("worker %d is killed", victim)
            os.kill(victim, signal.SIGKILL)
            kill = False
        if time.monotonic() > deadline:
            break
        pause.wait(_LOOK)
    seen.last = sizes[-1]
