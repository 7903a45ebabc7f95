"""A bad input is one line and does not stop the others, whatever went wrong with it."""

import errno
import os
import zlib
from pathlib import Path

import pytest
from safetensors import SafetensorError

from skeletor.support.batch import for_each
from skeletor.support.errors import InputError, NothingToTranslate
from skeletor.support.listening import said

PATHS = [Path("a"), Path("b"), Path("c")]


@pytest.mark.parametrize(
    ("errors", "code", "summary"),
    [
        ({}, 0, None),
        ({"a": NothingToTranslate("x")}, 3, "1 of 3 not translated"),
        ({"a": NothingToTranslate("x"), "b": InputError("y")}, 2, "1 of 3 files failed, 1 of 3 not translated"),
        ({name: NothingToTranslate("x") for name in "abc"}, 3, "3 of 3 not translated"),
        ({"b": OSError(errno.ENOSPC, "full"), "c": InputError("y")}, 2, "2 of 3 files failed"),
        ({"a": PermissionError(errno.EACCES, "no", "a")}, 2, "1 of 3 files failed"),
        ({"a": "\udce4".encode}, 2, "1 of 3 files failed"),
        ({"a": SafetensorError("I/O error: No space left on device (os error 28)")}, 2, "1 of 3 files failed"),
        ({"a": lambda: zlib.decompress(b"x")}, 2, "1 of 3 files failed"),
        ({"a": MemoryError(), "b": EOFError()}, 2, "2 of 3 files failed"),
        ({"a": ValueError("a defect"), "b": InputError("y")}, 1, "2 of 3 files failed"),
    ],
)
def test_a_bad_input_is_listed_and_does_not_stop_the_others(capsys, errors, code, summary):
    seen = []

    def work(path: Path) -> None:
        seen.append(path.name)
        error = errors.get(path.name)
        if isinstance(error, Exception):
            raise error
        if error is not None:
            error()

    assert for_each(PATHS, work, "test") == code
    assert seen == ["a", "b", "c"]
    *listed, last = capsys.readouterr().err.splitlines() or [None]
    assert last == summary
    assert [line.split(": ")[0] for line in listed] == list(errors)
    assert not any("\n" in line or "Traceback" in line for line in listed)


def test_one_input_has_no_summary(capsys):
    def work(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert for_each([Path("geb\udce4rde.mp4")], work, "test") == 2
    assert capsys.readouterr().err == "geb\\udce4rde.mp4: the disk is full; make room, or choose another folder\n"


@pytest.mark.parametrize("error", [BrokenPipeError(), KeyboardInterrupt(), SystemExit(1)])
def test_a_closed_pipe_and_a_signal_end_the_whole(error):
    seen = []

    def work(path: Path) -> None:
        seen.append(path)
        raise error

    with pytest.raises(type(error)):
        for_each(PATHS, work, "test")
    assert seen == PATHS[:1]


@pytest.mark.parametrize(("paths", "heard"), [(PATHS[:1], ["frames 1/2", "frames 2/2"]), (PATHS, [])])
def test_of_a_single_input_it_is_shown_how_far_it_is(monkeypatch: pytest.MonkeyPatch, paths, heard) -> None:
    """Of several the inputs are counted."""
    told: list[str] = []
    monkeypatch.setattr("skeletor.support.progress._Heard.hear", lambda _, *a: told.append("{} {}/{}".format(*a)))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert for_each(paths, lambda path: list(said("ab", "frames", 2)), "files") == 0  # type: ignore[arg-type]
    assert told == heard
