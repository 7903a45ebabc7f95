"""Cancelled at every stage, and ended at every stage: no process, no file is left, and the queue goes on."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.hardening.case import Case, Context, Outcome, Suite
from tests.hardening.suites.serve import good, talk
from tests.hardening.suites.serve.service import GONE, PATIENCE, Service, serving, tried, until

STAGES = ("models", "video", "repair", "files")  # as the worker tells them
TIMES = 3  # that each is cancelled
_LONG = 1500  # frames of poses whose work takes seconds
_TRIES = 4
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)


def suite() -> Suite:
    """The suite."""
    return Suite("server: cancel", "no process, no file left; the queue goes on", _cases, parallel=False)


def _cases(context: Context) -> Iterator[Case]:
    yield Case("cancelled", lambda: _cancelled(context))
    ends = [(where, number) for where in ("idle", "in an upload", "at work", "with a queue") for number in _SIGNALS]
    for where, number in context.sample(ends, "ends"):
        name = f"{number.name} {where}"
        yield Case(name, lambda w=where, n=number, name=name: [tried(name, partial(_ended, context, w, n))])  # type: ignore[misc]


def _cancelled(context: Context) -> Iterator[Outcome]:
    clips = context.folder("clips")
    plan: list[tuple[str, Callable[[Service], str]]] = [
        ("in the upload", partial(_broken_off, clips)), ("while it waits", partial(_waiting, clips)),
        ("when it is done", partial(_done, clips)), ("twice at once", partial(_twice, clips)),
        ("right after the upload", partial(_at_once, clips)), ("after it failed", _failed),
    ]  # fmt: skip
    plan += [(f"at {stage!r}", partial(_running, clips, stage)) for stage in STAGES]
    tries = [(f"{name}, {k}", check) for k in range(TIMES) for name, check in plan]
    with serving(context, "cancelled") as service:
        for name, check in context.sample(tries, "cancelled"):
            yield tried(name, partial(_cleanly, service, check))
        yield tried("a good video at the end", lambda: service.translated("v.mp4", good.video(clips)))
        yield from service.verdict()


def _cleanly(service: Service, check: Callable[[Service], str]) -> str:
    """What is wrong with a cancel, or what it leaves, or ""."""
    problem = check(service)
    if problem:
        return problem
    until(lambda: not service.files(), GONE, "files go")
    most = os.cpu_count() or 1
    until(lambda: len(service.workers()) <= most, GONE, "no more workers than cores")
    return ""


def _broken_off(clips: Path, service: Service) -> str:
    """The connection is closed when half of the file is there."""
    content = good.poses(clips, _LONG)
    whole = talk.upload(service.port, "a.safetensors", content)
    with socket.create_connection(("127.0.0.1", service.port)) as line:
        line.sendall(whole[: len(whole) // 2])
        until(lambda: bool(service.files()), PATIENCE, "the first bytes are there")
    return ""


def _waiting(clips: Path, service: Service) -> str:
    """One that waits goes; the one before it is done."""
    first, second = (service.sent(f"{k}.safetensors", good.poses(clips, _LONG)) for k in range(2))
    if problem := _delete(service, second):
        return problem
    told = service.finished(first)
    return _delete(service, first) if told.get("state") == "done" else f"the one before it ends as {told}"


def _done(clips: Path, service: Service) -> str:
    key = service.sent("a.safetensors", good.poses(clips))
    told = service.finished(key)
    return _delete(service, key) if told.get("state") == "done" else f"ends as {told}"


def _failed(service: Service) -> str:
    key = service.sent("a.mp4", b"no video")
    told = service.finished(key)
    return _delete(service, key) if told.get("state") == "failed" else f"ends as {told}"


def _at_once(clips: Path, service: Service) -> str:
    return _delete(service, service.sent("v.mp4", good.video(clips)))


def _twice(clips: Path, service: Service) -> str:
    """Two at a time: one deletes, the other finds nothing, or both are told so."""
    key = service.sent("v.mp4", good.video(clips))
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(service.ask("DELETE", f"/api/jobs/{key}").status))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return "" if set(found) <= {204, 404} and 204 in found else f"answers {found}"


def _running(clips: Path, stage: str, service: Service) -> str:
    """It is at that stage of the work; the process that did it ends."""
    for _ in range(_TRIES):
        key = service.sent("a.safetensors", good.poses(clips, _LONG))
        state = _until_at(service, key, stage)
        before = service.workers()
        problem = _delete(service, key)
        if problem or state == "running":
            if not problem:
                until(partial(_all_ended, service, before), GONE, "the process that was at work ends")
            return problem
    return f"never seen at {stage!r}"


def _all_ended(service: Service, processes: set[int]) -> bool:
    return not processes & service.workers()


def _until_at(service: Service, key: str, stage: str) -> str:
    """Wait for a stage, or a later one; the state then."""
    told: dict[str, object] = {}

    def there() -> bool:
        told.clear()
        told.update(service.status(key))
        progress = told.get("progress")
        what = progress.get("what") if isinstance(progress, dict) else None
        return told.get("state") != "waiting" and (
            told.get("state") != "running" or what in STAGES[STAGES.index(stage) :]
        )

    until(there, PATIENCE, f"it is at {stage!r}", 0.005)
    return str(told.get("state"))


def _delete(service: Service, key: str) -> str:
    answer = service.ask("DELETE", f"/api/jobs/{key}")
    after = service.ask("GET", f"/api/jobs/{key}").status
    return "" if answer.status == 204 and after == 404 else f"deleted: {answer.status}; asked for again: {after}"


def _ended(context: Context, where: str, number: signal.Signals) -> str:
    """The server itself is ended."""
    clips = context.folder("clips")
    with serving(context, f"ended {where} {number.name}") as service, socket.socket() as line:
        if where == "in an upload":
            whole = talk.upload(service.port, "a.safetensors", good.poses(clips, _LONG))
            line.connect(("127.0.0.1", service.port))
            line.sendall(whole[: len(whole) // 2])
            until(lambda: bool(service.files()), PATIENCE, "the first bytes are there")
        if where in ("at work", "with a queue"):
            keys = [
                service.sent("a.safetensors", good.poses(clips, _LONG)) for _ in range(1 if where == "at work" else 4)
            ]
            _until_at(service, keys[0], "video")
        return service.end(number)
