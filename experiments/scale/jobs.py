"""Jobs around that of a shard, which let go wrong what may go wrong. Workers load this module: it imports little.

Each takes the shard's own job, a folder of marks and the number of the shard.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

GATE = "gate"  # the file that tells who waits to be killed
DEADLY = "deadly"  # how the name of a clip begins that ends its worker
_AT = 3  # the shard in whose midst a worker is killed
_PATIENCE = 900.0
_NEW_NAMESPACE, _PRIVATE = 0x20000, (1 << 18) | (1 << 14)  # CLONE_NEWNS; MS_PRIVATE | MS_REC
_SMALL = 16384  # bytes of the small disk


def gated(job: Callable[[int], None], marks: Path, shard: int) -> None:
    """At one shard, the first time, tell one's process and node, and wait to be killed."""
    if shard == _AT and _first(marks / "gate.taken"):
        beside = marks / "gate.new"
        beside.write_text(json.dumps({"pid": os.getpid(), "parent": os.getppid(), "node": _node()}))
        beside.rename(marks / GATE)
        threading.Event().wait(_PATIENCE)
    job(shard)


def poisoned(job: Callable[[int], None], marks: Path, shard: int) -> None:
    """A clip whose name begins with `DEADLY` ends its worker each time."""
    _poison()
    job(shard)


def small_disk(job: Callable[[int], None], marks: Path, shard: int) -> None:
    """The process that comes first sees a small file system of its own in the place of the results (Linux, root)."""
    if _first(marks / "small.taken"):
        (marks / "small").write_text(f"{os.getpid()}")
        mount_small(marks.parent / "shards")
    job(shard)


def waiting(seconds: float, marks: Path, shard: int) -> None:
    """In the place of work: wait, and tell from when to when."""
    begin = time.monotonic()
    threading.Event().wait(seconds)
    (marks / f"{shard}.times").write_text(json.dumps([begin, time.monotonic()]))


def timed(job: Callable[[int], None], marks: Path, shard: int) -> None:
    """Tell the process and its niceness, from when to when the job took, and its CPU seconds."""
    begin, cpu = time.monotonic(), time.process_time()
    job(shard)
    told = [os.getpid(), os.nice(0), begin, time.monotonic(), time.process_time() - cpu]
    beside = marks / f"{shard}.new"
    beside.write_text(json.dumps(told))
    beside.rename(marks / f"{shard}.times")


def mount_small(place: Path) -> None:
    """For this thread alone, a file system of 16 kB at `place`. OSError if this system or user may not."""
    libc = ctypes.CDLL(None, use_errno=True)
    steps: tuple[Callable[[], int], ...] = (
        lambda: libc.unshare(_NEW_NAMESPACE),
        lambda: libc.mount(b"none", b"/", None, ctypes.c_ulong(_PRIVATE), None),
        lambda: libc.mount(b"tmpfs", os.fsencode(place), b"tmpfs", ctypes.c_ulong(0), b"size=%d" % _SMALL),
    )
    for step in steps:
        if step() != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(place))


def _first(mark: Path) -> bool:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _node() -> str:
    """The Ray node, "" without Ray."""
    if "RAY_JOB_ID" not in os.environ and "RAY_RAYLET_PID" not in os.environ:
        return ""
    import ray

    node: str = ray.get_runtime_context().get_node_id()
    return node


@lru_cache(maxsize=1)
def _poison() -> None:
    """Once in a process."""
    from slt.shards import shard

    shard._stage = poisoned_stage  # type: ignore[assignment]


def poisoned_stage(name: str, options: str) -> Callable[[Path], Any]:
    """A stage of poses that ends its process over a clip of such a name. Here, for processes of their own load it."""
    from slt.shards.work import POSE_STAGES, StageOptions

    stage = POSE_STAGES[name](StageOptions.model_validate(json.loads(options)))

    def one(path: Path) -> Any:
        if path.name.startswith(DEADLY):
            os.kill(os.getpid(), signal.SIGKILL)
        return stage(path)

    return one
