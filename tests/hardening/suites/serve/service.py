"""A `slt serve` that is put to the test: its process, its folders, its log, and what is left of them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.hardening.case import Context, Outcome
from tests.hardening.children import ROOT, Finished, Server, members
from tests.hardening.endings import wrong_ending
from tests.hardening.suites.serve import talk
from tests.hardening.suites.serve.talk import Answer
from tests.hardening.warm import fork_workers

PATIENCE = 900.0  # seconds for a job, or a start, on a busy machine
GONE = 30.0  # seconds in which what was cancelled has to be gone
SECRET = "a-secret-of-this-machine-63f1"
GROWTH = 128 << 20  # bytes that the server's own process may take beyond what it had at first
LARGEST = 2 << 30  # bytes of the process that works
_PAUSE = 0.05
_LATER = 503  # "come later": an answer, not a defect


class Service:
    """See `serving`. Whatever answer is a server error is kept in `defects`."""

    def __init__(self, folder: Path, model: Path, options: Iterable[str], server: Server | None) -> None:
        self.home, self.temporary = folder / "home", folder / "temporary"
        for place in (self.home, self.temporary):
            place.mkdir(parents=True)
            (place / "secret.txt").write_text(SECRET)
        self._out, self._err = folder / "log.out", folder / "log.err"
        self.defects: list[str] = []
        argv = ["serve", "--port", "0", "--device", "cpu", "--model", str(model), *options]
        self._poll: Callable[[], int | None]
        if server is None:
            self.pid, self._poll = self._anew(argv)
        else:
            running = server.start("slt", argv, self.home, folder / "log", (settle, (str(self.temporary),)))
            self.pid, self._poll = running.pid, running.code
        self.port = 0

    def _anew(self, argv: list[str]) -> tuple[int, Callable[[], int | None]]:
        """As a user starts it."""
        environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary), "CUDA_VISIBLE_DEVICES": ""}
        with self._out.open("wb") as out, self._err.open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "slt", *argv], cwd=self.home, env=environment, stdout=out, stderr=err,
                stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_hear,
            )  # fmt: skip
        return process.pid, process.poll

    def ready(self) -> None:
        """Wait until it listens. Raises RuntimeError if it ends before."""

        def listens() -> bool:
            if self._poll() is not None:
                raise RuntimeError(f"slt serve does not start: {self._err.read_text()[-300:]}")
            found = re.match(r"http://127\.0\.0\.1:(\d+) ", self._out.read_text() if self._out.exists() else "")
            self.port = int(found[1]) if found else 0
            return bool(found)

        until(listens, PATIENCE, "slt serve listens")
        self._base = peak(self.pid)

    def exchange(
        self, pieces: Iterable[bytes], seconds: float = 60.0, pause: float = 0.0, method: str = "GET"
    ) -> Answer:
        """Send bytes as they are; see `talk.exchange`."""
        answer = talk.exchange(self.port, pieces, seconds, pause, method)
        if answer.status >= 500 and answer.status != _LATER:
            self.defects.append(f"{answer.status} {answer.error}")
        return answer

    def ask(
        self, method: str, target: str | bytes, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> Answer:
        """A request and its answer."""
        return self.exchange([talk.request(method, target, self.port, headers, body)], PATIENCE, method=method)

    def send(self, name: str, content: bytes, patience: float = PATIENCE) -> Answer:
        """Upload a file; while the queue is full, again and again, as its answer says."""
        deadline = time.monotonic() + patience
        while True:
            answer = self.exchange([talk.upload(self.port, name, content)], PATIENCE, method="POST")
            if answer.status != _LATER or time.monotonic() > deadline:
                return answer
            time.sleep(0.5)

    def sent(self, name: str, content: bytes) -> str:
        """The same; the key. Raises RuntimeError if it is not taken."""
        answer = self.send(name, content)
        if answer.status != 201:
            raise RuntimeError(f"{name}: not taken: {answer.status} {answer.error}")
        return str(answer.json()["key"])

    def status(self, key: str) -> dict[str, Any]:
        """How far a job is; empty if there is none."""
        return self.ask("GET", f"/api/jobs/{key}").json()

    def finished(self, key: str, seconds: float = PATIENCE, pause: float = 0.2) -> dict[str, Any]:
        """The last status of a job, which is asked for in such pauses. Raises TimeoutError if it does not end."""
        last: dict[str, Any] = {}

        def ended() -> bool:
            last.clear()
            last.update(self.status(key))
            return last.get("state") not in ("waiting", "running", "uploading")

        until(ended, seconds, f"the job ends: {last}", pause)
        return last

    def translated(self, name: str, content: bytes) -> str:
        """Send a good file, and see it done: what is wrong, or ""; it is deleted then."""
        key = self.sent(name, content)
        told = self.finished(key)
        if told.get("state") != "done":
            return f"a good file is {told.get('state', 'gone')}: {told.get('error', '')}"
        result = self.ask("GET", f"/api/jobs/{key}/result.json")
        self.ask("DELETE", f"/api/jobs/{key}")
        return "" if result.status == 200 and result.json() else f"no result: {result.status}"

    def workers(self) -> set[int]:
        """Its other processes, without multiprocessing's tracker."""
        found = set()
        for process in members(self.pid):
            command = _command(process)
            if process != self.pid and command and "resource_tracker" not in command:
                found.add(process)
        return found

    def files(self) -> list[Path]:
        """What it keeps of uploads and results."""
        kept = [path for path in self.temporary.rglob("*") if path.is_file()]
        return [path for path in kept if path.name not in ("secret.txt", ".lock")]

    def leaks(self, answer: Answer) -> str:
        """Whether an answer, or its headers, hold what lies on the machine and not in the server."""
        content = answer.body + repr(dict(answer.headers)).encode()
        marks = {SECRET: "a secret", "root:x:0": "/etc/passwd", "import annotations": "source code"}
        marks |= {str(self.temporary): "a path", str(ROOT): "a path", str(Path.home()) + "/": "a path"}
        return next((f"{what} comes out" for mark, what in marks.items() if mark.encode() in content), "")

    def kill(self) -> None:
        """End it and all that is left of it."""
        for process in [*members(self.pid)]:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._wait(PATIENCE)

    def _wait(self, seconds: float) -> None:
        until(lambda: self._poll() is not None, seconds, "slt serve ends")

    def end(self, number: int = signal.SIGTERM) -> str:
        """Send a signal, and look what is left; what is wrong, or ""."""
        (os.killpg if number == signal.SIGINT else os.kill)(self.pid, number)
        left: tuple[str, ...] = ()
        begin = time.monotonic()
        try:
            self._wait(60)
            until(lambda: not members(self.pid), GONE, "its processes end")
        except TimeoutError:
            left = tuple(map(str, members(self.pid)))
            self.kill()
        told = self._err.read_text(errors="replace")
        if number == signal.SIGKILL:
            return f"left running: {', '.join(left)}" if left else ""
        done = Finished(self._poll() or 0, "", told, time.monotonic() - begin, left)
        kept = [path.name for path in self.temporary.iterdir() if path.name != "secret.txt" and not _of_torch(path)]
        more = [path.name for path in self.home.iterdir() if path.name != "secret.txt"]
        problem = wrong_ending(done, 128 + number)
        return problem or (f"files are left: {', '.join([*kept, *more][:3])}" if kept or more else "")

    def verdict(self) -> Iterator[Outcome]:
        """End it; one outcome each for its answers, its log, its memory, and what is left."""
        took, largest = peak(self.pid) - self._base, max(map(peak, self.workers()), default=0)
        yield Outcome("memory of the server", f"grew by {took >> 20} MB" if took > GROWTH else "")
        yield Outcome("memory of the worker", f"{largest >> 20} MB" if largest > LARGEST else "")
        ending = self.end()
        yield Outcome("how it ends", ending)
        yield Outcome("server errors", "; ".join(self.defects[:5]))
        lines = [line for line in self._err.read_text(errors="replace").splitlines() if "ended by SIGTERM" not in line]
        strange = [line for line in lines if re.search("Traceback|unexpected|Exception|Error", line)]
        yield Outcome("log", f"{len(strange)} lines: {strange[0][:200]}" if strange else "")


@contextmanager
def serving(context: Context, name: str, *options: str) -> Iterator[Service]:
    """A server of its own for the block, which listens. Nothing of it is left after it.

    Of a share of the cases it is forked, as other commands are: it would import everything twice, in two processes.
    """
    folder = context.work / name
    shutil.rmtree(folder, ignore_errors=True)
    service = Service(folder, context.model(), options, context.server() if context.share < 1 else None)
    try:
        service.ready()
        yield service
    finally:
        service.kill()


def until(true: Callable[[], bool], seconds: float, what: str, pause: float = _PAUSE) -> None:
    """Wait for what another process does. Raises TimeoutError."""
    deadline, rest = time.monotonic() + seconds, threading.Event()
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        rest.wait(pause)


def peak(process: int) -> int:
    """The most bytes of memory that a process had; 0 if there is none."""
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return int(found[1]) << 10 if found else 0


def tried(name: str, check: Callable[[], str]) -> Outcome:
    """What came of one try; an error of the harness is a failed one."""
    try:
        return Outcome(name, check())
    except Exception as error:
        return Outcome(name, f"harness: {type(error).__name__}: {' '.join(str(error).split())[:200]}")


def _of_torch(path: Path) -> bool:
    """The empty folder of a cache that torch makes for the whole machine whenever it is imported."""
    return path.name.startswith("torchinductor_") and not any(path.iterdir())


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def settle(temporary: str) -> None:
    """In a process that was forked to be a server: its folder for temporary files, and its workers are forked, too."""
    os.environ["TMPDIR"], tempfile.tempdir = temporary, None
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fork_workers()


def _hear() -> None:
    """What is started in the background ignores Ctrl-C, and hands that down; the server is to hear it."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
