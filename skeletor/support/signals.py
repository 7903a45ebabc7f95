"""Signals that end a command: Ctrl-C, `kill`, a closed terminal."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

_CAME: ContextVar[list[Ended] | None] = ContextVar("came", default=None)
_ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Ended(SystemExit):
    """A signal asks the process to end. Exit code 128 + its number: 130 for Ctrl-C, 143 for `kill`.

    No KeyboardInterrupt: a library that catches that one and goes on (JoeyNMT's training does, and its half-trained
    model would be kept as a trained one) must not catch this.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number

    @property
    def signal_name(self) -> str:
        """The signal's name, for example "SIGTERM"."""
        return signal.Signals(self.number).name


@contextmanager
def ending_by_signals() -> Iterator[None]:
    """In the block, the first SIGINT, SIGTERM or SIGHUP raises `Ended` in the main thread.

    The exception lets everything that is open be put in order: temporary files removed, worker processes ended. A
    second signal ends the process at once. Signals that are ignored (`nohup`, a job in the background) stay ignored.
    Does nothing outside the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[Ended] = []
    before = {number: signal.getsignal(number) for number in _ENDING}
    taken = [number for number, handler in before.items() if handler is not signal.SIG_IGN]

    def end(number: int, frame: FrameType | None) -> None:
        for other in taken:
            signal.signal(other, signal.SIG_DFL)
        came.append(Ended(number))
        raise came[0]

    token = _CAME.set(came)
    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        _CAME.reset(token)
        for number in taken:
            signal.signal(number, before[number] or signal.SIG_DFL)


def raise_end_behind(error: BaseException) -> None:
    """Raise the `Ended` that an error was made of, or that came before it in `ending_by_signals`, if there is one.

    Python and libraries turn what is raised in some places (`__set_name__`, callbacks) into an error of their own, and
    those in Rust (safetensors) forget what it was made of.
    """
    seen: set[int] = set()
    behind: BaseException | None = error
    while behind is not None and id(behind) not in seen:
        if isinstance(behind, Ended):
            raise behind
        seen.add(id(behind))
        behind = behind.__cause__ or behind.__context__
    for end in _CAME.get() or ():
        raise end


def end_with_parent(parent: int) -> None:
    """Called in a worker process: it then ends when the thread that started it does, however that ends.

    parent: the process id of the one that started it. Linux does it in the kernel (PR_SET_PDEATHSIG); elsewhere a
    thread watches the parent. SIGINT is ignored: Ctrl-C is the parent's to handle.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not _die_with_parent():
        threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()
    if os.getppid() != parent:  # it was gone before the kernel was told
        os._exit(128 + signal.SIGKILL)


def _die_with_parent() -> bool:
    """Ask Linux for a SIGKILL when the parent ends; False on other systems."""
    import ctypes

    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return False
    return bool(prctl(1, signal.SIGKILL, 0, 0, 0) == 0)  # 1: PR_SET_PDEATHSIG


def _watch(parent: int) -> None:
    pause = threading.Event()
    while os.getppid() == parent:
        pause.wait(1.0)
    os._exit(128 + signal.SIGKILL)
