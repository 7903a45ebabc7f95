"""Published rows stand beside PHOENIX14T alone, marked; beside what is made of its annotation as not comparable."""

import csv
import json
from pathlib import Path

import pytest

from slt.pipeline.tables.published import PHOENIX14T, label_of, notes, published_for
from slt.pipeline.tables.table import METRICS, Table, TableRow
from slt.score.scores import score

SEEDS = Path(__file__).parents[5] / "shared/seeds"
REFERENCES = ["im norden regen .", "im süden sonne und wind ."]


def test_only_the_real_data_set_is_comparable():
    rows, origin = published_for("phoenix14t")
    assert rows == PHOENIX14T and "not comparable" not in origin
    for kind in ("resynthesised", "phoenix14t-resynth"):
        rows, origin = published_for(kind)
        assert rows == PHOENIX14T and "not comparable" in origin
    assert published_for("rendered") == ((), "") and notes((), "") == ()


def test_every_published_row_is_marked_has_a_source_and_known_metrics():
    text = " ".join(notes(*published_for("phoenix14t")))
    for row in PHOENIX14T:
        assert label_of(row).startswith("published: ") and row.source in text
        assert row.test and set(row.dev) | set(row.test) <= set(METRICS)
        assert all(0 < value < 100 for scores in (row.dev, row.test) for value in scores.values())


@pytest.mark.skipif(not SEEDS.exists(), reason="the papers are not at ../shared")
def test_the_papers_rows_are_as_it_prints_them():
    paper = next(SEEDS.glob("000*.txt")).read_text(encoding="utf-8").replace("<b>", "").replace("</b>", "")
    lines = [line.split("\t")[1:] for line in paper.splitlines() if line.count("\t") == 10]
    for row in PHOENIX14T[:3]:
        printed = [f"{scores[m]:.2f}" for scores in (row.dev, row.test) for m in METRICS if m in scores]
        assert printed in lines, row.label


def test_the_table_shows_them_behind_our_rows_in_every_form(tmp_path):
    ours = score(REFERENCES, REFERENCES)
    rows, origin = published_for("phoenix14t")
    made = Table("title", (TableRow("raw", ours, ours, name="raw"),), notes(rows, origin), (), rows)
    made.write(tmp_path)
    stored = list(csv.DictReader((tmp_path / "table.csv").open(encoding="utf-8")))
    assert [r["system"] for r in stored] == ["raw", *map(label_of, rows)]
    assert stored[3]["test_bleu4"] == "10.35" and stored[3]["test_chrf"] == "" and stored[3]["bleu_signature"] == ""
    assert json.loads((tmp_path / "table.json").read_text())["published"][2]["dev"]["bleu4"] == 10.91
    for text in (made.markdown(), made.text()):
        assert text.index("raw") < text.index("published: Skeletor") and "10.91" in text and origin in text
