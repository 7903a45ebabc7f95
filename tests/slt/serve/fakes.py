"""Work that stands in for the models, and a server that does it. What an upload is called says what becomes of it."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from skeletor.files.plain_json import to_json
from skeletor.support.errors import InputError
from slt.serve.app import About, make_app
from slt.serve.jobs import Jobs, job_queue
from slt.serve.limits import Limits
from slt.serve.server import address, bound, web_server
from slt.serve.work import PROGRESS, RESULTS, SCENE, Outcome, Task

PATIENCE = 60.0


def nothing(model: Path | None, device: str, workers: int) -> None:
    """Instead of loading models."""


def work(task: Task) -> Outcome:
    """stuck...: never ends. dies...: ends the process. bad...: an error. unsure...: not understood. Else a result.

    model: a folder with the scenes to show, if the viewer is to be seen (`write_scenes`).
    """
    folder, name = task.source.parent, task.name
    (folder / PROGRESS).write_text(json.dumps({"what": "frames", "done": 3, "total": 10}))
    if name.startswith("stuck"):
        threading.Event().wait(600)
    if name.startswith("dies"):
        os._exit(9)
    if name.startswith("bad"):
        return Outcome(f"{name}: cannot be read as a video")
    content = hashlib.sha256(task.source.read_bytes()).hexdigest()
    which = "unsure.json" if name.startswith("unsure") else "sure.json"
    shown = json.loads((task.model / which).read_text()) if task.model else {}
    (folder / SCENE).write_text(json.dumps(shown | {"name": name}))
    for one in RESULTS:
        (folder / one).write_text(f"{one} of {name}, {content}")
    return Outcome()


def write_scenes(folder: Path) -> Path:
    """The scenes of a clip that was understood in part, and of one that was not; the folder."""
    from tests.slt.viewer.scenes import recording, scene

    result = recording()
    gaps = tuple(replace(one, text=None, reason="too few signs were known") for one in result.sentences)
    unsure = replace(result, sentences=gaps, reason="not one of its 2 segments was understood")
    for name, one in (("sure", result), ("unsure", unsure)):
        (folder / f"{name}.json").write_text(to_json(scene("clip.mp4", one)))
    return folder


def until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for something that another thread does."""
    pause, deadline = threading.Event(), monotonic() + seconds
    while not true():
        assert monotonic() < deadline, "it never became true"
        pause.wait(0.02)


@contextmanager
def queue(limits: Limits | None = None, scenes: Path | None = None, workers: int = 1) -> Iterator[Jobs]:
    """A queue that does that work."""
    with job_queue(limits or Limits(), scenes, run=work, prepare=nothing, workers=workers) as jobs:
        yield jobs


@dataclass(frozen=True)
class Running:
    """A server in a thread of this process."""

    address: str
    jobs: Jobs
    connections: Callable[[], int]


@contextmanager
def running(jobs: Jobs, limits: Limits | None = None, about: About | None = None) -> Iterator[Running]:
    """A server on a free port of 127.0.0.1, for the block."""
    with bound("127.0.0.1", 0) as door:
        server = web_server(make_app(jobs, limits or Limits(), about))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        try:
            until(lambda: server.started)
            yield Running(address(door), jobs, lambda: len(server.server_state.connections))
        finally:
            server.should_exit = True
            thread.join()


def refused(code: Callable[[], object]) -> str:
    """The line of the InputError that is raised."""
    try:
        code()
    except InputError as error:
        return str(error)
    raise AssertionError("it was not refused")
