"""Jobs for the engines' tests. In a module that imports little: every worker process loads it."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

from skeletor.support.errors import InputError


def deadly(folder: str, shard: int) -> None:
    """Ends its process at shard 1 the first time, and at shard 2 always."""
    mark = Path(folder) / f"{shard}.begun"
    first = not mark.exists()
    mark.touch()
    if shard == 2 or (shard == 1 and first):
        os._exit(9)
    if shard == 3:
        raise InputError("three: no good")
    (Path(folder) / f"{shard}.done").touch()


def ending(name: str) -> Callable[[Path], dict[str, Any]]:
    """A stage of texts that ends its process over the file of this name."""
    return lambda path: os._exit(9) if path.name == name else {"": {"text": path.stem}}


def full(why: str) -> Callable[[Path], dict[str, Any]]:
    """A stage for which the disk is full, which a library tells in its own way."""

    def stage(path: Path) -> dict[str, Any]:
        raise InputError(why) from OSError(errno.ENOSPC, "No space left on device")

    return stage


def halting(folder: str, shard: int) -> None:
    """Shard 1 stands still in its midst; the others are made."""
    from slt.shards.plan import Plan
    from slt.shards.shard import run_shard

    if shard == 1:
        left = Plan(Path(folder), "lift", {}, 5, 2, "").result(1)
        left.parent.mkdir(parents=True, exist_ok=True)
        left.with_name(f".{left.name}.{os.getpid()}.tmp.safetensors").write_bytes(b"half")
        (Path(folder) / f"{os.getpid()}.pid").touch()
        threading.Event().wait(600)
    run_shard(Path(folder), shard)
    (Path(folder) / f"{shard}.made").touch()


def filling(folder: str, shard: int) -> None:
    """The disk is full for shard 1 the first time, for shard 2 always."""
    mark = Path(folder) / f"{shard}.begun"
    first = not mark.exists()
    mark.touch()
    if shard == 2 or (shard == 1 and first):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise InputError("the disk is full") from error


def tell_threads(folder: str, shard: int) -> None:
    (Path(folder) / f"{shard}.threads").write_text(os.environ["OMP_NUM_THREADS"])


def telling(folder: str, shard: int) -> None:
    """Tells its process."""
    (Path(folder) / f"{shard}.{os.getpid()}").touch()


def meeting(folder: str, shard: int) -> None:
    """Shards after the first end when two nodes of Ray are at work at once."""
    import ray

    (Path(folder) / f"{shard}.{ray.get_runtime_context().get_node_id()}").touch()
    pause, deadline = threading.Event(), monotonic() + 240
    while shard > 0 and len({path.suffix for path in Path(folder).iterdir()}) < 2:
        if monotonic() > deadline:
            raise InputError("no other node came")
        pause.wait(0.05)
