"""Runs a script as torchrun does, in two processes on the CPU."""

import os
import runpy
import socket
import subprocess
import sys
import time
from multiprocessing import connection, get_context
from pathlib import Path

import torch

from skeletor.support.devices import TORCHRUN


def by_torchrun(folder: Path, *options: str, timeout: float = 300) -> None:
    """Run the `job.py` of a folder in two processes, which are given the folder."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()}
    env["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"  # or processes that are started again find the dead ones' addresses
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *options]
    done = subprocess.run(
        [*run, str(folder / "job.py"), str(folder)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def in_two(folder: Path, timeout: float = 300) -> None:
    """The same in two forks of this process with the environment that torchrun gives: nothing is imported anew.

    That torchrun itself does so is tested with the refiner's training (`tests/skeletor/support/test_devices.py`). Where
    there is no /proc, as on macOS, it does so here as well: libraries there do not outlive a fork.
    """
    if not Path("/proc/self/fd").exists():
        by_torchrun(folder, timeout=timeout)
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = get_context("fork")
    team = [context.Process(target=_work, args=(folder, rank, port)) for rank in (0, 1)]
    for process in team:
        process.start()
    deadline = time.monotonic() + timeout
    try:
        running = list(team)
        while running and all(process.exitcode in (None, 0) for process in team):
            assert connection.wait([process.sentinel for process in running], deadline - time.monotonic()), "too slow"
            running = [process for process in running if process.is_alive()]
    finally:
        for process in team:
            process.kill()
            process.join()
    told = "".join((folder / f"err{rank}").read_text()[-1500:] for rank in (0, 1))
    assert [process.exitcode for process in team] == [0, 0], told


def _work(folder: Path, rank: int, port: int) -> None:
    with open(folder / f"err{rank}", "w") as told:
        os.dup2(told.fileno(), 2)
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115  of the whole process
    here = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in here.items()} | {"MASTER_ADDR": "127.0.0.1", TORCHRUN: "two"}
    torch.set_num_threads(1)  # of the parent's threads none is here
    sys.argv = [str(folder / "job.py"), str(folder)]
    runpy.run_path(sys.argv[0], run_name="__main__")
