"""What is noted beside a shard in work: over which input a worker ended, so that one that ends workers is found.

A worker that is told to end (SIGTERM, by a scheduler that wants its node for others), that leaves by an exception (a
task of Slurm that runs out of time), or whose task Slurm has put back into the queue, has not ended over its input.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from skeletor.files.atomic import write_text
from skeletor.support.errors import SkeletorError

TRYING = ".trying"


class Trying:
    """The note of one shard. base: the path of its results, without suffix."""

    def __init__(self, base: Path) -> None:
        self._file = base.with_suffix(TRYING)
        self.deaths: Mapping[int, int] = _deaths(self._file)  # by the number of an input
        self.told_to_end = False

    def over(self, number: int) -> None:
        """An input is in work from now on."""
        at = None if self.told_to_end else number  # what comes after SIGTERM is no input's fault
        write_text(self._file, json.dumps({"deaths": self.deaths, "at": at, "job": _slurm_job()}))

    def forget(self) -> None:
        """The shard is done, or what broke it off is known and was not an input."""
        self._file.unlink(missing_ok=True)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """In the block inputs are in work. If it is left by an exception, or told to end, that counts against none.

        SIGTERM then does what it did before, but is noted first: a scheduler kills who does not go in time.
        """
        before = signal.getsignal(signal.SIGTERM)
        mine = threading.current_thread() is threading.main_thread() and before is not None

        def noted(number: int, frame: FrameType | None) -> None:
            self.told_to_end = True
            self._nobodys_fault()
            if callable(before):
                before(number, frame)
            elif before is signal.SIG_DFL:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)

        if mine:
            signal.signal(signal.SIGTERM, noted)
        try:
            yield
        except BaseException:
            self._nobodys_fault()
            raise
        finally:
            if mine and signal.getsignal(signal.SIGTERM) is noted:
                signal.signal(signal.SIGTERM, before)

    def _nobodys_fault(self) -> None:
        """What had ended workers before still counts."""
        with suppress(OSError, SkeletorError):  # a full disk, say, for which the block is left
            if self.deaths:
                write_text(self._file, json.dumps({"deaths": self.deaths, "at": None}))
            else:
                self.forget()


def _deaths(file: Path) -> dict[int, int]:
    """How often a worker ended over each input; one that is found in its midst counts once more."""
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        deaths = {int(number): int(count) for number, count in raw["deaths"].items()}
        if raw["at"] is None or _queued_again(raw.get("job")):
            return deaths
        at = int(raw["at"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}
    return deaths | {at: deaths.get(at, 0) + 1}


def _slurm_job() -> list[Any] | None:
    """Number of this task of Slurm, and how often it was put back into the queue."""
    job = os.environ.get("SLURM_JOB_ID")
    return None if job is None else [job, _restarts()]


def _queued_again(job: Any) -> bool:
    """Whether Slurm has started this task anew since then: after a preemption, or when its node went. A program that
    crashes, or needs too much memory, ends its task for good."""
    return isinstance(job, list) and job[0] == os.environ.get("SLURM_JOB_ID") and _restarts() > int(job[1])


def _restarts() -> int:
    text = os.environ.get("SLURM_RESTART_COUNT", "")
    return int(text) if text.isdecimal() else 0
