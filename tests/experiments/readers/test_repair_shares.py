"""The experiment on repair for a reader of few sentences, on the toy language laid out as a finished run."""

import json
from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.catalogue import EXPERIMENTS, HERE
from experiments.readers import gloss2text, repair_shares
from skeletor.support.config import check_config, load_config
from skeletor.support.errors import InputError
from slt.data.layout import read_corpus
from tests.experiments.readers.test_pretraining import run  # noqa: F401 (a fixture)
from tests.experiments.readers.test_recognition import TINY

pytestmark = pytest.mark.usefixtures("forked_workers")


def test_each_row_learns_from_the_same_share_and_is_compared_with_the_first(run: Path, tmp_path: Path) -> None:  # noqa: F811
    splits = {s: read_corpus(run / "corpus").split(s) for s in ("train", "dev", "test")}
    model = gloss2text.train("seed 1", TINY, 1, splits, tmp_path / "models").folder / "model"
    config = tmp_path / "tiny.yaml"
    config.write_text(
        "recogniser: {preset: tiny}\nrows: [raw, savgol-carried]\n"
        "points: [{share: 0.5, epochs: 3, seeds: [1, 2]}, {share: 1.0, epochs: 1, seeds: [1]}]\n"
        f"gloss_model: {model}\n"
    )
    command = ["repair_shares", "--run", str(run), "--corpus", str(run / "corpus"), "--config", str(config),
               "--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]  # fmt: skip
    assert main(command) == 0
    points = json.loads((tmp_path / "results" / "tiny.json").read_text())["numbers"]["points"]
    assert {name: {row: one["seeds"] for row, one in rows.items()} for name, rows in points.items()} == {
        "50 %, 3 epochs": {"raw": [1, 2], "savgol-carried": [1, 2]},
        "100 %, 1 epochs": {"raw": [1], "savgol-carried": [1]},
    }
    for rows in points.values():
        raw, smooth = rows["raw"], rows["savgol-carried"]
        assert "gain" not in raw
        apart = smooth["test"]["wer"] - raw["test"]["wer"]
        assert smooth["gain"]["test"]["wer"]["difference"] == pytest.approx(apart)
    assert {p.name.rpartition("-seed")[0] for p in (tmp_path / "work").glob("*-seed*")} == {
        f"{share}-epochs-{row}" for share in ("50-3", "100-1") for row in ("raw", "savgol-carried")
    }


@pytest.mark.parametrize(
    "twice",
    [
        {"rows": ["raw", "raw"]},
        {"points": [{"share": 0.5, "epochs": 1, "seeds": [1, 1]}]},
        {"points": [{"share": 0.5, "epochs": 1, "seeds": [1]}, {"share": 0.5, "epochs": 1, "seeds": [2]}]},
    ],
)
def test_what_stands_there_twice_is_told(twice: dict[str, list[object]]) -> None:
    """Two processes would train in one folder."""
    good = {"rows": ["raw", "truth"], "points": [{"share": 0.5, "epochs": 1, "seeds": [1]}], "gloss_model": "m"}
    assert check_config(good, repair_shares.RepairSharesConfig, "x").rows == ["raw", "truth"]
    with pytest.raises(InputError, match="twice"):
        check_config({**good, **twice}, repair_shares.RepairSharesConfig, "x")


def test_the_shipped_config_compares_with_raw_skeletons() -> None:
    experiment = EXPERIMENTS["repair_shares"]
    assert experiment.file == HERE / "readers" / "repair_shares.yaml"
    assert load_config(experiment.file, repair_shares.RepairSharesConfig).rows[0] == "raw"


def test_the_page_has_a_place_for_the_table() -> None:
    """Else the command fails at its end, after hours of training."""
    page = (HERE.parent / EXPERIMENTS["repair_shares"].page).read_text(encoding="utf-8")
    assert "<!-- table repair_shares: begin -->" in page and "<!-- table repair_shares: end -->" in page
