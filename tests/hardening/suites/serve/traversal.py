"""Paths through every address and every value: what comes out is a page or a result, and never another file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from tests.hardening.case import Case, Context, Outcome, Suite
from tests.hardening.suites.serve.good import poses
from tests.hardening.suites.serve.service import Service, serving, tried
from tests.hardening.suites.serve.talk import KIND, Answer

_PAGES = ("/", "/app.js", "/app.css", "/viewer.js", "/viewer.css", "/api/about")
_RESULTS = (
    "result.json", "sentences.txt", "subtitles.srt", "subtitles.vtt", "annotation.eaf", "poses.safetensors",
    "poses.pose", "scene.json",
)  # fmt: skip
_UP = (
    "../", "..%2f", "%2e%2e/", "%2e%2e%2f", "%252e%252e%252f", "..%255c", "..\\", "..%5c", "%c0%ae%c0%ae%c0%af",
    "..%c0%af", "%u002e%u002e%u2215", "%ef%bc%8e%ef%bc%8e%ef%bc%8f", "..;/", "....//", "..%00/", ".%2e/", "%2e./",
    "/%2e%2e/", "..%09/", "..%0d%0a/", "%e2%80%a6%2f", "..%e2%88%95", "..//", "./../", "%f8%80%80%80%ae./",
)  # fmt: skip
_WHERE = ("secret.txt", "etc/passwd", "slt/serve/app.py", "upload.safetensors")
_ABSOLUTE = (
    "/etc/passwd", "%2fetc%2fpasswd", "//etc/passwd", "file:///etc/passwd", "file:%2f%2f%2fetc%2fpasswd",
    "~/.ssh/id_rsa", "C:\\windows\\win.ini", "\\\\127.0.0.1\\share\\x", "/proc/self/environ", "/proc/self/fd/3",
    "/dev/stdin", "%00", ".", "..", "", "%", "%zz", "*", "progress.json", "upload.safetensors", "result.json%00.txt",
    "result.json/", "RESULT.JSON", "result.json%20", "result.json::$DATA", "scene.json/../upload.safetensors", "con",
    "nul", "__init__.py", "app.py",
)  # fmt: skip
_HEADERS = (
    "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Forwarded-Host", "X-Sendfile", "Range", "Referer",
)  # fmt: skip
_SHOWN = re.compile(r"[/\\\x00-\x1f\x7f]")
_DEEP = 6


def suite() -> Suite:
    """The suite."""
    return Suite("server: path traversal", "0 bytes of the machine's files out", _cases, parallel=False)


def _cases(context: Context) -> Iterator[Case]:
    yield Case("server: path traversal", lambda: _check(context))


def _check(context: Context) -> Iterator[Outcome]:
    with serving(context, "traversal", "--max-waiting", "200") as service:
        clip = poses(context.folder("clips"))
        key = service.sent("good.safetensors", clip)
        yield tried("a good file first", lambda: "" if service.finished(key).get("state") == "done" else "not done")
        known = {service.ask("GET", page).body for page in _PAGES}
        known |= {service.ask("GET", f"/api/jobs/{key}{name}").body for name in ("", *(f"/{one}" for one in _RESULTS))}
        for method, target in context.sample(addresses(key), "addresses"):
            yield tried(f"{method} {target[:80]}", lambda m=method, t=target: _address(service, m, t, known))  # type: ignore[misc]
        for name, value in context.sample(_header_values(), "headers"):
            yield tried(f"{name}: {value[:60]}", lambda n=name, v=value: _header(service, n, v, known))  # type: ignore[misc]
        for name in context.sample(names(), "names"):
            yield tried(f"named {name[:60]!r}", lambda n=name: _named(service, n))  # type: ignore[misc]
        for name in context.sample(names(), "good names")[:6]:
            yield tried(f"good, named {name[:60]!r}", lambda n=name: _saved(service, f"{n}.safetensors", clip))  # type: ignore[misc]
        still = service.status(key).get("state")
        yield Outcome("the first one's results are still there", "" if still == "done" else f"{still}")
        yield from service.verdict()


def paths() -> list[str]:
    """Parts of addresses that lead elsewhere, if they were ever made a path."""
    return [f"{up * _DEEP}{where}" for up in _UP for where in _WHERE] + list(_ABSOLUTE)


def addresses(key: str) -> list[tuple[str, str]]:
    """Method and target of every request that is tried."""
    made = [("GET", f"{prefix}{path}") for path in paths() for prefix in ("/", "/api/jobs/", f"/api/jobs/{key}/")]
    made += [("GET", f"{prefix}/{path}") for path in paths() for prefix in ("/app.js", f"/api/jobs/{key}/result.json")]
    made += [(method, f"/api/jobs/{path}") for path in paths() for method in ("DELETE", "HEAD", "PUT")]
    made += [("GET", path) for path in paths() if path]  # no slash before it, or a whole address
    made += [("GET", f"/api/jobs/{key}?name={path}") for path in _ABSOLUTE]
    made += [("GET", f"http://127.0.0.1/{path}") for path in paths()[:40]]
    return made


def names() -> list[str]:
    """What an upload may be called by who wishes us ill."""
    made = [f"{up * _DEEP}{where}" for up in ("../", "..\\", "..%2f", "．．／", "..∕", "..\0/") for where in _WHERE]
    made += [
        "/etc/passwd",
        "C:\\x.mp4",
        "\0",
        "a\0.mp4",
        "a\r\nSet-Cookie: x=1.mp4",
        "\r\n\r\n<script>",
        "..",
        ".",
        "~",
        "",
    ]
    made += ["a" * 5000 + ".mp4", "‮4pm.exe", "\ud800.mp4", '"; filename="x.exe', "a\u2028b.mp4", "-rf", "$(id).mp4"]
    made += ["`id`.mp4", "a;b|c&d.mp4", "%s%n%x.mp4", "{0.__class__}.mp4", "<img src=x onerror=alert(1)>.mp4", "a.mp4/"]
    return made


def _header_values() -> list[tuple[str, str]]:
    places = ("/etc/passwd", "../../../../etc/passwd", "/api/jobs/../../secret.txt", "bytes=0-99999999999")
    return [(name, place) for name in _HEADERS for place in places]


def _address(service: Service, method: str, target: str, known: set[bytes]) -> str:
    return _judge(service, service.ask(method, target.encode("utf-8")), known)


def _header(service: Service, name: str, value: str, known: set[bytes]) -> str:
    return _judge(service, service.ask("GET", "/app.css", [(name, value)]), known)


def _judge(service: Service, answer: Answer, known: set[bytes]) -> str:
    leak = service.leaks(answer)
    if leak:
        return leak
    if 400 <= answer.status < 500:
        return ""
    if answer.status == 200 and (answer.body in known or not answer.body):
        return ""
    return f"answered with {answer.status}, {len(answer.body)} bytes"


def _named(service: Service, name: str) -> str:
    """A bad file of that name: refused, or shown under a harmless one; nothing is made outside the server's folder."""
    before = _outside(service)
    target = f"/api/jobs?name={quote(name.encode('utf-8', 'surrogatepass'), safe='')}"
    answer = service.ask("POST", target, [("Content-Type", KIND)], b"no video " * 20)
    told = _taken(service, answer, name)
    return told or ("" if _outside(service) == before else "a file was made elsewhere")


def _saved(service: Service, name: str, content: bytes) -> str:
    """A good file of that name: its results are saved under a harmless one."""
    answer = service.send(name, content)
    told = _taken(service, answer, name)
    if told or answer.status != 201:
        return told or f"a good file is not taken: {answer.status} {answer.error}"
    for one in _RESULTS[:-1]:
        result = service.ask("GET", f"/api/jobs/{answer.json()['key']}/{one}")
        saved = dict(result.headers).get("content-disposition", "")
        if result.status == 200 and (not saved.startswith('attachment; filename="') or _SHOWN.search(saved)):
            return f"{one} is saved as {saved!r}"
        if result.status not in (200, 404) or service.leaks(result):
            return service.leaks(result) or f"{one}: {result.status}"
    return ""


def _taken(service: Service, answer: Answer, name: str) -> str:
    """What is wrong with how an upload was answered, and ended, or ""."""
    if answer.status == 400 and answer.error:
        return service.leaks(answer)
    if answer.status != 201:
        return f"{answer.status}, not taken and not refused"
    shown = str(answer.json().get("name"))
    if _SHOWN.search(shown) or not 0 < len(shown) <= 80:
        return f"shown as {shown!r}"
    told = service.finished(str(answer.json()["key"]))
    if told.get("state") == "failed":
        text = str(told.get("error"))
        if str(service.temporary) in text or "unexpected" in text or len(text.splitlines()) != 1:
            return f"its error: {text!r}"
    return "" if told.get("state") in ("failed", "done") else f"ends as {told}"


def _outside(service: Service) -> list[str]:
    """All but what lies in the folder of the server."""
    places = [*service.home.parent.rglob("*")]
    return sorted(str(path) for path in places if not any(part.startswith("slt-serve-") for part in path.parts))
