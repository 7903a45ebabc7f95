"""Runs a script as torchrun does, in two processes on the CPU."""

import os
import subprocess
import sys
from pathlib import Path


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
