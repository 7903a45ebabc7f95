"""The GPU bench in its smallest form, on a CPU; and what it counts."""

import json
from pathlib import Path

import torch

from experiments.__main__ import main
from experiments.benchmarks.device import _Operations
from experiments.benchmarks.goals import CARDS, Cost, card_of, goal, markdown


def test_launches_and_waits_are_counted() -> None:
    operations = _Operations(torch.device("cpu"))
    values = torch.ones(3)
    with operations:
        float((values.view(3, 1) * 2).sum())  # a product, a sum, and the host waits for it
    assert (operations.launches, operations.waits) == (3, 1)
    assert operations.bytes == 4 * (3 + 3) + 4 * (3 + 1) + 4, "a product, a sum, and its value"


def test_the_share_of_the_peak() -> None:
    assert Cost("x", samples=2, launches=1, waits=0, gflop=4.0, rate=500.0).share(peak=2.0) == 0.5


def test_the_limits_by_arithmetic_and_by_memory() -> None:
    row = Cost("x", samples=256, launches=1, waits=0, gflop=2560.0, rate=1.0, gbytes=256.0)
    assert card_of("NVIDIA H200") == CARDS[0] and card_of("NVIDIA L40S") == CARDS[3] and card_of("x") is None
    assert row.by_flop(CARDS[0]) == 98_900 and row.by_bytes(CARDS[0]) == 4800


def test_goals_are_beside_what_was_reached_and_on_a_cpu_not_measured() -> None:
    refiner = Cost("refiner (paper)", 256, 1, 0, 2.0, 29_000.0, 1.0)
    reader = Cost("recogniser", 32, 1, 0, 2.0, 500.0, 1.0, one_core=20.0)
    assert goal(refiner, True) == "30,000/s; 29,000/s: no" and goal(reader, True) == "20 times a core; 25.0 times: yes"
    assert goal(refiner, False) == "30,000/s; not measured" and "not measured" in goal(reader, False)
    assert "three seeds within an hour: not measured" in markdown([refiner, reader], "NVIDIA H200", True)


def test_a_training_without_a_gpu(tmp_path: Path) -> None:
    sizes = ["steps=1", "clips=40", "only=[recogniser]", "device=cpu"]
    changes = [part for size in sizes for part in ("--set", size)]
    where = ["--work", str(tmp_path / "work"), "--results", str(tmp_path)]
    assert main(["gpu-bench", *where, *changes]) == 0
    (row,) = json.loads((tmp_path / "gpu-bench.json").read_text())["rows"]
    assert row["training"] == "recogniser" and row["launches"] > 100 and row["gflop"] > 0.1 and row["rate"] > 0
    assert row["gbytes"] > 0.01 and 0 < row["python"] < 1 and row["one_core"] is None
    text = (tmp_path / "gpu-bench.md").read_text()
    assert "| recogniser | 32 |" in text and "| recogniser | 20 times a core; not measured |" in text
