"""Runs a script in two processes on the CPU: as torchrun does, or without it."""

from __future__ import annotations

import importlib
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from skeletor.support.signals import end_with_parent

COUNT = 2


def by_torchrun(folder: Path, *options: str, timeout: float = 900) -> None:
    """Run the `job.py` of a folder in two processes, which are given the folder."""
    run = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(COUNT), *options, str(folder / "job.py")]
    # or processes that are started again find the dead ones' addresses
    _run([*run, str(folder)], {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}, timeout)


def together(folder: Path, modules: Sequence[str], timeout: float = 900) -> None:
    """The same without torchrun, where what the two do is tested, not how they begin.

    They are forked from a process that has imported these modules: imports, in three processes, take longer than most
    jobs. Each is told what torchrun tells it; if one fails, the other is ended.
    """
    _run(["tests.torchrun", str(folder), *modules], {}, timeout)


def _run(arguments: list[str], environment: dict[str, str], timeout: float) -> None:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd(), **environment}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=timeout)
    assert done.returncode == 0, done.stderr[-3000:]


def main(folder: str, *modules: str) -> int:
    """The process that is forked."""
    for name in modules:
        importlib.import_module(name)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    sys.argv = [str(Path(folder, "job.py")), folder]
    here = os.getpid()
    children = {os.fork() or _job(rank, port, here) for rank in range(COUNT)}
    failed = False
    while children:
        child, status = os.wait()
        children.discard(child)
        if status and not failed:
            failed = True
            for other in children:
                os.kill(other, signal.SIGKILL)
    return int(failed)


def _job(rank: int, port: int, parent: int) -> NoReturn:
    """In one of the two, which ends with the process that started it: the job, and the end."""
    end_with_parent(parent)
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": COUNT, "LOCAL_WORLD_SIZE": COUNT, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in told.items()})
    os.environ.update({"MASTER_ADDR": "127.0.0.1", "TORCHELASTIC_RUN_ID": "tests"})
    runpy.run_path(sys.argv[0], run_name="__main__")
    sys.stdout.flush()
    os._exit(0)  # to take torch apart takes longer


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
