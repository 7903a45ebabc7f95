"""The table in the layout of the paper's Table 5, as text, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from skeletor.files.atomic import write_text
from slt.pipeline.tables.gains import Gain
from slt.pipeline.tables.published import Published, label_of
from slt.score.scores import Scores

METRICS = ("bleu4", "bleu3", "bleu2", "bleu1", "rouge", "chrf")
HEADS = ("BLEU-4", "BLEU-3", "BLEU-2", "BLEU-1", "ROUGE", "chrF")


@dataclass(frozen=True)
class SeedScores:
    """Scores of the translator that was trained with one seed."""

    seed: int
    dev: Scores
    test: Scores


@dataclass(frozen=True)
class TableRow:
    """Scores of one system, means over its seeds; p: of a paired bootstrap against the raw row on test BLEU-4;
    content: per cent of the grammar's slot words that are right on test (None where there is no such grammar)."""

    label: str
    dev: Scores
    test: Scores
    p: float | None = None
    content: float | None = None
    name: str = ""
    seeds: tuple[SeedScores, ...] = ()


@dataclass(frozen=True)
class Table:
    """All rows, the footnotes that say how they came about, the gains of the repaired rows over others, and what
    papers have published for this data set."""

    title: str
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...]
    gains: tuple[Gain, ...] = ()
    published: tuple[Published, ...] = ()

    def best_seed(self, name: str) -> int:
        """Which of a row's translators (0, 1, ...) has the highest BLEU-4 on dev; of equals the first."""
        seeds = next(row.seeds for row in self.rows if row.name == name)
        return max(range(len(seeds)), key=lambda k: seeds[k].dev.bleu4)

    @property
    def reads_glosses(self) -> bool:
        """Whether any row has a word error rate of recognised glosses."""
        return any(row.test.wer is not None for row in self.rows)

    def scores_of(self, name: str, which: int = 0) -> dict[str, Scores]:
        """Split ("dev", "test") -> scores of one translator of a row, the `which`-th of its seeds."""
        seeds = next(row.seeds for row in self.rows if row.name == name)
        return {"dev": seeds[which].dev, "test": seeds[which].test}

    def markdown(self) -> str:
        """A Markdown table with its notes; scores in per cent."""
        cells: list[Sequence[str]] = [*map(_cells, self.rows), *map(_published_cells, self.published)]
        head = ["", *(f"dev {h}" for h in HEADS), *(f"test {h}" for h in HEADS), "test BLEU-4, 95 %", "p", "content"]
        if self.reads_glosses:
            head = [*head, "dev WER", "test WER"]
            cells = [[*line, *_rates(row)] for line, row in zip_longest(cells, self.rows)]
        lines = [f"### {self.title}", "", "| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
        lines += ["| " + " | ".join(row) + " |" for row in cells]
        return "\n".join([*lines, "", *(f"- {note}" for note in self.notes)]) + "\n"

    def text(self) -> str:
        """The table for a terminal, scores in per cent; of several seeds only BLEU-4 has its standard deviation."""
        cells: list[Sequence[str]] = [
            *(_cells(row, ("bleu4",)) for row in self.rows),
            *map(_published_cells, self.published),
        ]
        count = len(HEADS)
        head = ["", *HEADS, *HEADS, "95 % of BLEU-4"]
        if self.reads_glosses:
            cells = [[*line[: len(head)], *_rates(row)] for line, row in zip_longest(cells, self.rows)]
            head += ["dev WER", "test WER"]
        widths = [max(len(row[k]) for row in (head, *cells)) for k in range(len(head))]
        middles = [" ".join(f"{c:>{w}}" for c, w in zip(row[1:], widths[1:], strict=False)) for row in (head, *cells)]
        labels = [f"{row[0]:{widths[0]}}" for row in (head, *cells)]
        dev = sum(widths[1 : count + 1]) + count
        lines = [self.title, f"{'':{widths[0]}}  {'dev':^{dev}}{'test':^{dev}}"]
        lines += [f"{label}  {middle}" for label, middle in zip(labels, middles, strict=True)]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def write(self, folder: Path) -> None:
        """Write table.md, table.csv and table.json into the folder, atomically.

        Raises InputError if they cannot be written.
        """
        write_text(folder / "table.md", self.markdown())
        write_text(folder / "table.json", json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False))
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        columns = [f"{split}_{metric}" for split in ("dev", "test") for metric in METRICS]
        extra = ("low", "high", "p", "content", "seeds", "dev_bleu4_sd", "test_bleu4_sd", "bleu_signature",
                 "chrf_signature", "dev_wer", "test_wer")  # fmt: skip
        writer.writerow(("system", *columns, *extra))
        for row in self.rows:
            scores = [getattr(s, m) for s in (row.dev, row.test) for m in METRICS]
            spread = [s.deviations.get("bleu4") for s in (row.dev, row.test)]
            signatures = (row.test.signature, row.test.chrf_signature)
            interval = row.test.intervals["bleu4"]
            writer.writerow(
                (row.label, *scores, *interval, row.p, row.content, row.test.trainings, *spread, *signatures,
                 row.dev.wer, row.test.wer)
            )  # fmt: skip
        for other in self.published:
            scores = [scores.get(m) for scores in (other.dev, other.test) for m in METRICS]
            writer.writerow((label_of(other), *scores, *([None] * len(extra))))
        write_text(folder / "table.csv", buffer.getvalue())


def _cells(row: TableRow, spread: Sequence[str] = METRICS) -> Sequence[str]:
    """spread: the metrics that are shown with their deviation, if there were several trainings."""
    numbers = [_number(s, m, m in spread) for s in (row.dev, row.test) for m in METRICS]
    low, high = row.test.intervals["bleu4"]
    p = "" if row.p is None else f"{row.p:.3f}"
    content = "" if row.content is None else f"{row.content:.1f} %"
    return [row.label, *numbers, f"{low:.1f} to {high:.1f}", p, content]


def _rates(row: TableRow | None) -> Sequence[str]:
    """Word error rates of recognised glosses on dev and test; "" where there are none. None: a row of a paper."""
    rates = (None, None) if row is None else (row.dev.wer, row.test.wer)
    return ["" if rate is None else f"{rate:.2f}" for rate in rates]


def _published_cells(row: Published) -> Sequence[str]:
    numbers = [f"{scores[m]:.2f}" if m in scores else "" for scores in (row.dev, row.test) for m in METRICS]
    return [label_of(row), *numbers, "", "", ""]


def _number(scores: Scores, metric: str, spread: bool) -> str:
    deviation = scores.deviations.get(metric) if spread else None
    return f"{getattr(scores, metric):.2f}" + ("" if deviation is None else f" ± {deviation:.2f}")
