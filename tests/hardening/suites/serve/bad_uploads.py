"""Files that are none, damaged, or hostile: one line each; the good ones between them are done."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.hardening.case import Case, Context, Outcome, Suite
from tests.hardening.made.attack import Place
from tests.hardening.made.attacks import all_attacks, secrets
from tests.hardening.made.videos import KINDS
from tests.hardening.suites import key_points, video
from tests.hardening.suites.serve import good
from tests.hardening.suites.serve.service import Service, serving, tried
from tests.hardening.suites.serve.talk import KIND
from tests.hardening.watch import Watch

DAMAGED = 30  # files of poses of each kind
_LARGEST = 20_000_000  # bytes
_EVERY = 8  # bad ones, then a good one
_USES = ("poses", "video", "estimate", "model poses")
Upload = tuple[str, Callable[[], bytes]]


def suite() -> Suite:
    """The suite."""
    return Suite("server: bad uploads", "one line each; all good ones done; 0 server errors", _cases, parallel=False)


def _cases(context: Context) -> Iterator[Case]:
    yield Case("server: bad uploads", lambda: _check(context))


def _check(context: Context) -> Iterator[Outcome]:
    outside = context.folder("outside")
    secrets(outside)
    clip = good.poses(context.folder("clips"))
    bad = [(name, content()) for name, content in context.sample(uploads(context, outside), "uploads")]
    with (
        serving(context, "bad", "--max-waiting", "200", "--max-mb", str(_LARGEST // 1_000_000)) as service,
        Watch(outside) as watch,
    ):
        for number, (name, content) in enumerate(bad):
            yield tried(name, partial(_bad, service, name, content))
            if number % _EVERY == 0:
                yield tried(f"a good one after {name}", lambda: service.translated("good.safetensors", clip))
        for name, headers in context.sample(_not_files(), "not files"):
            yield tried(name, partial(_refused, service, headers))
        yield tried("a good video at the end", lambda: service.translated("v.mp4", good.video(context.folder("clips"))))
        kept = [path for path in service.files() if path.name.startswith("upload")]
        yield Outcome("what was sent is deleted", f"{len(kept)} are kept" if kept else "")
        yield from service.verdict()
    yield Outcome("files elsewhere", f"read: {', '.join(watch.opened)}" if watch.opened else "")
    yield Outcome("code of a file", "was executed" if (context.work / "canary").exists() else "")


def uploads(context: Context, outside: Path) -> list[Upload]:
    """Name and content of each; content is made when it is asked for."""
    made: list[Upload] = [
        ("empty.mp4", lambda: b""), ("one byte.mp4", lambda: b"\0"), ("text.mp4", lambda: b"no video\n" * 99),
        ("page.mp4", lambda: b"<html><script>alert(1)</script></html>"), ("zeros.mkv", lambda: bytes(1 << 20)),
        ("pickle.pose", lambda: pickle.dumps({"a": 1})), ("pickle.safetensors", lambda: pickle.dumps({"a": 1})),
        ("program.mp4", lambda: b"\x7fELF\2\1\1" + bytes(500)),
        ("header alone.mp4", lambda: b"\0\0\0\x18ftypisom" + bytes(12)),
        ("clip.pt", lambda: b"x" * 100), ("clip.h5", lambda: b"\x89HDF\r\n\x1a\n"), ("clip.skels", lambda: b"1 2 3"),
        ("clip.json", lambda: b"{}"), ("clip", lambda: b"x" * 100), ("clip.exe", lambda: b"MZ" + bytes(100)),
    ]  # fmt: skip
    for kind in KINDS:
        made += [(f"{kind}, damaged {number}.mp4", partial(_video, kind, context.seed, number)) for number in range(2)]
    for reader in ("safetensors", "pose"):
        names = [(f"damaged {index}.{reader}", index) for index in range(DAMAGED)]
        made += [(name, partial(_damaged, reader, context.seed, index)) for name, index in names]
    for attack in all_attacks():
        if attack.use in _USES and "pipe" not in attack.name:
            folder = context.work / "attacks" / "".join(c if c.isalnum() else "_" for c in attack.name)
            place = Place(folder, outside, context.work / "canary", context.work)
            made += [(f"{attack.name}{suffix}", partial(_attack, place, attack.make)) for suffix in (".mp4", "")]
    return made


def _video(kind: str, seed: int, number: int) -> bytes:
    return video.draw(kind, -1, number, seed)[0].content


def _damaged(reader: str, seed: int, index: int) -> bytes:
    return key_points.draw(reader, seed, index)[1].content


def _attack(place: Place, make: Callable[[Place], Path]) -> bytes:
    """The content of a hostile file; of a folder the first file."""
    shutil.rmtree(place.folder, ignore_errors=True)
    place.folder.mkdir(parents=True)
    path = make(place)
    content = (path if path.is_file() else next(p for p in sorted(path.rglob("*")) if p.is_file())).read_bytes()
    shutil.rmtree(place.folder)
    return content[:_LARGEST]


def _bad(service: Service, name: str, content: bytes) -> str:
    """What is wrong with how it ends: by one line, or as a result, since damage need not be seen."""
    answer = service.send(name, content)
    if 400 <= answer.status < 500:
        return service.leaks(answer) or ("" if len(answer.error.splitlines()) == 1 else f"says {answer.error!r}")
    if answer.status != 201:
        return f"answered with {answer.status}"
    key = str(answer.json()["key"])
    told = service.finished(key)
    text = str(told.get("error", ""))
    service.ask("DELETE", f"/api/jobs/{key}")
    if told.get("state") == "done":
        return ""
    if told.get("state") != "failed" or len(text.splitlines()) != 1:
        return f"ends as {told}"
    paths = [place for place in (str(service.temporary), "upload.", "/work", "/tmp") if place in text]
    wrong = [word for word in ("unexpected", "process died", "Traceback") if word in text]
    return f"its error: {text}" if paths or wrong else ""


def _not_files() -> list[tuple[str, list[tuple[str, str]]]]:
    """Requests whose body is no file, by their headers."""
    kinds = (
        "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/plain", "video/mp4", "",
        "x" * 999, f"{KIND}; charset=utf-8", "application/json",
    )  # fmt: skip
    made = [(f"kind {kind[:40]!r}", [("Content-Type", kind)]) for kind in kinds]
    foreign = [
        ("Origin", "http://example.org"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Host", "evil.example"),
    ]
    return made + [(f"{name}: {value}", [("Content-Type", KIND), (name, value)]) for name, value in foreign]


def _refused(service: Service, headers: list[tuple[str, str]]) -> str:
    answer = service.ask("POST", "/api/jobs?name=a.mp4", headers, b"--x\r\n\r\nabc\r\n--x--")
    return "" if 400 <= answer.status < 500 else f"answered with {answer.status}"
