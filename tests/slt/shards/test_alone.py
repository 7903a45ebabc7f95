"""One input in a process of its own."""

from functools import partial
from pathlib import Path

import pytest

from skeletor.support.errors import InputError, is_full
from slt.shards.alone import attempt, attempt_alone
from tests.slt.shards.jobs import ending, full

pytestmark = pytest.mark.usefixtures("forked_workers")


def test_results_and_lines_are_those_of_a_try_here(tmp_path: Path) -> None:
    for make in (partial(ending, "b"), partial(refusing, "no good")):
        here = attempt(make(), tmp_path / "a")
        assert attempt_alone(make, tmp_path / "a") == here and here
    assert attempt(refusing("no good"), tmp_path / "a") == f"{tmp_path / 'a'}: no good"


def test_the_end_of_that_process_is_a_line_with_the_inputs_name(tmp_path: Path) -> None:
    line = attempt_alone(partial(ending, "b"), tmp_path / "b")
    assert line == f"{tmp_path / 'b'}: ended a process that did nothing else (a crash, or no memory); left out"


def test_a_full_disk_is_raised_from_there_too(tmp_path: Path) -> None:
    for tried in (lambda: attempt(full("why"), tmp_path), lambda: attempt_alone(partial(full, "why"), tmp_path)):
        with pytest.raises((OSError, InputError)) as raised:
            tried()
        assert is_full(raised.value)


def refusing(why: str):
    """A stage that can use nothing."""

    def stage(path: Path) -> dict:
        raise InputError(why)

    return stage
