import csv
import json

from slt.pipeline.table import Table, TableRow
from slt.score import score

REFERENCES = ["im norden regen .", "im süden sonne und wind .", "morgen ist es kalt im osten ."]


def table() -> Table:
    good = score(REFERENCES, REFERENCES)
    bad = score(["im süden regen ."] * 3, REFERENCES)
    return Table("title", (TableRow("floor", bad, bad), TableRow("raw", good, good, 0.01, 100.0)), ("a note",))


def test_all_forms_hold_the_same_numbers(tmp_path):
    table().write(tmp_path)
    rows = list(csv.DictReader((tmp_path / "table.csv").open(encoding="utf-8")))
    stored = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))
    assert [r["system"] for r in rows] == ["floor", "raw"]
    assert float(rows[1]["test_bleu4"]) == stored["rows"][1]["test"]["bleu4"]
    assert abs(float(rows[1]["dev_rouge"]) - 100) < 1e-6
    markdown = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| raw | 100.00 |" in markdown and "- a note" in markdown
    assert "100.00" in table().text() and "a note" in table().text()
