"""A queue and a server whose work (`tests.slt.serve.work`) stands in for the models."""

from __future__ import annotations

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
from tests.slt.serve.work import nothing, work

PATIENCE = 60.0


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
