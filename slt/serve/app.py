"""The server's addresses. No part of an address is ever a path: what can be asked for is looked up in tables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from skeletor.support.errors import SkeletorError, as_input_error, one_line
from skeletor.support.progress import log
from skeletor.support.version import version
from slt.serve.guard import Guard
from slt.serve.jobs import Full, Job, Jobs, State
from slt.serve.limits import Limits
from slt.serve.names import disposition, shown_name
from slt.serve.uploads import TooLarge, check_request, receive
from slt.serve.work import RESULTS, SCENE

# address -> where its file lies in the package, and its kind
_PAGES = {
    "/": ("slt.serve", "index.html", "text/html; charset=utf-8"),
    "/app.js": ("slt.serve", "app.js", "text/javascript; charset=utf-8"),
    "/app.css": ("slt.serve", "app.css", "text/css; charset=utf-8"),
    "/viewer.js": ("slt.viewer", "viewer.js", "text/javascript; charset=utf-8"),
    "/viewer.css": ("slt.viewer", "viewer.css", "text/css; charset=utf-8"),
}


@dataclass(frozen=True)
class About:
    """What the page says of the server. rendered: its model knows invented signs only."""

    rendered: bool = False
    local: bool = True


def make_app(jobs: Jobs, limits: Limits, about: About | None = None, names: Sequence[str] = ()) -> Starlette:
    """The application. names: by which it may be called, beside its addresses and localhost."""
    routes = [Route(address, _page(*place), methods=["GET"]) for address, place in _PAGES.items()]
    api = _Api(jobs, limits, about or About())
    routes += [
        Route("/api/about", api.about, methods=["GET"]),
        Route("/api/jobs", api.upload, methods=["POST"]),
        Route("/api/jobs/{key}", api.status, methods=["GET"]),
        Route("/api/jobs/{key}", api.give_up, methods=["DELETE"]),
        Route("/api/jobs/{key}/{name}", api.result, methods=["GET"]),
    ]
    handlers = {HTTPException: _refused, SkeletorError: _failed, OSError: _failed, Exception: _defect}
    app = Starlette(routes=routes, exception_handlers=handlers, middleware=[Middleware(Guard, names=names)])
    app.router.redirect_slashes = False  # an address is there, or it is not
    return app


def _page(package: str, name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    """The handler of a page, which is read once."""
    content = (files(package) / "static" / name).read_bytes()

    async def page(_: Request) -> Response:
        return Response(content, media_type=kind)

    return page


class _Api:
    """The handlers of `/api`."""

    def __init__(self, jobs: Jobs, limits: Limits, about: About) -> None:
        self._jobs, self._limits, self._about = jobs, limits, about

    async def about(self, _: Request) -> Response:
        """What is taken, and by what."""
        limits = self._limits
        told = {"megabytes": limits.megabytes, "seconds": limits.seconds, "keep": limits.keep}
        about = {"version": version(), "rendered": self._about.rendered, "local": self._about.local}
        return JSONResponse(told | about)

    async def upload(self, request: Request) -> Response:
        """Take a file; its key is the answer. The body is its bytes, `?name=` what it is called."""
        check_request(request, self._limits)
        job = self._jobs.begin(shown_name(request.query_params.get("name", "")))
        try:
            await receive(request, job.source, self._limits)
        except BaseException:  # a request that is broken off is cancelled, which is no Exception
            self._jobs.give_up(job)
            raise
        self._jobs.uploaded(job)
        return JSONResponse({"key": job.key, "name": job.name}, 201)

    async def status(self, request: Request) -> Response:
        """How far a job is."""
        return JSONResponse(await run_in_threadpool(self._jobs.status, self._find(request)))

    async def give_up(self, request: Request) -> Response:
        """Break a job off, or delete what came of it."""
        await run_in_threadpool(self._jobs.give_up, self._find(request))
        return Response(status_code=204)

    async def result(self, request: Request) -> Response:
        """One of the results."""
        job, name = self._find(request), request.path_params["name"]
        kind = "application/json" if name == SCENE else RESULTS.get(name)
        if job.state is not State.DONE or kind is None:
            raise HTTPException(404)
        content = await run_in_threadpool(_content, job.folder / name)
        suffix = "." + name.rpartition(".")[2]
        saved = {} if name == SCENE else {"Content-Disposition": disposition(job.name, suffix)}
        return Response(content, media_type=kind, headers=saved)

    def _find(self, request: Request) -> Job:
        job = self._jobs.find(request.path_params["key"])
        if job is None:
            raise HTTPException(404)
        return job


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # deleted since, or there are no subtitles of what was not understood
        raise HTTPException(404) from None


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = "there is nothing at this address (any more)" if error.status_code == 404 else str(error.detail)
    return JSONResponse({"error": text}, error.status_code, error.headers)


async def _failed(_: Request, error: Exception) -> Response:
    """Bad input, a full queue, a full disk. What the system refuses is told without its path."""
    if isinstance(error, OSError):
        log.warning("an upload failed: %s", one_line(error))
        known = as_input_error(OSError(error.errno, error.strerror or "the disk cannot be used"))
        return JSONResponse({"error": one_line(known or error)}, 507)
    status = 503 if isinstance(error, Full) else 413 if isinstance(error, TooLarge) else 400
    return JSONResponse({"error": one_line(error)}, status)


async def _defect(_: Request, error: Exception) -> Response:
    log.warning("unexpected %s: %s", type(error).__name__, one_line(error))
    return JSONResponse({"error": "the server has a defect; its log tells more"}, 500)
