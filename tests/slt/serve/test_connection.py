"""Connections that send or read next to nothing lose their place; slow ones keep it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from slt.serve import connection
from slt.serve.jobs import Jobs
from slt.serve.limits import Limits
from slt.serve.uploads import KIND
from tests.slt.serve.fakes import Running, queue, running, until

PATIENCE = 0.3
LARGE = "/viewer.js"


@pytest.fixture(scope="module", name="jobs")
def _jobs() -> Iterator[Jobs]:
    with queue(Limits(silence=5)) as jobs:
        yield jobs


@pytest.fixture(name="server")
def _server(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(connection, "PATIENCE", PATIENCE)
    with running(jobs, Limits(silence=5)) as server:
        yield server


def connected(server: Running, room: int = 1 << 16) -> socket.socket:
    host, port = server.address.removeprefix("http://").split(":")
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    line.settimeout(20)
    line.connect((host, int(port)))
    return line


def request(address: str, more: str = "") -> bytes:
    return f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}\r\n".encode()


def rest(line: socket.socket) -> bytes:
    """What comes until the other side closes."""
    content = b""
    with suppress(ConnectionResetError):  # a server that closes on bytes it has not read resets the connection
        while piece := line.recv(1 << 16):
            content += piece
    return content


@pytest.mark.parametrize("sent", [b"", request("/")[:-4], request("/api/about") + b"GET"])
def test_a_request_that_never_gets_whole_is_given_up(server: Running, sent: bytes) -> None:
    with closing(connected(server)) as line:
        line.sendall(sent)
        answers = rest(line)
    assert answers.count(b"HTTP/1.1 200") == int(b"about" in sent)


def test_a_byte_now_and_then_is_no_request(server: Running) -> None:
    with closing(connected(server)) as line:
        line.settimeout(PATIENCE / 3)
        for count in range(100):  # noqa: B007 - how far it came
            try:
                line.sendall(b"G")
                if line.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    assert 0 < count < 50


def test_the_rest_of_an_upload_that_was_refused_does_not_hold_the_connection(server: Running) -> None:
    head = b"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999999999\r\n\r\n"
    with closing(connected(server)) as line:
        line.sendall(head)
        assert rest(line).startswith(b"HTTP/1.1 400")


def test_who_does_not_read_is_broken_off(server: Running) -> None:
    with closing(connected(server, 4096)) as line:
        line.sendall(request(LARGE) * 400)  # more than the system keeps of what is not read
        until(lambda: server.connections() == 1)
        until(lambda: server.connections() == 0)


def test_who_reads_slowly_gets_all(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 1.0)
    pause, content = threading.Event(), b""
    with closing(connected(server)) as line:
        line.sendall(request(LARGE) * 99 + request(LARGE, "Connection: close\r\n"))
        while piece := line.recv(1 << 17, socket.MSG_WAITALL):
            content += piece
            pause.wait(0.1)
    assert content.count(b"HTTP/1.1 200") == 100


@pytest.mark.parametrize("what", ["upload", "answer"])
def test_the_server_ends_without_a_word_while_somebody_sends_or_does_not_read(
    jobs: Jobs, what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    head = (
        f"POST /api/jobs?name=a.mp4 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {KIND}\r\nContent-Length: 99\r\n\r\n"
    )
    with running(jobs, Limits()) as server, closing(connected(server, 4096)) as line:
        line.sendall(head.encode() + b"x" if what == "upload" else request(LARGE) * 400)
        until((lambda: folders(jobs) == 1) if what == "upload" else (lambda: line.recv(1, socket.MSG_PEEK)))
    assert capfd.readouterr().err == "" and folders(jobs) == 0


def folders(jobs: Jobs) -> int:
    return len([path for path in jobs._folder.iterdir() if path.is_dir()])
