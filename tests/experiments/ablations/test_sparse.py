"""The table of sparse 2D: its rows, and what it says where there is no run."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.ablations import sparse

CONFIG = "strides: [1, 4]\nlift_weights: lifter.safetensors\ntrained: {at stride 4: nowhere}\n"


def test_the_first_row_is_the_chain_as_it_is_and_only_token_takes_the_weights(tmp_path: Path) -> None:
    job = sparse.SparseJob(strides=[1, 4], lift_weights="w.safetensors", trained={"gone": str(tmp_path / "gone")})
    rows = sparse.ways(job, tmp_path)
    assert [(row.upsample, row.stride) for row in rows] == [
        ("interpolation", 1), ("interpolation", 4), ("token", 1), ("token", 4),
    ]  # fmt: skip
    assert all((row.lift_weights is not None) == (row.upsample == "token") for row in rows)
    assert len({sparse.key(row) for row in rows}) == len(rows)
    assert "--lift" in rows[-1].options and "--lift" not in rows[0].options
    own = sparse.Way("trained so", tmp_path, 4, "token")
    assert own.options == ["--model", str(tmp_path)] and own.sparse.pose_stride is None


def test_losses_are_against_the_first_row() -> None:
    references = [f"am {day} regnet es im norden ." for day in ("montag", "dienstag", "freitag")]
    rows = [{"lines": references, "bleu4": 100.0}, {"lines": ["am montag regnet es im süden ."] * 3, "bleu4": 40.0}]
    sparse.compare(rows, references)
    assert rows[0]["lost"] == 0 and rows[0]["p"] == 1
    assert rows[1]["lost"] == 60 and 0 < rows[1]["p"] < 1


def test_without_a_run_it_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sparse.yaml").write_text(CONFIG)
    (tmp_path / "run" / "corpus").mkdir(parents=True)
    where = ["--work", str(tmp_path / "work"), "--results", str(tmp_path)]
    code = main(["sparse", "--config", str(tmp_path / "sparse.yaml"), "--run", str(tmp_path / "run"), *where])
    assert code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "no finished run" in line]
    assert len(lines) == 1 and not (tmp_path / "sparse.md").exists()
