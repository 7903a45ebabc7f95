"""Too much of everything: bytes, names, headers, parts, patience. Refused in time, with memory and disk capped."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

from tests.hardening.case import Case, Context, Outcome, Suite
from tests.hardening.suites.serve import good, talk
from tests.hardening.suites.serve.service import Service, serving, tried, until
from tests.hardening.suites.serve.talk import CLOSED, KIND, Answer

MEGABYTES = 2
SIZE = MEGABYTES * 1_000_000
CONNECTIONS = 260  # more than the server holds
_IN_TIME = 300.0  # seconds; an upload that says nothing is given up after 30
_QUICK = 120.0  # seconds, on a busy machine
_LINE = [("Content-Type", KIND)]
_TEN = b"a\r\n0123456789\r\n0\r\n\r\n"
_PATH = "/api/jobs?name=a.mp4"
Check = Callable[[Service], str]


def suite() -> Suite:
    """The suite."""
    return Suite(
        "server: oversized", "refused in time; memory and disk capped; 0 server errors", _cases, parallel=False
    )


def _cases(context: Context) -> Iterator[Case]:
    yield Case("server: oversized", lambda: _check(context))


def _check(context: Context) -> Iterator[Outcome]:
    clip = good.poses(context.folder("clips"))
    with serving(context, "oversized", "--max-mb", str(MEGABYTES)) as service:
        quick = [*_lengths(), *_bodies(), *_heads(), *_odd()]
        for name, check in [*context.sample(quick, "oversized"), *(_slow() if context.share == 1 else [])]:
            yield tried(name, partial(check, service))
            yield tried(f"the page after {name}", lambda: _answers(service))
        yield tried("a good one in pieces of unknown length", lambda: _chunked_good(service, clip))
        yield tried("a good one at the end", lambda: service.translated("good.safetensors", clip))
        yield tried("nothing is kept", lambda: _nothing_kept(service))
        yield from service.verdict()


def _lengths() -> list[tuple[str, Check]]:
    """What is said of the length, with ten bytes sent."""
    wrong = (
        str(SIZE + 1),
        "9" * 30,
        "9" * 5000,
        "-1",
        "+10",
        "1e3",
        "0x10",
        "",
        " ",
        "10, 11",
        "ten",
        "1.0",
        "٣",
    )
    made: list[tuple[str, Check]] = [
        (f"length {value[:20]!r}", partial(_refused, [("Content-Length", value)], b"x" * 10, False)) for value in wrong
    ]
    twice = [("Content-Length", "10"), ("Content-Length", "11")]
    made.append(("two lengths", partial(_refused, twice, b"x" * 10, False)))
    both = [("Content-Length", "10"), ("Transfer-Encoding", "chunked")]
    made.append(("length and chunks", partial(_refused, both, b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n", False)))
    for coding in ("gzip", "gzip, chunked", "identity", "chunked, chunked", "\x0bchunked", "xchunked"):
        made.append((f"coding {coding!r}", partial(_refused, [("Transfer-Encoding", coding)], _TEN, False)))
    made.append(("a length above what comes", partial(_refused, [("Content-Length", "1000")], b"x" * 10, True)))
    made.append(("a length below what comes", _longer_than_said))
    return made


def _bodies() -> list[tuple[str, Check]]:
    """Bodies of unknown length."""
    chunked = [("Transfer-Encoding", "chunked")]
    block = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    made: list[tuple[str, Check]] = [
        ("chunks without end", partial(_stream, chunked, [block] * 400)),
        ("chunks of a byte", partial(_stream, chunked, [b"1\r\nx\r\n" * 5000] * 500)),
        ("a chunk of 2^64 bytes", partial(_stream, chunked, [b"ffffffffffffffff\r\n", *[b"x" * 65536] * 100])),
        ("a chunk of -1 bytes", partial(_refused, chunked, b"-1\r\nx", False)),
        ("a chunk of no number", partial(_refused, chunked, b"zz\r\nx", False)),
        ("an extension of 5 MB", partial(_stream, chunked, [b"1;", *[b"a" * 65536] * 80])),
        ("trailers of 5 MB", partial(_stream, chunked, [b"1\r\nx\r\n0\r\n", *[b"A: " + b"a" * 60000 + b"\r\n"] * 80])),
        ("more than said may be sent", partial(_stream, [("Content-Length", str(SIZE * 9))], [b"x" * 65536] * 300)),
        ("100,000 parts", _many_parts),
    ]  # fmt: skip
    return made


def _heads() -> list[tuple[str, Check]]:
    """Names, headers and first lines."""
    many = [(f"X-{k}", "a" * 10) for k in range(20_000)]
    heads: dict[str, Callable[[int], bytes]] = {
        "a name of 60 kB": lambda p: talk.upload(p, "n" * 60_000 + ".mp4", b""),
        "a name of 1 MB": lambda p: talk.upload(p, "n" * 1_000_000 + ".mp4", b"x" * 10),
        "20,000 values": lambda p: talk.request("POST", "/api/jobs?" + "name=a&" * 8000, p, _LINE),
        "an address of 1 MB": lambda p: talk.request("GET", "/" + "a" * 1_000_000, p),
        "a header of 1 MB": lambda p: talk.request("GET", "/", p, [("X-A", "a" * 1_000_000)]),
        "20,000 headers": lambda p: talk.request("GET", "/", p, many),
        "a key of 60 kB": lambda p: talk.request("GET", "/api/jobs/" + "k" * 60_000, p),
        "a method of 60 kB": lambda p: talk.request("G" * 60_000, "/", p),
        "a host of 60 kB": lambda p: b"GET / HTTP/1.1\r\nHost: " + b"h" * 60_000 + b"\r\n\r\n",
        "a cookie of 60 kB": lambda p: talk.request("GET", "/nothing", p, [("Cookie", "a=" + "b" * 60_000)]),
        "an origin of 60 kB": lambda p: talk.request("GET", "/", p, [("Origin", "http://" + "o" * 60_000)]),
        "an origin that is no address": lambda p: talk.request("GET", "/", p, [("Origin", "http://[")]),
        "a host that is no address": lambda p: b"GET / HTTP/1.1\r\nHost: [\r\n\r\n",
    }
    return [(name, partial(_raw, make)) for name, make in heads.items()]


def _odd() -> list[tuple[str, Check]]:
    """What is no request of HTTP 1.1."""
    odd = {
        "no host": b"GET / HTTP/1.1\r\n\r\n",
        "two hosts": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: localhost\r\n\r\n",
        "HTTP/0.9": b"GET /\r\n", "HTTP/9.9": b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"r" * 100,
        "noise": bytes(range(256)) * 40, "line ends alone": b"\r\n" * 50_000, "zeros": bytes(100_000),
        "a folded header": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: b\r\n c\r\n\tX\r\nB : c\r\n\r\n",
        "a header without a name": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n: x\r\n\r\n",
        "a space before the colon": b"POST /api/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length : 5\r\n\r\nhello",
        "expect": b"POST /api/jobs?name=a.mp4 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: " + KIND.encode()
                  + b"\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n",
        "an unknown expectation": b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: everything\r\n\r\n",
        "upgrade": b"GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
                   b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        "connect": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "trace": b"TRACE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    }  # fmt: skip
    return [(name, partial(_raw, partial(_as_it_is, content))) for name, content in odd.items()]


def _slow() -> list[tuple[str, Check]]:
    """Who sends, or reads, a little and then nothing: half a minute each."""
    return [
        ("a body that stops", _stopped), ("many bodies that stop", _many_stopped),
        ("a head a byte a second", _slow_head),
        (f"{CONNECTIONS} heads that stop", _many_heads), (f"{CONNECTIONS} who do not read", _unread),
    ]  # fmt: skip


def _refused(headers: list[tuple[str, str]], body: bytes, closes: bool, service: Service) -> str:
    """An upload that is not taken. closes: its sender stops there."""
    first = talk.head("POST", _PATH, service.port, [*_LINE, *headers])
    if closes:
        with socket.create_connection(("127.0.0.1", service.port)) as line:
            line.sendall(first + body)
        return ""
    return _no(service.exchange([first + body], _IN_TIME, method="POST"))


def _stream(headers: list[tuple[str, str]], pieces: list[bytes], service: Service) -> str:
    first = talk.head("POST", _PATH, service.port, [*_LINE, *headers])
    return _no(service.exchange([first, *pieces], _IN_TIME, method="POST")) or _room(service)


def _raw(make: Callable[[int], bytes], service: Service) -> str:
    """A request as it is: refused, or answered with what is no error, and in time."""
    try:
        answer = service.exchange([make(service.port)], _IN_TIME)
    except TimeoutError:
        return f"no answer in {_IN_TIME:g} s"
    return service.leaks(answer) or ("" if answer.status < 500 else f"answered with {answer.status}")


def _as_it_is(content: bytes, port: int) -> bytes:
    return content


def _no(answer: Answer) -> str:
    """Refused, in words or by closing."""
    return "" if answer.status == CLOSED or 400 <= answer.status < 500 else f"answered with {answer.status}"


def _longer_than_said(service: Service) -> str:
    """What follows the ten bytes is another request, or none; it is not part of the file."""
    first = talk.head("POST", _PATH, service.port, [*_LINE, ("Content-Length", "10")])
    answer = service.exchange([first + b"x" * 5000], _IN_TIME, method="POST")
    if answer.status == 201:
        service.finished(str(answer.json()["key"]))
        service.ask("DELETE", f"/api/jobs/{answer.json()['key']}")
        return ""
    return _no(answer)


def _many_parts(service: Service) -> str:
    part = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.mp4"\r\n\r\nx\r\n'
    first = talk.head("POST", _PATH, service.port, [("Content-Type", "multipart/form-data; boundary=x"),
                                                    ("Content-Length", str(100_000 * len(part)))])  # fmt: skip
    return _no(service.exchange([first, *[part * 1000] * 100], _IN_TIME, method="POST"))


def _chunked_good(service: Service, clip: bytes) -> str:
    """A body without a length is taken, if it is small enough."""
    first = talk.head("POST", "/api/jobs?name=a.safetensors", service.port, [*_LINE, ("Transfer-Encoding", "chunked")])
    pieces = [clip[k : k + 1000] for k in range(0, len(clip), 1000)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    answer = service.exchange([first + body], method="POST")
    if answer.status != 201:
        return f"answered with {answer.status} {answer.error}"
    told = service.finished(str(answer.json()["key"]))
    service.ask("DELETE", f"/api/jobs/{answer.json()['key']}")
    return "" if told.get("state") == "done" else f"ends as {told}"


def _stopped(service: Service) -> str:
    first = talk.head("POST", _PATH, service.port, [*_LINE, ("Content-Length", "1000")])
    answer = service.exchange([first + b"x" * 10], _IN_TIME, method="POST")
    return "" if answer.status in (400, 408) else f"answered with {answer.status}"


def _many_stopped(service: Service) -> str:
    """They hold all places of the queue, but not for long."""
    first = talk.head("POST", _PATH, service.port, [*_LINE, ("Content-Length", "1000")]) + b"x" * 10
    with _lines(service, 40, first):
        until(lambda: service.send("a.mp4", b"no video", 1).status == 201, _IN_TIME, "another upload is taken", 1)
    return ""


def _slow_head(service: Service) -> str:
    """Given up before all of it is there."""
    pieces = [b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ", *[b"a"] * int(_IN_TIME)]
    answer = service.exchange(pieces, _QUICK, pause=1.0)
    return (
        "" if answer.status in (CLOSED, 400, 408) and answer.seconds < _IN_TIME - 5 else f"held {answer.seconds:.0f} s"
    )


def _many_heads(service: Service) -> str:
    """More than the server has connections; it goes on for others after a while."""
    with _lines(service, CONNECTIONS, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"):
        until(lambda: _status(service) == 200, _IN_TIME, "others are answered", 1)
    return ""


def _unread(service: Service) -> str:
    """They ask for more than the system keeps for them, and read nothing; others are answered after a while."""
    asked = talk.head("GET", "/viewer.js", service.port) * 400
    with _lines(service, CONNECTIONS, asked):
        until(lambda: _status(service) == 200, _IN_TIME, "others are answered", 1)
    return _room(service)


@contextlib.contextmanager
def _lines(service: Service, count: int, sent: bytes) -> Iterator[None]:
    """So many connections that have sent that, and wait."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            line = stack.enter_context(socket.socket())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.settimeout(5)
            with contextlib.suppress(OSError):
                line.connect(("127.0.0.1", service.port))
                line.settimeout(0.2)
                line.sendall(sent)
        yield


def _status(service: Service) -> int:
    try:
        return service.exchange([talk.request("GET", "/api/about", service.port)], 10).status
    except OSError:
        return CLOSED


def _answers(service: Service) -> str:
    begin = time.monotonic()
    until(lambda: _status(service) == 200, _QUICK, "the page answers", 0.5)
    return "" if time.monotonic() - begin < _QUICK else "late"


def _room(service: Service) -> str:
    """Whether what is on disk stays within what all uploads together may have."""
    size = sum(path.stat().st_size for path in service.files())
    return f"{size} bytes on disk" if size > 21 * SIZE else ""


def _nothing_kept(service: Service) -> str:
    """Of uploads that were not taken; jobs of the tries end by themselves."""
    rest = threading.Event()
    deadline = time.monotonic() + 60
    while (kept := [p for p in service.files() if p.name.startswith("upload")]) and time.monotonic() < deadline:
        rest.wait(0.5)
    return f"{len(kept)} uploads are kept" if kept else ""
