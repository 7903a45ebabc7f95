"""The YAML files, and tiny tables and figures from end to end."""

import json
from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.tables.compare import smoothers
from experiments.tables.config import load_table
from skeletor.support.errors import InputError

pytestmark = pytest.mark.usefixtures("forked_workers")

TABLES = Path(__file__).parents[3] / "experiments" / "tables"
MODEL = {"label": "Skeletor (default)", "train": {"preset": "small"}}
TINY = [f"smoothers={json.dumps(['linear', 'linear-carried'])}", f"models={json.dumps([MODEL])}", "workers=1"]


def made(folder: Path, *names: str, more: list[str] = TINY) -> int:
    """Make tables in their smallest form."""
    where = ["--work", str(folder), "--results", str(folder / "results"), "--quick"]
    return main([*names, *where, *(part for change in more for part in ("--set", change))])


@pytest.mark.parametrize("number", range(1, 8))
def test_the_tables_files_are_valid(number: int) -> None:
    config = load_table(TABLES / f"table{number}.yaml")
    assert config.number == number
    assert smoothers(config.smoothers)


def test_a_wrong_kind_or_key_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("kind: nothing\n")
    with pytest.raises(InputError, match="kind is 'nothing'"):
        load_table(file)
    file.write_text("kind: gap\nnumber: 5\ntitle: t\nlenghts: [1]\n")
    with pytest.raises(InputError, match="lenghts"):
        load_table(file)


def test_tables_are_made_kept_and_drawn(tmp_path: Path) -> None:
    assert made(tmp_path, "table1", "table3", "table5") == 0
    numbers = json.loads((tmp_path / "results" / "table1.json").read_text())["numbers"]
    row = numbers["rows"]["Skeletor (default), trained at 10%"]
    assert len(row["dev"]) == 4 and row["test"]["hit cm"]["ave"] > 0
    weights = sorted((tmp_path / "models").rglob("refiner.safetensors"))
    times = [file.stat().st_mtime_ns for file in weights]
    assert made(tmp_path, "table3") == 0
    assert [file.stat().st_mtime_ns for file in weights] == times and len(weights) == 2
    where = ["--results", str(tmp_path / "results"), "--work", str(tmp_path)]
    assert main(["figures", *where, "--set", "only=[3, 8]"]) == 0
    drawn = {file.name for file in (tmp_path / "results" / "figures").iterdir()}
    assert drawn == {"figure3.png", "figure3.svg", "figure8.png", "figure8.svg"}


def test_what_has_no_data_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["table6", "--quick", "--run", "nowhere"]) == 2
    assert main(["figures", "--set", "only=[7, 8]", "--run", "nowhere"]) == 2
