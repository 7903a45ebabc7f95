"""How commands end: one line, the right exit code; signals; output that cannot be printed."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import av
import pytest

from skeletor.support.batch import for_each
from skeletor.support.command import run_command
from skeletor.support.errors import InputError, as_input_error
from skeletor.support.signals import Ended


def fail(error: BaseException):
    def function() -> int:
        raise error

    return function


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (OSError(errno.ENOSPC, "x"), 2, "x: the disk is full"),
        (OSError(errno.EROFS, "x", "/a/b"), 2, "x: /a/b: the disk is read-only"),
        (PermissionError(errno.EACCES, "x", b"/a/\xe4"), 2, r"x: /a/\udce4: no permission"),
        (av.error.OSError(errno.ENOSPC, "x", "a.mp4"), 2, "x: a.mp4: the disk is full"),
        (av.error.InvalidDataError(1094995529, "Invalid data", "a.mp4"), 2, "x: cannot be used"),
        (MemoryError(), 2, "x: there is not enough memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), 2, "x: the GPU has not enough memory"),
        (RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/0"), 2, "x: cannot be written"),
        (UnicodeDecodeError("utf-8", b"\xe4", 0, 1, "invalid start byte"), 2, "x: a name or text is not valid UTF-8"),
        (BrokenProcessPool("a child\nterminated abruptly"), 1, "x: a worker process died"),
        (RuntimeError("a defect"), 1, "x: unexpected RuntimeError: a defect; --debug shows where"),
    ],
)
def test_what_the_system_and_libraries_refuse_is_one_line(capsys, error, code, line):
    assert run_command(fail(error), "x") == code
    told = capsys.readouterr().err
    assert told.startswith(line) and told.count("\n") == 1


def test_an_error_of_another_file_is_told_with_that_one():
    assert str(as_input_error(FileNotFoundError(2, "x", "other"), "here")).startswith("other: no such file")
    assert str(as_input_error(OSError(2, "x"), "here")).startswith("here: no such file")
    assert as_input_error(ValueError("x"), "here") is None


def run(code: str, **options) -> subprocess.CompletedProcess[bytes]:
    program = f"import sys\nfrom skeletor.support.command import run_command\n{code}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, **options)


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {}])
def test_any_name_can_be_printed(environment):
    ended = run(
        "name = '\\udce4 \\xe4'\n"
        "def work():\n print(name)\n raise OSError(2, 'x', name)\nsys.exit(run_command(work, 'x'))",
        env=os.environ | environment,
    )
    assert ended.returncode == 2 and b"Traceback" not in ended.stderr
    assert ended.stdout.startswith(rb"\udce4 ") and ended.stderr.startswith(rb"x: \udce4 ")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("work", ["lambda: print('x')", "lambda: Parser('x').parse_args(['--help'])"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_one_line(work, unbuffered):
    code = f"sys.exit(run_command({work}, 'x'))"
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:
        program = f"import sys\nfrom skeletor.support.command import Parser, run_command\n{code}"
        ended = subprocess.run(
            [sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, check=False, env=environment
        )
    assert ended.returncode == 2
    assert ended.stderr.startswith(b"x: ") and ended.stderr.count(b"\n") == 1
    assert b"the disk is full" in ended.stderr


def test_a_closed_pipe_is_quiet():
    code = "sys.exit(run_command(lambda: print('x' * 100_000), 'x'))"
    program = f"import sys\nfrom skeletor.support.command import run_command\n{code}"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait() == 0


WAIT = """
import pathlib, threading
from skeletor.files.atomic import atomic_path
def work():
    with atomic_path("a.txt") as temporary:
        temporary.write_text("half")
        try:
            print("ready", flush=True)
            threading.Event().wait(60)
        except KeyboardInterrupt:  # a library that goes on: its result would be kept
            pass
sys.exit(run_command(work, "x"))
"""


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [(signal.SIGINT, 130, "x: interrupted\n"), (signal.SIGTERM, 143, "x: ended by SIGTERM\n"),
     (signal.SIGHUP, 129, "x: ended by SIGHUP\n")],
)  # fmt: skip
def test_signals_end_it_with_one_line_and_nothing_half_written(tmp_path, number, code, line):
    program = f"import sys\nfrom skeletor.support.command import run_command\n{WAIT}"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.communicate()[1] == line and process.returncode == code
    assert list(tmp_path.iterdir()) == []


def test_a_signal_ends_a_command_whatever_an_error_makes_of_it(tmp_path, capsys):
    done = []

    def work(path):
        done.append(path)
        try:
            raise Ended(signal.SIGTERM)
        except Ended as end:  # as Python does where a class is made
            try:
                raise RuntimeError("Error calling __set_name__") from end
            except RuntimeError as error:
                raise InputError("weights and header do not fit") from error

    files = [tmp_path / "a", tmp_path / "b"]
    assert run_command(lambda: for_each(files, work, "files"), "x") == 143 and done == files[:1]
    assert run_command(lambda: work(files[1]), "x") == 143
    assert capsys.readouterr().err.splitlines() == ["x: ended by SIGTERM"] * 2


def test_a_signal_ends_a_command_though_a_library_has_lost_it(tmp_path, capsys):
    done = []

    def work(path):
        done.append(path)
        with contextlib.suppress(Ended):  # as code in Rust does that asks Python for something
            signal.raise_signal(signal.SIGINT)
        raise InputError("could not determine the shape")

    files = [tmp_path / "a", tmp_path / "b"]
    assert run_command(lambda: for_each(files, work, "files"), "x") == 130 and done == files[:1]
    assert run_command(lambda: work(files[1]), "x") == 130
    assert capsys.readouterr().err.splitlines() == ["x: interrupted"] * 2
    assert run_command(lambda: for_each([], work, "files"), "x") == 0, "the next command has heard nothing"


def test_closed_streams_lead_nowhere(tmp_path: Path) -> None:
    """`>&-` and `2>&-`: nothing is printed, the code is the command's, and no file gets the number of a stream."""
    script = (
        "import os; from skeletor.support.command import run_command\n"
        "def work():\n"
        "    print('told'); os.write(1, b'noise'); open('out', 'w').write('file'); return 3\n"
        "raise SystemExit(run_command(work, 'x'))"
    )
    for closed in (">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"):
        line = f'"{sys.executable}" -c "$SCRIPT" {closed}'
        done = subprocess.run(["bash", "-c", line], env={**os.environ, "SCRIPT": script}, cwd=tmp_path, check=False,
                              capture_output=True)  # fmt: skip
        assert done.returncode == 3 and done.stderr == b"", done
        assert (tmp_path / "out").read_text() == "file"
