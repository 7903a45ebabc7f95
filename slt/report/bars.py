"""The rows of `table.json` as plots and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slt.report.markup import Markup, tag
from slt.report.plots import Bar, Score, interval_plot

Row = Mapping[str, Any]
_SENTENCES = (("bleu4", "BLEU-4"), ("rouge", "ROUGE"))
_SIGNS = (("top1", "top-1"), ("top5", "top-5"))
_TEXTS = (("dev", "bleu4"), ("test", "bleu4"), ("test", "bleu1"), ("dev", "rouge"), ("test", "rouge"),
          ("test", "chrf"), ("dev", "wer"), ("test", "wer"))  # fmt: skip
_LABELS = {"bleu4": "BLEU-4", "bleu1": "BLEU-1", "rouge": "ROUGE", "chrf": "chrF", "wer": "WER", "top1": "top-1",
           "top5": "top-5"}  # fmt: skip


def table_plots(table: Mapping[str, Any]) -> list[Markup]:
    """A plot for each main measure, all rows in it, in per cent."""
    rows = table["rows"]
    signs = any("top1" in (row.get("test") or {}) for row in rows)
    others = [] if signs else table.get("published", [])
    made = []
    for metric, title in _SIGNS if signs else _SENTENCES:
        bars = [_bar(row, metric) for row in rows] + [_bar(row, metric, True) for row in others]
        bars = [bar for bar in bars if bar.dev or bar.test]
        if bars:
            note = "filled: test, hollow: dev; line: 95 % interval; per cent, more is better"
            made.append(interval_plot(title, note, bars))
    wers = [bar for bar in (_bar(row, "wer") for row in rows) if bar.dev or bar.test]
    if wers:
        note = "word error rate of recognised glosses; filled: test, hollow: dev; per cent, less is better"
        made.append(interval_plot("WER", note, wers))
    return made


def _bar(row: Row, metric: str, foreign: bool = False) -> Bar:
    name = f"{row['label']} (published)" if foreign else str(row["label"])
    return Bar(name, _score(row.get("dev"), metric), _score(row.get("test"), metric), foreign)


def _score(scores: Any, metric: str) -> Score | None:
    value = (scores or {}).get(metric)
    if value is None:
        return None
    ends = (scores.get("intervals") or {}).get(metric)
    return Score(float(value), None if ends is None else (float(ends[0]), float(ends[1])))


def whole_table(table: Mapping[str, Any]) -> Markup:
    """The main columns of all rows, and the notes below them."""
    rows = table["rows"]
    signs = any("top1" in (row.get("test") or {}) for row in rows)
    columns = [(s, m) for s in ("dev", "test", "new") for m in ("top1", "top5")] if signs else list(_TEXTS)
    columns = [c for c in columns if any(_score(row.get(c[0]), c[1]) for row in rows)]
    head = tag("tr", {}, tag("th"), *(tag("th", {"scope": "col"}, f"{s} {_LABELS[m]}") for s, m in columns))
    body = [tag("tr", {}, tag("th", {"scope": "row"}, row["label"]), *(_cell(row, s, m) for s, m in columns))
            for row in rows]  # fmt: skip
    notes = [tag("li", {}, note) for note in table.get("notes", [])]
    below = tag("details", {}, tag("summary", {}, "Notes: data, metrics, seeds"), tag("ul", {}, *notes))
    return tag("div", {}, tag("div", {"class": "wide", "tabindex": 0}, tag("table", {}, head, *body)), below)


def _cell(row: Row, split: str, metric: str) -> Markup:
    score = _score(row.get(split), metric)
    if score is None:
        return tag("td")
    spread: float | None = ((row[split].get("deviations") or {}).get(metric)) if split in row else None
    return tag("td", {}, f"{score.value:.2f}" + ("" if spread is None else f" ± {spread:.2f}"))
