"""How the order of uploads is told from outside, and what is counted of processes."""

import os
import subprocess
import sys
from typing import Any

import pytest

from experiments.scale import serving
from experiments.scale.processes import command_of, cpu_seconds, descendants, resident
from experiments.scale.serving import Seen, ServingConfig, in_order, page, watch


class Server:
    """Answers for a queue: who has begun is a number that grows with each look at the last."""

    def __init__(self, order: list[str], begins: list[list[str]]) -> None:
        self.order, self.begins, self.round = order, begins, -1

    def __call__(self, address: str) -> dict[str, Any]:
        key = address.rpartition("/")[2]
        if key == self.order[-1]:
            self.round += 1
        begun = self.begins[min(max(self.round, 0), len(self.begins) - 1)]
        if key in begun:
            return {"state": "done"}
        return {"state": "waiting", "before": self.order.index(key)}


def test_the_order_of_arrival_is_told_by_what_is_before_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "ask", Server(["b", "c", "a"], [["b"]]))
    assert in_order("x", ["a", "b", "c"]) == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("begins", "disorder"),
    [([[], ["a"], ["a", "b"], ["a", "b", "c"]], 0), ([[], ["a"], ["a", "c"], ["a", "b", "c"]], 1)],
)
def test_one_that_begins_before_an_earlier_one_is_seen(
    begins: list[list[str]], disorder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "ask", Server(["a", "b", "c"], [[], *begins]))
    monkeypatch.setattr(serving, "_LOOK", 0.001)
    seen = Seen("x")
    watch(seen, os.getpid(), "x", ["a", "b", "c"], False)
    assert seen.disorder == disorder and seen.looks >= 3 and seen.server > 0


def test_what_is_lost_is_what_neither_ended_well_nor_failed() -> None:
    text = page([Seen("1 worker", done=3, failed=["died"])], ServingConfig(uploads=6), "x")
    assert "| 1 worker | 3 | 1 | 2 |" in text


def test_processes_below_this_one_are_found_and_counted() -> None:
    child = subprocess.Popen([sys.executable, "-c", "print(flush=True); input()"], stdin=-1, stdout=-1)
    assert child.stdout is not None
    try:
        child.stdout.readline()
        assert child.pid in descendants(os.getpid()) and resident(child.pid) > 1 << 20
        assert "input()" in command_of(child.pid)
    finally:
        child.communicate(b"\n")
    assert resident(child.pid) == 0 and command_of(child.pid) == "" and cpu_seconds(os.getpid()) > 0
