"""HTTP as no library would send it: bytes as they are, and whatever comes back."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

KIND = "application/octet-stream"
CLOSED = 0


@dataclass(frozen=True)
class Answer:
    """status: CLOSED if the connection was closed without a word."""

    status: int = CLOSED
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def json(self) -> dict[str, Any]:
        """The body; empty if it is no object."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def error(self) -> str:
        """The line that says why not."""
        return str(self.json().get("error", ""))


def head(
    method: str, target: str | bytes, port: int, headers: Iterable[tuple[str, str]] = (), host: bool = True
) -> bytes:
    """The first lines of a request."""
    place = target if isinstance(target, bytes) else target.encode("utf-8", "surrogateescape")
    lines = [*([("Host", f"127.0.0.1:{port}")] if host else []), *headers]
    text = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return method.encode() + b" " + place + b" HTTP/1.1\r\n" + text.encode("utf-8", "surrogateescape") + b"\r\n"


def request(
    method: str, target: str | bytes, port: int, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
) -> bytes:
    """A whole request, after which the connection is closed."""
    length = [("Content-Length", str(len(body)))] if body or method in ("POST", "PUT") else []
    return head(method, target, port, [*headers, *length, ("Connection", "close")]) + body


def upload(port: int, name: str, content: bytes) -> bytes:
    """The request of the page that sends a file."""
    asked = quote(name.encode("utf-8", "surrogatepass"), safe="")
    return request("POST", f"/api/jobs?name={asked}", port, [("Content-Type", KIND)], content)


def exchange(
    port: int, pieces: Iterable[bytes], seconds: float = 60.0, pause: float = 0.0, method: str = "GET"
) -> Answer:
    """Send pieces, with a pause after each, until the other side says something; give its answer.

    Raises TimeoutError if it says nothing in so many seconds after the last one.
    """
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as line:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                line.sendall(piece)
                if pause:
                    line.settimeout(pause)
                    with contextlib.suppress(TimeoutError):
                        line.recv(1, socket.MSG_PEEK)
                        break
                    line.settimeout(seconds)
        line.settimeout(seconds)
        response = http.client.HTTPResponse(line, method=method)
        try:
            response.begin()
            body = response.read()
        except (http.client.HTTPException, ConnectionError):
            return Answer(seconds=time.monotonic() - begin)
        finally:
            response.close()
    return Answer(response.status, body, dict(response.getheaders()), time.monotonic() - begin)
