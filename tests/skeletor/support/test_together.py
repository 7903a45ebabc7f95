"""A team of two processes under torchrun: one goes through a program, and calls the other."""

import os
from pathlib import Path

import pytest
import torch

from skeletor.support.devices import TORCHRUN
from skeletor.support.together import Processes, team_of_torchrun
from tests.torchrun import by_torchrun

JOB = """
import os, sys
from pathlib import Path
from skeletor.support.devices import process_count, process_rank
from skeletor.support.together import Team
from tests.skeletor.support.test_together import note
folder, team = Path(sys.argv[1]), Team()
if team.leads:
    with team.leading():
        (folder / "alone").write_text(f"{process_rank()} of {process_count()}")
        for number in (1, 2):
            team.call(note, folder, number)
    assert process_count() == 2
else:
    team.follow()
    (folder / "free").touch()
"""


def note(folder: Path, number: int) -> None:
    """What all do: each says who it is, and what it heard."""
    processes = Processes()
    told = processes.told({"number": number} if processes.first else None)
    total = processes.total(torch.tensor([1.0 + processes.rank]))
    (folder / f"{number}-{processes.rank}").write_text(f"{told['number']} {float(total)}")
    processes.meet()
    assert (folder / f"{number}-{1 - processes.rank}").exists()


def test_what_the_first_process_calls_all_do(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(JOB)
    by_torchrun(tmp_path)
    for number in (1, 2):
        assert [(tmp_path / f"{number}-{rank}").read_text() for rank in (0, 1)] == [f"{number} 3.0"] * 2
    assert (tmp_path / "alone").read_text() == "0 of 1" and (tmp_path / "free").exists()


def test_without_torchrun_there_is_no_team_and_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TORCHRUN, raising=False)
    monkeypatch.setenv("WORLD_SIZE", "4")  # of something else
    processes = Processes()
    assert team_of_torchrun() is None and processes.first and processes.count == 1
    assert processes.told(5) == 5 and float(processes.total(torch.tensor(3.0))) == 3.0
    processes.meet()
    monkeypatch.setenv(TORCHRUN, "x")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert team_of_torchrun() is None
    assert not torch.distributed.is_initialized() and TORCHRUN not in os.environ
