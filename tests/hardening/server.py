"""A process that has imported what the commands need: it makes calls, and forks commands that begin at once.

A command's imports take seconds and write nothing; what is to be stopped, starved or crowded comes after them.
Started by `children.Server` with the file descriptor of a socket; it ends when that is closed.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from tests.hardening.warm import let_go

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl
_ROOM = 2 << 30  # bytes of address space that a call may take beyond what is there
WARM = (
    "slt.cli.translate", "slt.cli.stages", "slt.cli.corpora.run", "skeletor.cli", "slt.inference.chain",
    "slt.inference.model_folder", "slt.inference.view", "slt.translate.translator", "slt.translate.abstain",
    "slt.estimators.ahead", "slt.estimators.mediapipe.estimator", "slt.pipeline.run", "slt.pipeline.stages.translators",
    "skeletor.lifters.learned.training", "skeletor.lifters.kinematic.fast", "skeletor.refiners.training.job",
    "skeletor.refiners.inference.windowed", "skeletor.refiners.inference.stream_file", "skeletor.learning.data.pack",
    "skeletor.io.formats", "slt.inference.back_translation", "slt.synthetic.build", "av", "cv2", "mediapipe", "h5py",
    "torch", "joeynmt", "scipy.signal", "scipy.optimize", "slt.cli.serve", "slt.serve.server", "slt.serve.work",
)  # fmt: skip
Reply = dict[str, Any]
_codes: dict[int, int | None] = {}  # of commands that were started and not yet seen to have ended


def main() -> None:
    """Serve until the other side hangs up."""
    connection = Connection(int(sys.argv[1]))
    ctypes.CDLL(None).prctl(_SUBREAPER, 1)  # workers of a killed command are waited for here, and their CPU time counts
    warm(sys.argv[2].split(","))
    gc.collect()
    gc.freeze()  # a forked command does not look through what was imported here
    connection.send("ready")
    while True:
        try:
            kind, *arguments = connection.recv()
        except EOFError:
            return
        connection.send(
            _call(*arguments) if kind == "call" else _poll(*arguments) if kind == "poll" else start(*arguments)
        )


def warm(names: Sequence[str]) -> None:
    """Import what is there of these modules."""
    for name in filter(None, names):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _call(function: Callable[..., Any], arguments: Sequence[Any]) -> Reply:
    """Value or error of a call, its CPU seconds, and by how many bytes memory grew at its peak."""
    base, size = _memory("VmRSS"), _memory("VmSize")
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak is counted from here
    resource.setrlimit(resource.RLIMIT_AS, (size + _ROOM, resource.RLIM_INFINITY))
    begin = time.process_time()
    reply: Reply = {"value": None, "error": None}
    try:
        reply["value"] = function(*arguments)
    except (Exception, SystemExit) as error:
        reply["error"] = describe(error)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return reply | {"cpu": time.process_time() - begin, "memory": max(0, _memory("VmHWM") - base)}


def describe(error: BaseException) -> dict[str, Any]:
    """An exception in plain values: its types, its text, and whether memory ran out somewhere below it."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    starved = any(isinstance(e, MemoryError) or "can't allocate memory" in str(e) for e in chain)
    return {"types": [t.__name__ for t in type(error).__mro__], "text": str(error), "starved": starved}


def _memory(key: str) -> int:
    """Bytes, from this process's status."""
    with open("/proc/self/status") as file:
        return next((1024 * int(line.split()[1]) for line in file if line.startswith(key + ":")), 0)


def start(
    program: str, argv: Sequence[str], folder: str, log: str, setup: tuple[Callable[..., None], Sequence[Any]] | None
) -> int:
    """Fork a command in a session of its own; gives its process id. Its output goes to `log`.out and `log`.err."""
    child = os.fork()
    if child:
        _codes[child] = None
        return child
    os.setsid()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_DFL if name == signal.SIGTERM else signal.default_int_handler)
    let_go()
    os.chdir(folder)
    for number, suffix in ((1, ".out"), (2, ".err")):
        file = os.open(log + suffix, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    if setup is not None:
        setup[0](*setup[1])
    sys.argv = [program, *argv]
    _end(lambda: importlib.import_module(f"{program}.cli").main(list(argv)))


def begin_anew(program: str, argv: Sequence[str]) -> None:
    """In a process that was forked to run a command: be Python itself, which has imported nothing yet."""
    call = f"import sys; from {program}.cli import main; sys.exit(main())"
    os.execv(sys.executable, [sys.executable, "-c", call, *argv])


def _end(run: Callable[[], Any]) -> NoReturn:
    """Run, and end as the interpreter does, save for taking modules apart, which takes longer than most commands."""
    code: Any = 1
    try:
        code = run()
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _poll(child: int) -> int | None:
    """Exit code of a command, minus the signal that ended it; None while it runs. Others that have ended go as well."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] in _codes:
                _codes[ended[0]] = os.waitstatus_to_exitcode(ended[1])
    return _codes[child] if _codes[child] is None else _codes.pop(child)


if __name__ == "__main__":
    main()
