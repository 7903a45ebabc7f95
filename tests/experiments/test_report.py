"""Numbers as text."""

import json
import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from experiments.portable import portable
from experiments.report import Result, bold_best, labelled, markdown, number, write_result
from experiments.request import RESULTS, ROOT, Request
from experiments.tables.compare import Spread
from experiments.tables.config import MotionConfig


@given(st.floats(1e-6, 1e5))
def test_a_number_keeps_three_digits_and_no_exponent(value: float) -> None:
    text = number(value)
    assert "e" not in text
    assert math.isclose(float(text), value, rel_tol=6e-3)


def test_what_is_no_number_is_empty() -> None:
    assert number(None) == number(float("nan")) == ""
    assert number(0.0) == "0"


def test_the_smallest_of_a_column_is_bold() -> None:
    assert bold_best([[1.0, None], [2.0, 3.0]]) == [["**1.00**", ""], ["2.00", "**3.00**"]]
    assert labelled({"a": [1.0], "b": [2.0]}) == [["a", "**1.00**"], ["b", "2.00"]]


def test_a_table_is_markdown_of_one_width() -> None:
    lines = markdown("t", ["", "a", "b"], [["x", "1", "2"]]).splitlines()
    assert {line.count("|") for line in lines if line.startswith("|")} == {4}


def test_json_keeps_numbers_and_how_they_came(tmp_path: Path) -> None:
    about = Request("t", tmp_path, command="c", signature="s").about(MotionConfig(train=7), 3)
    write_result(Result(["body\n"], {"x": Spread(1, 2, 3)}), tmp_path, "t", "T", about)
    stored = json.loads((tmp_path / "t.json").read_text())
    assert stored["numbers"]["x"] == {"min": 1, "ave": 2, "max": 3}
    assert stored["seed"] == 3 and stored["command"] == "c" and "torch" in stored["versions"]
    assert stored["title"] == "T" and stored["signature"] == "s" and stored["config"]["train"] == 7
    assert "body" in (tmp_path / "t.md").read_text()


def test_no_path_of_this_machine_is_written(tmp_path: Path) -> None:
    about = Request("t", tmp_path, command=f"c --run {ROOT}/runs/demo", signature="s").about(MotionConfig(train=7), 3)
    both = {"weights": str(ROOT / "slt" / "x"), "models": ["/tmp/one/m.pt", "/tmp/two/m.pt"]}
    write_result(Result(["of /tmp/two/m.pt\n"], both), tmp_path, "t", "T", about)
    stored = json.loads((tmp_path / "t.json").read_text())
    assert stored["command"] == "c --run runs/demo"
    assert stored["numbers"] == {"weights": "slt/x", "models": ["one/m.pt", "two/m.pt"]}
    text = (tmp_path / "t.md").read_text()
    assert "`c --run runs/demo`" in text and "of two/m.pt\n" in text


def test_the_results_of_the_repository_name_no_folder_of_a_machine() -> None:
    files = [path for path in (ROOT / RESULTS).rglob("*") if path.suffix in (".json", ".md")]
    assert len(files) > 50
    values = {path.name: json.loads(text) if path.suffix == ".json" else text for path, text in _texts(files)}
    assert not [name for name, value in values.items() if value != portable(value)]


def _texts(files: list[Path]) -> list[tuple[Path, str]]:
    return [(path, path.read_text(encoding="utf-8")) for path in files]
