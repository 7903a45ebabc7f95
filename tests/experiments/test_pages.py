"""Tables on pages: found by their markers, links as seen from the page."""

import dataclasses
import functools
import json
import re
from pathlib import Path

import pytest

from experiments import pages
from experiments.pages import fill, fill_result, summary
from experiments.request import RESULTS, ROOT, Request
from skeletor.support.errors import InputError
from slt.pipeline.stages.cascades import cascade_label, cascade_of


@pytest.fixture
def root(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("a\n<!-- t: begin -->\nold\n<!-- t: end -->\nb\n")
    (tmp_path / "docs" / "x.md").write_text("<!-- t: begin -->\n<!-- t: end -->\n")
    (tmp_path / "docs" / "y.md").write_text("nothing\n")
    return tmp_path


def test_every_page_with_the_markers_gets_the_table_and_links_that_work_there(root):
    pages = fill("t", "| [r](experiments/results/r.md) |", root)
    assert [page.name for page in pages] == ["README.md", "x.md"]
    assert (root / "README.md").read_text() == (
        "a\n<!-- t: begin -->\n| [r](experiments/results/r.md) |\n<!-- t: end -->\nb\n"
    )
    assert "](../experiments/results/r.md)" in (root / "docs" / "x.md").read_text()
    assert (root / "docs" / "y.md").read_text() == "nothing\n"


def test_a_table_without_a_place_is_one_line(root):
    with pytest.raises(InputError, match="markers <!-- other: begin -->"):
        fill("other", "", root)


def test_results_of_other_names_have_no_page_and_own_ones_elsewhere_neither(root, monkeypatch):
    """A result that was written is not called a failure because no page shows it."""
    monkeypatch.setattr(pages, "fill", functools.partial(fill, root=root))
    (root / "README.md").write_text("<!-- table t: begin -->\nold\n<!-- table t: end -->\n")
    fill_result(Request("trial", root), ["new"], "make trial")
    fill_result(Request("t", root, root / "results"), ["new"], "make t")
    assert "old" in (root / "README.md").read_text()
    fill_result(Request("t", root), ["new"], "make t")
    assert "new\nMade by `make t`." in (root / "README.md").read_text()


def test_the_summary_has_the_rows_that_say_whether_repair_helps():
    def row(name, label):
        scores = {"bleu4": 50.04, "rouge": 60.0, "intervals": {"bleu4": [40.0, 60.0]}}
        return {"name": name, "label": label, "dev": scores, "test": scores}

    table = {"rows": [row("constant", "floor"), row("raw", "raw 3D"), row("truth", "true")]}
    report = {"test: error against the truth (shoulder widths)": {"raw 3D": {"mpjpe": {"all": 0.0901}}}}
    assert summary(table, report)[2:] == [
        "| raw 3D | 50.0 | 50.0 [40.0, 60.0] | 60.0 | 0.090 |",
        "| true | 50.0 | 50.0 [40.0, 60.0] | 60.0 |  |",
    ]


def test_the_summary_of_recognisers_has_their_error_rates():
    def row(name, label):
        scores = {"bleu4": 50.04, "rouge": 60.0, "intervals": {"bleu4": [40.0, 60.0]}, "wer": 11.46}
        return {"name": name, "label": label, "dev": scores, "test": scores}

    table = {"rows": [row("constant", "floor"), row(cascade_of("raw"), cascade_label("raw 3D"))]}
    report = {"test: error against the truth (shoulder widths)": {"raw 3D": {"mpjpe": {"all": 0.0901}}}}
    found = summary(table, report)
    assert "dev WER | test WER" in found[0]
    assert found[2:] == ["| raw 3D | 11.5 | 11.5 | 50.0 | 50.0 [40.0, 60.0] | 60.0 | 0.090 |"]


def test_the_shares_are_read_from_the_tables(root):
    (root / "README.md").write_text("<!-- claims: begin -->\n<!-- claims: end -->\n")
    pages.make_claims(Request("claims", root, ROOT / "experiments" / "results"), pages.NoOptions(), root)
    made = (root / "README.md").read_text()
    shown = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").replace("](../experiments/", "](experiments/")
    begin, end = "<!-- claims: begin -->", "<!-- claims: end -->"
    assert made.split(begin)[1].split(end)[0] == shown.split(begin)[1].split(end)[0]  # the page is not older


def test_a_runs_tables_go_to_pages_and_results(root):
    run = root / "run"
    run.mkdir()
    score = {"bleu4": 50.0, "rouge": 60.0, "intervals": {"bleu4": [40.0, 60.0]}}
    row = {"name": "raw", "label": "raw 3D", "dev": score, "test": score}
    (run / "table.json").write_text(json.dumps({"rows": [row]}))
    (run / "report.json").write_text("{}")
    (run / "config.json").write_text('{"seed": 1}')
    (run / "table.md").write_text(
        "|  | dev BLEU-4 | dev chrF |\n| --- | ---: | ---: |\n| raw 3D | 50.0 | 1 |\n\n- a note\n"
    )
    (run / "report.md").write_text("all of it\n")
    (root / "docs" / "x.md").write_text("<!-- table t: begin -->\n<!-- table t: end -->\n")
    request = Request("run-page", root, root / "results", run=run)
    pages.make_run(request, pages.RunPage(config="configs/t.yaml", options="--seeds 3"), root)
    page = (root / "docs" / "x.md").read_text()
    assert "| raw 3D | 50.0 |" in page and "chrF" not in page and "- a note" in page
    assert "`slt run configs/t.yaml --seeds 3`" in page and "](../experiments/results/t.md)" in page
    assert (root / "results" / "t.md").read_text().endswith("all of it\n")
    assert json.loads((root / "results" / "t_config.json").read_text()) == {"seed": 1}


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_links_of_a_page_lead_somewhere(file):
    for target in re.findall(r"\]\(([^)\s]+)\)", file.read_text(encoding="utf-8")):
        if target.startswith(("http:", "https:")):
            continue
        path, _, anchor = target.partition("#")
        there: Path = file.parent / path if path else file
        assert there.exists(), f"{file.name}: {target}"
        if anchor and there.suffix == ".md":
            headings = re.findall(r"(?m)^#+ (.*)$", there.read_text(encoding="utf-8"))
            assert anchor in {_anchor(h) for h in headings}, f"{file.name}: {target}"


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    written = re.sub(r"(?s)<!-- summary.*?: end -->", "", text)  # without the table
    assert len(written.split()) <= 1100


def test_only_the_projects_own_results_go_to_pages(tmp_path, monkeypatch):
    filled: list[tuple[str, str]] = []
    monkeypatch.setattr(pages, "fill", lambda name, text: filled.append((name, text)))
    request = Request("levers", tmp_path, tmp_path)
    pages.fill_result(request, ["one", "two"], "make it")
    assert filled == []
    pages.fill_result(dataclasses.replace(request, results=RESULTS), ["one", "two"], "make it")
    link = f"[{RESULTS}/levers.md]({RESULTS}/levers.md)"
    assert filled == [("table levers", f"one\ntwo\nMade by `make it`. The whole result: {link}.")]
