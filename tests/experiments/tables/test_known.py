"""The YAML files, and tiny tables and figures from end to end."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from experiments.__main__ import main
from experiments.tables.compare import LABELS, Spread, smoothers
from experiments.tables.config import NoiseTable, load_table
from experiments.tables.known import noise_result
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


def test_smoothers_rows_are_made_alone_and_the_others_kept(tmp_path: Path) -> None:
    tables = {  # where the network's row stands, and a number in it
        "table1": (("rows", "Skeletor (default), trained at 10%"), ("test", "hit cm", "ave")),
        "table3": (("rows", "Skeletor (default)"), ("0.5", "all cm", "ave")),
        "table5": (("hand", "Skeletor (default)"), ("all speeds", "2", "cm")),
    }
    assert made(tmp_path, *tables, more=[f"smoothers={json.dumps(['linear'])}", *TINY[1:]]) == 0
    shutil.rmtree(tmp_path / "models")
    before = {}
    for name, (place, value) in tables.items():
        file = tmp_path / "results" / f"{name}.json"
        before[name] = json.loads(file.read_text())
        row = _at(before[name]["numbers"], place)
        _at(row, value[:-1])[value[-1]] = 123.0  # which no training here gives
        file.write_text(json.dumps(before[name]))
    more = [f"smoothers={json.dumps(['linear', 'savgol-carried'])}", *TINY[1:]]
    for _ in range(2):  # the second time from rows that were kept
        assert made(tmp_path, *tables, "--smoothers", more=more) == 0
    assert not (tmp_path / "models").exists()
    for name, (place, _) in tables.items():
        found = json.loads((tmp_path / "results" / f"{name}.json").read_text())
        assert _at(found["numbers"], place) == _at(before[name]["numbers"], place)
        assert "Savitzky-Golay, hands carried" in found["numbers"][place[0]]
        assert found["kept"]["command"] == before[name]["command"] != found["command"]
        text = (tmp_path / "results" / f"{name}.md").read_text()
        assert "**123" in text or "| 123 |" in text
        assert f"made anew with `{found['command']}`" in text and f"`{before[name]['command']}` had made" in text


def _at(values: Any, place: tuple[str, ...]) -> Any:
    for key in place:
        values = values[key]
    return values


def test_rows_of_other_test_data_are_not_kept(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert made(tmp_path, "table3", "--smoothers") == 2
    assert "make the table without --smoothers" in capsys.readouterr().err
    given = [f"smoothers={json.dumps(['linear'])}", "models=[]"]
    assert made(tmp_path, "table3", more=given) == 0
    text = (tmp_path / "results" / "table3.json").read_text()
    assert made(tmp_path, "table3", "--smoothers", more=[*given, "data.seed=2"]) == 2
    assert "of other test data" in capsys.readouterr().err
    assert (tmp_path / "results" / "table3.json").read_text() == text


@pytest.mark.parametrize("names", [["none"], [], ["none", "linear"]])
def test_a_best_smoother_is_named_where_there_is_one(names: list[str]) -> None:
    config = NoiseTable(kind="noise", what="frames", number=3, title="t", smoothers=names, strengths=[0.1, 0.2])
    errors = {key: Spread(1, 2, 3) for key in ("all sum", "hit cm", "all cm", "hit mse")}
    labels = [LABELS.get(name, name) for name in names] + ["trained"]
    first = noise_result(config, {label: {0.1: errors, 0.2: errors} for label in labels}).sections[0]
    assert ("best smoother" in first) == ("2.00 (linear)" in first) == ("linear" in names)
    assert len({line.count("|") for line in first.splitlines() if line.startswith("|")}) == 1


def test_what_has_no_rows_of_smoothers_says_so(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["table6", "--smoothers", "--work", str(tmp_path)]) == 2
    assert main(["lifters", "--smoothers", "--work", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("leave --smoothers out") == 2


def test_what_has_no_data_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["table6", "--quick", "--run", "nowhere"]) == 2
    assert main(["figures", "--set", "only=[7, 8]", "--run", "nowhere"]) == 2
