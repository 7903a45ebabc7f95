import csv
import json
from dataclasses import replace

import pytest

from slt.pipeline.tables import gains
from slt.pipeline.tables.published import Published
from slt.pipeline.tables.table import SeedScores, Table, TableRow
from slt.score.bootstrap import statistics
from slt.score.scores import mean_scores, score

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
    assert rows[1]["bleu_signature"].startswith("nrefs:1|") and rows[1]["chrf_signature"].startswith("nrefs:1|")
    assert rows[1]["seeds"] == "1" and rows[1]["test_bleu4_sd"] == ""


def test_word_error_rates_stand_beside_the_rows_that_have_them(tmp_path):
    bare = table()
    floor, raw = bare.rows
    read = replace(raw, dev=replace(raw.dev, wer=12.345), test=replace(raw.test, wer=14.0))
    paper = Published("a paper", {"bleu4": 10.0}, {"bleu4": 11.0}, "2021")
    made = Table("title", (floor, read), (), (), (paper,))
    lines = [line for line in made.markdown().splitlines() if line.startswith("|")]
    assert lines[0].endswith("| dev WER | test WER |") and len({line.count("|") for line in lines}) == 1
    assert lines[2].endswith("|  |  |") and lines[3].endswith("| 12.35 | 14.00 |") and lines[4].endswith("|  |  |")
    assert "dev WER" in made.text() and "14.00" in made.text()
    assert "WER" not in bare.markdown() and "WER" not in bare.text()
    made.write(tmp_path)
    rows = list(csv.DictReader((tmp_path / "table.csv").open(encoding="utf-8")))
    assert rows[0]["test_wer"] == "" and float(rows[1]["dev_wer"]) == 12.345 and rows[2]["test_wer"] in ("", None)


def test_several_seeds_show_their_deviation_and_the_best_on_dev_is_known(tmp_path):
    good, bad = (REFERENCES, ["im süden regen ."] * 3)
    mean = mean_scores([score(x, REFERENCES) for x in (bad, good)], [statistics(x, REFERENCES) for x in (bad, good)])
    single = [SeedScores(4 + k, score(x, REFERENCES), score(x, REFERENCES)) for k, x in enumerate((bad, good))]
    row = TableRow("raw", mean, mean, name="raw", seeds=tuple(single))
    made = Table("title", (row,), ())
    assert made.best_seed("raw") == 1 and made.scores_of("raw", 1)["test"].bleu4 == pytest.approx(100)
    assert f"{mean.bleu4:.2f} ± {mean.deviations['bleu4']:.2f}" in made.markdown() and "±" in made.text()
    made.write(tmp_path)
    stored = next(csv.DictReader((tmp_path / "table.csv").open(encoding="utf-8")))
    assert stored["seeds"] == "2" and float(stored["test_bleu4_sd"]) == mean.deviations["bleu4"]


def test_gains_are_over_raw_and_over_the_smoother_that_is_best_on_dev():
    dev = {"raw": 5.0, "savgol": 6.0, "kalman": 7.0, "skeletor": 8.0, "motion": 9.0, "truth": 20.0}
    found = gains.pairs(["skeletor", "motion"], ["savgol", "kalman", "hold"], ["truth", "gloss2text"], dev)
    assert found == [
        ("skeletor", "raw"), ("skeletor", "kalman"), ("motion", "raw"), ("motion", "kalman"), ("truth", "motion"),
    ]  # fmt: skip
    assert gains.pairs(["raw"], ["savgol"], ["truth"], dev) == [("truth", "raw")]
    assert gains.pairs(["skeletor"], [], [], {"skeletor": 1.0}) == []


def test_a_gain_says_how_much_and_how_sure():
    many = REFERENCES * 10
    half = [text if k % 2 else "im süden regen ." for k, text in enumerate(many)]
    stats = {name: {"test": [statistics(lines, many)]} for name, lines in (("raw", half), ("own", many))}
    found = gains.gain(stats, "own", "raw", {"own": "Own", "raw": "Raw"}, "test", 1)
    base = score(half, many).bleu4
    assert found.difference == pytest.approx(100 - base) and found.relative == pytest.approx(100 * (100 / base - 1))
    assert found.relative_interval[0] < found.relative < found.relative_interval[1] and found.p < 0.01
    text = gains.markdown([found])
    assert f"| Own | Raw | test | +{100 - base:.2f} |" in text and gains.markdown([]) == ""
