"""The table of failures in its smallest form: each thing does go wrong, and nothing is missing or twice afterwards."""

import json
import os
import threading
from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.scale.corpora import Here, planned, rendered_poses, tree
from experiments.scale.jobs import GATE, mount_small
from experiments.scale.trials import (
    TRIALS,
    Setting,
    Trial,
    clip_poisoned,
    disk_full,
    killed_while,
    task_killed,
    worker_killed,
)
from slt.shards.run import run_plan


def may_mount() -> bool:
    """Whether a process may have a file system of its own here; asked in a child, which then sees one."""
    child = os.fork()
    if child == 0:
        try:
            mount_small(Path("/tmp"))
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


@pytest.fixture(scope="module", name="setting")
def _setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    folder = tmp_path_factory.mktemp("shards")
    inputs = rendered_poses(8, folder / "poses")
    plain = planned(folder / "plain", "lift", inputs, 2)
    run_plan(plain, Here())
    return Setting("local", inputs, 2, 2, folder / "out", tree(plain))


@pytest.mark.parametrize("trial", [worker_killed, task_killed])
def test_after_a_death_all_is_there_once_with_the_same_bytes(trial, setting: Setting) -> None:
    found: Trial = trial(setting)
    assert found.passed and found.happened and (found.runs, found.lost, found.listed) == (1, [], []), found


@pytest.mark.usefixtures("forked_workers")
def test_a_clip_that_ends_its_worker_is_listed_beside_one_that_is_none(setting: Setting) -> None:
    (setting.folder).mkdir(exist_ok=True)
    found = clip_poisoned(setting)
    assert found.passed and found.runs == 1, found
    assert [("deadly" in line, "did nothing else" in line) for line in found.listed] == [(True, True), (False, False)]


@pytest.mark.usefixtures("forked_workers")
def test_a_full_disk_loses_shards_until_the_next_run(setting: Setting) -> None:
    if not may_mount():
        pytest.skip("no file system of its own may be mounted here")
    found = disk_full(setting)
    assert found.passed and found.runs == 2 and all("full" in line for line in found.lost) and found.lost, found


def test_a_trial_in_which_nothing_went_wrong_does_not_pass() -> None:
    assert not Trial("x", "local", same=True, happened=False).passed
    assert not Trial("x", "local", same=True, missing=1).passed
    assert not Trial("x", "local", same=True, twice=1).passed
    assert not Trial("x", "local", same=False).passed and Trial("x", "local", same=True).passed
    assert len(TRIALS) == 4


def test_a_kill_that_goes_wrong_is_not_passed_over(tmp_path: Path) -> None:
    told = threading.Event()

    def kill(who: dict[str, str]) -> None:
        told.set()
        raise ProcessLookupError(who["pid"])

    (tmp_path / GATE).write_text('{"pid": "1"}')
    with pytest.raises(ProcessLookupError):
        killed_while(lambda: told.wait(60), tmp_path, kill)
    (tmp_path / GATE).unlink()
    assert not killed_while(lambda: None, tmp_path, kill)


def test_the_experiment_compares_bytes_and_tells_costs(tmp_path: Path) -> None:
    sizes = ("engines=[local]", "parts=[bytes, costs]", "clips=3", "videos=0", "overhead=2", "waits=2", "seconds=0.01")
    changes = [part for size in sizes for part in ("--set", size)]
    assert main(["shards", "--work", str(tmp_path / "work"), "--results", str(tmp_path), *changes]) == 0
    found = json.loads((tmp_path / "shards.json").read_text())
    assert found["bytes"] == [["lift", "local", "3", "1", found["bytes"][0][4], "yes"]]
    assert [one["name"] for one in found["costs"]] == ["in this process", "multiprocessing.Pool", "local"]
    (shared,) = found["sharing"]
    assert shared["own"] >= 0.01 and shared["one"] >= 0.02
    assert (tmp_path / "shards.md").read_text().count("| local |") == 3
