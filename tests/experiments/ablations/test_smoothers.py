"""The grids of the smoothers in their smallest form."""

import json
from pathlib import Path

from experiments.__main__ import main
from experiments.ablations.smoothers import GRIDS


def test_the_best_options_of_a_grid_are_written(tmp_path: Path) -> None:
    where = ["--work", str(tmp_path / "work"), "--results", str(tmp_path)]
    assert main(["smoothers", *where, "--set", "clips=2", "--set", "only=[gaussian]"]) == 0
    rows = json.loads((tmp_path / "smoothers.json").read_text())["numbers"]["grids"]["gaussian"]
    assert [row["options"] for row in rows] == GRIDS["gaussian"]
    best = min(rows, key=lambda row: row["score"])
    assert best["acceleration"] < rows[0]["acceleration"]  # more smoothing than the least
    assert (
        f"| gaussian | {json.dumps(best['options'])} | {best['score']:.4f} |" in (tmp_path / "smoothers.md").read_text()
    )
