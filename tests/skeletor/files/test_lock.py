"""Two runs in one folder: the second one says so; a killed one leaves the folder free."""

import os
import signal
import subprocess
import sys

import pytest

from skeletor.files import lock
from skeletor.files.lock import LOCK, locked
from skeletor.support.errors import InputError

HOLD = """
import sys
from skeletor.files.lock import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the folder."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_the_second_is_told_who_is_first_and_a_killed_one_frees_the_folder(tmp_path, holder):
    run = tmp_path / "run"
    with pytest.raises(InputError, match=rf"run: another run \(pid {holder.pid}\) works in it"), locked(run):
        pass
    (run / ".model.77.tmp.safetensors").touch()
    (run / ".tmpAbCdEf").touch()
    (run / "model.safetensors").touch()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with locked(run):
        assert (run / LOCK).read_text() == str(os.getpid())
        assert sorted(p.name for p in run.iterdir()) == [LOCK, "model.safetensors"]
    assert (run / LOCK).read_bytes() == b""
    with locked(run):
        pass


def test_a_disk_without_locks_is_a_warning(tmp_path, monkeypatch, caplog):
    def refuse(handle: int, how: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    monkeypatch.setattr(lock.log, "propagate", True)
    with locked(tmp_path / "run"):
        assert "no locks" in caplog.text


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file"), locked(tmp_path / "file" / "run"):
        pass
