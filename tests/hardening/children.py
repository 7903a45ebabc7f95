"""The other end of `server`: calls with limits, commands in sessions of their own, and who is left of them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.hardening.server import WARM

ROOT = Path(__file__).resolve().parents[2]
SERVER = "tests.hardening.server"
CPU_SECONDS = 5.0
MEMORY = 1 << 30
_GRACE = 60.0  # seconds in which the children of a command that has ended have to be gone, on a busy machine
_PAUSE, _LONGEST = 0.01, 0.1  # seconds between two looks at a command; the longer it runs, the longer
_TICKS = os.sysconf("SC_CLK_TCK")
Setup = tuple[Callable[..., None], Sequence[Any]]


@dataclass(frozen=True)
class Reply:
    """What came of a call. error: see `server.describe`. died: how, if the process ended or had to be ended."""

    value: Any = None
    error: dict[str, Any] | None = None
    cpu: float = 0.0
    memory: int = 0
    died: str = ""

    @property
    def excess(self) -> str:
        """Which limit was passed, or ""."""
        if self.died:
            return self.died
        if self.cpu > CPU_SECONDS:
            return f"took {self.cpu:.1f} s"
        if self.memory > MEMORY:
            return f"took {self.memory >> 20} MB"
        return "asked for more than 2 GB" if self.error and self.error["starved"] else ""


@dataclass(frozen=True)
class Finished:
    """A command that has ended: exit code (minus the signal), output, seconds, and processes that outlived it."""

    code: int
    out: str
    err: str
    seconds: float
    left: tuple[str, ...] = ()


class Server:
    """A process for calls and commands; it is started anew when a call kills it."""

    def __init__(self, modules: Sequence[str] = WARM) -> None:
        self._modules = tuple(modules)
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def call(self, function: Callable[..., Any], *arguments: Any, cpu: float = CPU_SECONDS, wall: float = 900) -> Reply:
        """Call a function of a module, there."""
        connection, process = self._ready()
        begin, spent = time.monotonic(), _cpu(process.pid)
        try:
            connection.send(("call", function, arguments))
            while not connection.poll(0.2):
                if process.poll() is not None:
                    raise EOFError
                if _cpu(process.pid) - spent > cpu or time.monotonic() - begin > wall:
                    self.close()
                    return Reply(died=f"still at it after {cpu:g} s of CPU time, or {wall:g} s")
            return Reply(**connection.recv())
        except (EOFError, ConnectionError):
            code = process.wait()
            self.close()
            return Reply(died=f"the process died ({signal.Signals(-code).name if code < 0 else code})")

    def start(
        self, program: str, argv: Sequence[object], folder: Path, log: Path, setup: Setup | None = None
    ) -> Running:
        """Start `slt` or `skeletor` with these arguments in a folder."""
        connection, _ = self._ready()
        connection.send(("start", program, [str(a) for a in argv], str(folder), str(log), setup))
        return Running(self, connection.recv(), log)

    def run(
        self,
        program: str,
        argv: Sequence[object],
        folder: Path,
        log: Path,
        seconds: float = 300,
        setup: Setup | None = None,
    ) -> Finished:
        """The same, to its end; killed after so many seconds."""
        return self.start(program, argv, folder, log, setup).end(seconds)

    def poll(self, child: int) -> int | None:
        """Exit code of a command; None while it runs."""
        connection, _ = self._ready()
        connection.send(("poll", child))
        code: int | None = connection.recv()
        return code

    def close(self) -> None:
        """End the process."""
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._connection = None

    def _ready(self) -> tuple[Connection, subprocess.Popen[bytes]]:
        if self._process is None or self._connection is None or self._process.poll() is not None:
            self.close()
            ours, theirs = socket.socketpair()
            environment = os.environ | dict.fromkeys(
                ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
            )
            environment |= {"PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "passive", "CUDA_VISIBLE_DEVICES": ""}
            environment |= {"HDF5_PLUGIN_PATH": "", "GLOG_minloglevel": "2", "TF_CPP_MIN_LOG_LEVEL": "2"}
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", SERVER, str(theirs.fileno()), ",".join(self._modules)],
                    pass_fds=[theirs.fileno()], env=environment, cwd=ROOT, start_new_session=True,
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            self._connection = Connection(ours.detach())
            if self._connection.recv() != "ready":
                raise RuntimeError("the server did not start")
        return self._connection, self._process


class Running:
    """A command under way."""

    def __init__(self, server: Server, child: int, log: Path) -> None:
        self.pid = child
        self._server, self._log, self._begin = server, log, time.monotonic()
        self._code: int | None = None

    def code(self) -> int | None:
        """Exit code, minus the signal; None while it runs."""
        if self._code is None:
            self._code = self._server.poll(self.pid)
        return self._code

    def signal(self, number: int, group: bool = False) -> None:
        """Send a signal to the process, or as a terminal does to its whole group."""
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.pid, number)

    def hears(self, number: int, seconds: float = 60) -> bool:
        """Wait until the process has a handler of its own for a signal; False if it ends, or time passes, before."""
        until = time.monotonic() + seconds
        while self.code() is None and time.monotonic() < until:
            if _handled(self.pid) >> (number - 1) & 1:
                return True
            time.sleep(0.01)
        return False

    def wait(self, seconds: float) -> bool:
        """Whether it ended within so many seconds."""
        begin = time.monotonic()
        until = begin + seconds
        while self.code() is None:
            now = time.monotonic()
            if now > until:
                return False
            time.sleep(min(_LONGEST, max(_PAUSE, (now - begin) / 100), until - now + 0.001))
        return True

    def end(self, seconds: float = 300) -> Finished:
        """Wait for the end, and for its children's; what is left of them is named, and killed."""
        ended = self.wait(seconds)
        took = time.monotonic() - self._begin
        if not ended:
            self.signal(signal.SIGKILL, group=True)
            self.wait(10)
        until = time.monotonic() + _GRACE
        while (left := members(self.pid)) and time.monotonic() < until:
            time.sleep(0.05)
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        names = tuple(f"{process}" for process in left) if ended else (f"still running after {seconds:g} s",)
        out, err = (self._log.with_name(self._log.name + s) for s in (".out", ".err"))
        code = -9 if self._code is None else self._code
        return Finished(code, _text(out), _text(err), took, names)


def members(session: int) -> list[int]:
    """Living processes of a session."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = _stat(int(entry.name))
                if int(fields[3]) == session and fields[0] not in ("Z", "X"):
                    found.append(int(entry.name))
    return found


def _handled(process: int) -> int:
    """The signals that a process has handlers for, a bit each."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("SigCgt:")).split()[1], 16)
    return 0


def _stat(process: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on: state, parent, group, session, ..."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()


def _cpu(process: int) -> float:
    """CPU seconds of a process."""
    try:
        fields = _stat(process)
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace") if path.exists() else ""
