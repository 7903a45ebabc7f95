"""Binding to an address, and answering there until the program is ended."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from skeletor.support.errors import InputError, as_input_error
from slt.serve.app import About, make_app
from slt.serve.connection import Connection, Server
from slt.serve.jobs import job_queue
from slt.serve.limits import Limits

_CONNECTIONS = 200  # at once; more are told to come later
_UNREAD = 128 << 10  # bytes that the system keeps for a slow reader; behind more, `Connection` sees no progress
_IDLE, _FAREWELL = 5, 2  # seconds that a silent connection is kept, and that open answers have at the end


def serve(
    host: str,
    port: int,
    limits: Limits,
    about: About,
    model: Path | None,
    device: str,
    names: Sequence[str] = (),
    workers: int = 1,
) -> None:
    """Serve the page at http://host:port until Ctrl-C; prints its address once it is there. port 0: any free one.

    names: see `slt.serve.guard.Guard`. workers: processes that work on recordings. Raises InputError if the address
    cannot be had.
    """
    with bound(host, port) as door, job_queue(limits, model, device, workers=workers) as jobs:
        server = web_server(make_app(jobs, limits, about, [host, *names]))
        print(f"{address(door)}  (Ctrl-C ends it)", flush=True)
        server.run(sockets=[door])


def web_server(app: Starlette) -> Server:
    """What speaks HTTP for the application, within its limits."""
    config = uvicorn.Config(
        app, log_level="error", access_log=False, server_header=False, lifespan="off", ws="none", http=Connection,
        loop="asyncio", limit_concurrency=_CONNECTIONS, timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_FAREWELL, proxy_headers=False,
    )  # fmt: skip
    return Server(config)


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises InputError if it cannot."""
    try:
        family, kind, proto, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        door = socket.socket(family, kind, proto)
        try:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD)  # of its connections, too
            door.bind(place)
            door.listen(128)
        except BaseException:
            door.close()
            raise
        return door
    except socket.gaierror as error:
        raise InputError(f"--host {host}: no such address ({error.strerror})") from error
    except OSError as error:
        reason = error.strerror or as_input_error(error)
        raise InputError(f"{host}:{port}: cannot be listened at ({reason}); choose another --port") from error


def address(door: socket.socket) -> str:
    """What to open in a browser."""
    host, port = door.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_local(host: str) -> bool:
    """Whether only this machine reaches that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
