"""The GPU bench in its smallest form, on a CPU; and what it counts."""

import json
from pathlib import Path

import torch

from experiments.__main__ import main
from experiments.benchmarks.device import Cost, _Operations


def test_launches_and_waits_are_counted() -> None:
    operations = _Operations(torch.device("cpu"))
    values = torch.ones(3)
    with operations:
        float((values.view(3, 1) * 2).sum())  # a product, a sum, and the host waits for it
    assert (operations.launches, operations.waits) == (3, 1)


def test_the_share_of_the_peak() -> None:
    assert Cost("x", samples=2, launches=1, waits=0, gflop=4.0, rate=500.0).share(peak=2.0) == 0.5


def test_a_training_without_a_gpu(tmp_path: Path) -> None:
    sizes = ["steps=1", "clips=40", "only=[recogniser]", "device=cpu"]
    changes = [part for size in sizes for part in ("--set", size)]
    where = ["--work", str(tmp_path / "work"), "--results", str(tmp_path)]
    assert main(["gpu-bench", *where, *changes]) == 0
    (row,) = json.loads((tmp_path / "gpu-bench.json").read_text())["rows"]
    assert row["training"] == "recogniser" and row["launches"] > 100 and row["gflop"] > 0.1 and row["rate"] > 0
    assert "| recogniser | 32 |" in (tmp_path / "gpu-bench.md").read_text()
