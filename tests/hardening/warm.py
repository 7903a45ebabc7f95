"""Workers that are forked where a command would start a fresh Python for each, which imports everything for seconds.

Imports write nothing; what is to be stopped, starved or crowded comes after them. All else is as in a spawned worker:
what it is given comes through a pipe, and of its parent's open files it has only those that it was handed.
"""

from __future__ import annotations

import gc
import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from multiprocessing import spawn, util
from threading import RLock
from typing import Any, NoReturn

_CALL = re.compile(r"spawn_main\(tracker_fd=(\d+), pipe_handle=(\d+)\)")


def fork_workers() -> None:
    """From here on this process forks the workers that it would spawn."""
    original = util.spawnv_passfds

    def launched(path: bytes, args: Sequence[Any], passfds: Sequence[int]) -> int:
        call = next((found for word in args if (found := _CALL.search(os.fsdecode(word)))), None)
        if call is None:  # multiprocessing's tracker of semaphores
            return int(original(path, args, passfds))
        if "cv2" in sys.modules:  # its pool of threads does not come along, and would be waited for in the child
            sys.modules["cv2"].setNumThreads(1)
        child = os.fork()
        return child or _work(int(call[1]), int(call[2]), passfds)

    util.spawnv_passfds = launched


def _work(tracker: int, pipe: int, files: Sequence[int]) -> NoReturn:
    """In the child: as if Python had just begun."""
    code: Any = 1
    gc.freeze()  # the parent's garbage may hold threads (MediaPipe, ONNX Runtime), for which its end would wait
    try:
        let_go(files)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        if "tqdm" in sys.modules:  # whose lock a thread of the parent may hold, which is not here to let go of it
            sys.modules["tqdm"].tqdm.set_lock(RLock())
        if "torch" in sys.modules:  # of the parent's threads none is here; a fresh worker has one, too
            sys.modules["torch"].set_num_threads(1)
        sys.argv = [sys.argv[0], "--multiprocessing-fork"]  # as it is asked for; then the parent's
        spawn.spawn_main(pipe, tracker_fd=tracker)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def let_go(kept: Sequence[int] = ()) -> None:
    """Leave all open files but these to the parent; their numbers stay taken, since objects here will close them."""
    null = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in (null, *kept):
            try:
                os.fstat(int(name))
                os.dup2(null, int(name))
            except OSError:  # the listing's own, closed by now
                continue
    os.close(null)
