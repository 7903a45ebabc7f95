"""Fifty uploads at once: each is taken, or told to come later; each gets the result of its own file."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.hardening.case import Case, Context, Outcome, Suite
from tests.hardening.suites.serve import good
from tests.hardening.suites.serve.service import Service, serving, tried

FULL = 50
_VIDEO_EVERY = 10
_FRAMES = 16  # of the shortest; each file has a length of its own
_PATIENCE = 1500.0
_SLOWEST = 60.0  # seconds in which the page answers meanwhile, on a busy machine


def suite() -> Suite:
    """The suite."""
    return Suite("server: 50 uploads at once", "all done, each its own result; 0 server errors", _cases, parallel=False)


def _cases(context: Context) -> Iterator[Case]:
    yield Case("server: 50 uploads at once", lambda: _check(context))


def _check(context: Context) -> Iterator[Outcome]:
    count, clips = max(8, context.count(FULL)), context.folder("clips")
    files = [_file(clips, k) for k in range(count)]
    with serving(context, "crowd") as service:
        with ThreadPoolExecutor(count + 1) as pool:
            done = threading.Event()
            slowest = pool.submit(_watch, service, done)
            gate = threading.Barrier(count)
            outcomes = [pool.submit(_one, service, gate, k, file) for k, file in enumerate(files)]
            yield from [outcome.result() for outcome in outcomes]
            done.set()
            took = slowest.result()
        yield Outcome("the page meanwhile", f"answered after {took:.1f} s" if took > _SLOWEST else "")
        kept = service.files()
        yield Outcome("what was deleted", f"{len(kept)} files are kept" if kept else "")
        yield from service.verdict()


def _file(folder: Path, number: int) -> tuple[str, bytes, int]:
    """Name, content and frames of an upload."""
    frames = _FRAMES + number
    if number % _VIDEO_EVERY == 0:
        frames = _FRAMES + number // _VIDEO_EVERY  # a rendered signer signs no longer than 38
        return f"video {number}.mp4", good.video(folder, number % 5, frames), frames
    return f"clip {number}.safetensors", good.poses(folder, frames), frames


def _one(service: Service, gate: threading.Barrier, number: int, file: tuple[str, bytes, int]) -> Outcome:
    name, content, frames = file

    def check() -> str:
        gate.wait(_PATIENCE)
        answer = service.send(name, content, _PATIENCE)
        if answer.status != 201:
            return f"not taken: {answer.status} {answer.error}"
        key = str(answer.json()["key"])
        told = service.finished(key, _PATIENCE, pause=1.0)  # as often as the page asks
        if told.get("state") != "done":
            return f"ends as {told}"
        scene = service.ask("GET", f"/api/jobs/{key}/scene.json").json()
        service.ask("DELETE", f"/api/jobs/{key}")
        if told.get("name") != name or scene.get("name") != name or scene.get("frames") != frames:
            return f"the result of another: {told.get('name')}, {scene.get('name')}, {scene.get('frames')} frames"
        return ""

    return tried(f"upload {number}", check)


def _watch(service: Service, done: threading.Event) -> float:
    """The longest that the page took to answer, in seconds."""
    slowest = 0.0
    while not done.wait(0.5):
        begin = time.monotonic()
        answer = service.ask("GET", "/api/about")
        slowest = max(slowest, time.monotonic() - begin if answer.status == 200 else 999.0)
    return slowest
