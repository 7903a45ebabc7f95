"""CPU seconds of processes, also of those whose parent does not keep count."""

import os
import subprocess
import sys

from experiments.scale.processes import Counted

BURN = "import time\nwhile time.process_time() < 0.6: pass"
PARENT = f"""
import signal, subprocess, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", {BURN!r}]).wait()
"""


def test_a_process_that_has_ended_is_counted_whoever_began_it() -> None:
    with Counted(os.getpid()) as counted:
        subprocess.run([sys.executable, "-c", PARENT], check=True)
    assert 0.35 <= counted.seconds < 3.0, "all but what it did after the last look at it"
    with Counted(os.getpid()) as nothing:
        pass
    assert nothing.seconds < 0.2
