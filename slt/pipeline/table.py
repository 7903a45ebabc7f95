"""The table in the layout of the paper's Table 5, as text, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skeletor.atomic import write_text
from slt.score import Scores

METRICS = ("bleu4", "bleu3", "bleu2", "bleu1", "rouge")
HEADS = ("BLEU-4", "BLEU-3", "BLEU-2", "BLEU-1", "ROUGE")


@dataclass(frozen=True)
class TableRow:
    """Scores of one system; p: of a paired bootstrap against the raw row on test BLEU-4; content: per cent of the
    grammar's slot words that are right on test (None where there is no such grammar)."""

    label: str
    dev: Scores
    test: Scores
    p: float | None = None
    content: float | None = None


@dataclass(frozen=True)
class Table:
    """All rows, and the footnotes that say how they came about."""

    title: str
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...]

    def scores_of(self, label: str) -> dict[str, Scores]:
        """Scores on dev and test of the row with that label."""
        row = next(row for row in self.rows if row.label == label)
        return {"dev": row.dev, "test": row.test}

    def markdown(self) -> str:
        """A Markdown table with its notes."""
        cells = [_cells(row) for row in self.rows]
        head = ["", *(f"dev {h}" for h in HEADS), *(f"test {h}" for h in HEADS), "test BLEU-4, 95 %", "p", "content"]
        lines = [f"### {self.title}", "", "| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
        lines += ["| " + " | ".join(row) + " |" for row in cells]
        return "\n".join([*lines, "", *(f"- {note}" for note in self.notes)]) + "\n"

    def text(self) -> str:
        """The same for a terminal."""
        width = max(len(row.label) for row in self.rows)
        heads = " ".join(f"{h:>7}" for h in HEADS)
        lines = [
            self.title,
            f"{'':{width}}  {'dev':^39}   {'test':^39}",
            f"{'':{width}}  {heads}   {heads}  95 % of BLEU-4",
        ]
        for row in self.rows:
            label, *cells = _cells(row)
            numbers = " ".join(f"{c:>7}" for c in cells[:5]) + "   " + " ".join(f"{c:>7}" for c in cells[5:10])
            lines.append(f"{label:{width}}  {numbers}  {cells[10]}")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def write(self, folder: Path) -> None:
        """Write table.md, table.csv and table.json."""
        write_text(folder / "table.md", self.markdown())
        write_text(folder / "table.json", json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False))
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(
            ("system", *(f"{s}_{m}" for s in ("dev", "test") for m in METRICS), "low", "high", "p", "content")
        )
        for row in self.rows:
            scores = [getattr(s, m) for s in (row.dev, row.test) for m in METRICS]
            writer.writerow((row.label, *scores, *row.test.intervals["bleu4"], row.p, row.content))
        write_text(folder / "table.csv", buffer.getvalue())


def _cells(row: TableRow) -> Sequence[str]:
    numbers = [f"{getattr(s, m):.2f}" for s in (row.dev, row.test) for m in METRICS]
    low, high = row.test.intervals["bleu4"]
    p = "" if row.p is None else f"{row.p:.3f}"
    content = "" if row.content is None else f"{row.content:.1f} %"
    return [row.label, *numbers, f"{low:.1f} to {high:.1f}", p, content]
