"""Who is told to end, or put back into the queue, has not ended over its input."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slt.shards.plan import Plan, write_plan
from slt.shards.shard import read_marker, run_shard
from slt.shards.trying import TRYING, Trying

Text = dict[str, dict[str, Any]]


def planned(folder: Path) -> Plan:
    inputs = []
    for name in ("a", "b", "c"):
        path = folder / name
        path.write_text(name)
        inputs.append(path)
    return write_plan(folder / "out", "sentences", {}, inputs, 3, lambda: "code")


class Breaking:
    """A stage that is broken off over the second input, as often as `times`."""

    def __init__(self, times: int, end: Callable[[], None]) -> None:
        self.left, self.end = times, end

    def __call__(self) -> Callable[[Path], Text]:
        return self.one

    def one(self, path: Path) -> Text:
        if path.name == "b" and self.left:
            self.left -= 1
            self.end()
        return {"": {"text": path.name}}


def requeued() -> None:
    """As submitit leaves a task that has run out of time."""
    sys.exit(-1)


def full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("end", [requeued, full])
def test_one_in_work_when_its_task_was_left_six_times_is_not_blamed(tmp_path: Path, end: Callable[[], None]) -> None:
    plan, build = planned(tmp_path), Breaking(6, end)
    for _ in range(6):
        with pytest.raises((SystemExit, OSError)):
            run_shard(plan.folder, 0, build)
    run_shard(plan.folder, 0, build)
    marker = read_marker(plan, 0)
    assert marker is not None and (marker["clips"], marker["failed"]) == (3, [])


def killed_while_told(folder: Path, plan: Plan) -> int:
    """A worker that hears SIGTERM over the second input, goes on as submitit does, and is killed over the third."""
    code = """
import os, signal, sys
from pathlib import Path
from slt.shards.shard import run_shard
signal.signal(signal.SIGTERM, lambda number, frame: print("bypassed", flush=True))
def one(path):
    if path.name == "b":
        os.kill(os.getpid(), signal.SIGTERM)
    if path.name == "c":
        os.kill(os.getpid(), signal.SIGKILL)
    return {"": {"text": path.name}}
run_shard(Path(sys.argv[1]), 0, lambda: one)
"""
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": str(root)}
    return subprocess.run(
        [sys.executable, "-c", code, str(plan.folder)], cwd=root, env=environment, check=False, stdout=subprocess.PIPE
    ).returncode


def test_who_was_killed_after_sigterm_has_ended_over_nothing(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    assert killed_while_told(tmp_path, plan) == -signal.SIGKILL
    assert Trying(plan.result(0)).deaths == {}


def test_deaths_of_before_still_count(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    note = plan.result(0).with_suffix(TRYING)
    note.parent.mkdir(parents=True)
    note.write_text(json.dumps({"deaths": {}, "at": 1}))
    with pytest.raises(SystemExit):
        run_shard(plan.folder, 0, Breaking(1, requeued))
    assert Trying(plan.result(0)).deaths == {1: 1}


@pytest.mark.parametrize(
    ("later", "deaths"),
    [(("7", "1"), {}), (("7", "2"), {}), (("7", None), {1: 1}), (("8", "1"), {1: 1}), ((None, None), {1: 1})],
)
def test_a_task_that_slurm_put_back_into_the_queue_did_not_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: tuple[str | None, str | None], deaths: dict[int, int]
) -> None:
    def environment(job: str | None, restarts: str | None) -> None:
        for name, value in (("SLURM_JOB_ID", job), ("SLURM_RESTART_COUNT", restarts)):
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    environment("7", None)
    Trying(tmp_path / "0").over(1)
    environment(*later)
    assert Trying(tmp_path / "0").deaths == deaths


def test_sigterm_does_what_it_did_and_its_handler_is_put_back(tmp_path: Path) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        own, trying = signal.getsignal(signal.SIGTERM), Trying(tmp_path / "0")
        with trying.watched():
            trying.over(0)
            signal.raise_signal(signal.SIGTERM)
        assert heard == [signal.SIGTERM] and trying.told_to_end and not list(tmp_path.iterdir())
        assert signal.getsignal(signal.SIGTERM) is own
        thread = threading.Thread(target=lambda: trying.watched().__enter__())  # signals are the main thread's alone
        thread.start()
        thread.join()
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)
