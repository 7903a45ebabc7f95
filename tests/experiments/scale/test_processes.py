"""CPU seconds of processes, also of those whose parent does not keep count."""

import os
import subprocess
import sys
import threading
from time import monotonic

from experiments.scale.processes import Counted

BURN = "import sys, time\nwhile time.process_time() < 0.6: pass\nsys.stdin.read()"
PARENT = f"""
import signal, subprocess, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", {BURN!r}]).wait()
"""


def looked_at(counted: Counted) -> float:
    """Seconds of the process below this one that was seen to have the most."""
    return max((cpu for (pid, _), cpu in list(counted._seen.items()) if pid != os.getpid()), default=0.0)


def test_a_process_that_has_ended_is_counted_whoever_began_it() -> None:
    pause, deadline = threading.Event(), monotonic() + 240
    with Counted(os.getpid()) as counted:
        with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE) as process:
            while looked_at(counted) < 0.55:  # however busy the machine is
                assert monotonic() < deadline and process.poll() is None, "it was never seen"
                pause.wait(0.05)
            process.communicate()
        assert process.returncode == 0
    assert 0.55 <= counted.seconds < 5.0, "its work, and two interpreters' beginning"
    with Counted(os.getpid()) as nothing:
        pass
    assert nothing.seconds < 0.2
