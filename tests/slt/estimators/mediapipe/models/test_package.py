"""Standard error is itself again, whoever silenced it."""

import os
import threading

from slt.estimators.mediapipe.models.package import silence


def test_threads_that_are_quiet_at_once_leave_standard_error_as_it_was(tmp_path):
    """The second to come in once took the silence of the first one for what to go back to."""
    keep = os.dup(2)
    file = os.open(tmp_path / "told", os.O_WRONLY | os.O_CREAT)
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with silence():
            inside.set()
            assert leave.wait(60)

    try:
        os.dup2(file, 2)
        thread = threading.Thread(target=other)
        with silence():
            thread.start()
            assert inside.wait(60), "it does not wait for the other one"
        os.write(2, b"quiet")
        leave.set()
        thread.join()
        os.write(2, b"told")
    finally:
        os.dup2(keep, 2)
        os.close(keep)
        os.close(file)
    assert (tmp_path / "told").read_bytes() == b"told"
