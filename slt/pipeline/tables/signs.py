"""The table of isolated signs: top-1 and top-5 of every row, on dev, on test, and of signers who were left out."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from dataclasses import dataclass
from pathlib import Path

from skeletor.files.atomic import write_text
from slt.score.accuracy import SignScores, cell

_HEAD = ("", "dev top-1", "dev top-5", "test top-1", "test top-5")
_NEW = ("new signers top-1", "new signers top-5")


@dataclass(frozen=True)
class SignSeed:
    """Scores of the recogniser that was trained with one seed."""

    seed: int
    dev: SignScores
    test: SignScores


@dataclass(frozen=True)
class SignRow:
    """Scores of one system, means over its seeds. new: of signers who were left out in turn; None if nobody was."""

    name: str
    label: str
    dev: SignScores
    test: SignScores
    new: SignScores | None = None
    seeds: tuple[SignSeed, ...] = ()


@dataclass(frozen=True)
class SignTable:
    """All rows, and the footnotes that say how they came about."""

    title: str
    rows: tuple[SignRow, ...]
    notes: tuple[str, ...]

    def best_seed(self, name: str) -> int:
        """Which of a row's recognisers (0, 1, ...) is right most often on dev; of equals the first."""
        seeds = next(row.seeds for row in self.rows if row.name == name)
        return max(range(len(seeds)), key=lambda k: seeds[k].dev.top1)

    def scores_of(self, name: str, which: int = 0) -> dict[str, SignScores]:
        """What a card says of one recogniser of a row: its dev and test, and "new signers" of the row, if any."""
        row = next(row for row in self.rows if row.name == name)
        found = {"dev": row.seeds[which].dev, "test": row.seeds[which].test}
        return found if row.new is None else {**found, "new signers": row.new}

    def markdown(self) -> str:
        """A Markdown table with its notes; per cent, with 95 % intervals."""
        head, *cells = self._cells()
        lines = [f"### {self.title}", "", f"| {' | '.join(head)} |", "|---" + "|---:" * (len(head) - 1) + "|"]
        lines += [f"| {' | '.join(row)} |" for row in cells]
        return "\n".join([*lines, "", *(f"- {note}" for note in self.notes)]) + "\n"

    def text(self) -> str:
        """The table for a terminal."""
        cells = self._cells()
        widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
        lines = [
            f"{row[0]:{widths[0]}}  " + "  ".join(f"{c:>{w}}" for c, w in zip(row[1:], widths[1:], strict=True))
            for row in cells
        ]
        return "\n".join([self.title, *lines, *(f"  {note}" for note in self.notes)])

    def write(self, folder: Path) -> None:
        """Write table.md, table.csv and table.json into the folder, atomically. InputError if they cannot be."""
        write_text(folder / "table.md", self.markdown())
        write_text(folder / "table.json", json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False))
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(("system", *(f"{part}_{k}{end}" for part in ("dev", "test", "new") for k in ("top1", "top5")
                                     for end in ("", "_low", "_high"))))  # fmt: skip
        for row in self.rows:
            writer.writerow((row.label, *_numbers(row.dev), *_numbers(row.test), *_numbers(row.new)))
        write_text(folder / "table.csv", buffer.getvalue())

    def _cells(self) -> list[tuple[str, ...]]:
        """The head and all rows; the columns of new signers only if there are such scores."""
        told = any(row.new is not None for row in self.rows)
        cells = [(*_HEAD, *(_NEW if told else ()))]
        for row in self.rows:
            both = [row.dev, row.test, *([row.new] if told else [])]
            cells.append((row.label, *("" if s is None else cell(s, k) for s in both for k in ("top1", "top5"))))
        return cells


def _numbers(scores: SignScores | None) -> list[float | None]:
    if scores is None:
        return [None] * 6
    return [number for k in ("top1", "top5") for number in (getattr(scores, k), *scores.intervals[k])]
