"""Put the tables of a run into the README, between its markers, and the whole report into experiments/results/.

python -m experiments.readme_table runs/demo configs/demo.yaml
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from skeletor.atomic import write_text
from skeletor.errors import InputError

BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
ROOT = Path(__file__).parents[1]


def main() -> None:
    """Rewrite README.md and experiments/results/<config>.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("config", type=Path)
    args = parser.parse_args()
    report = (args.run / "report.md").read_text(encoding="utf-8")
    table = short_table((args.run / "table.md").read_text(encoding="utf-8"))
    figures = json.loads((args.run / "report.json").read_text(encoding="utf-8"))
    table = f"{table}\n\n{skeleton_table(figures)}"
    command = f"slt run {args.config}"
    write_text(ROOT / "experiments" / "results" / f"{args.config.stem}.md", f"Made by `{command}`.\n\n{report}")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    if BEGIN not in readme or END not in readme:
        raise InputError(f"README.md: the markers {BEGIN} and {END} are missing")
    head, rest = readme.split(BEGIN)
    tail = rest.split(END)[1]
    result = f"experiments/results/{args.config.stem}.md"
    note = f"Made by `{command}`; the whole report: [{result}]({result})."
    write_text(ROOT / "README.md", f"{head}{BEGIN}\n{table}\n{note}\n{END}{tail}")


def skeleton_table(report: dict[str, Any]) -> str:
    """How far the skeletons of the test clips are from the truth; nothing where it is not known."""
    errors = report.get("test: error against the truth (shoulder widths)")
    if not errors:
        return ""
    lines = [
        "Errors of the test skeletons against the known truth, in shoulder widths (acceleration: per squared frame):",
        "",
        "|  | all joints | body | hands | hands, seen from the wrist | acceleration |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for label, error in errors.items():
        m = error["mpjpe"]
        cells = [m["all"], m["body"], m["hands"], m["hands_relative"], error["acceleration"]["all"]]
        lines.append(f"| {label} | " + " | ".join(f"{value:.3f}" for value in cells) + " |")
    return "\n".join([*lines, ""])


def short_table(markdown: str) -> str:
    """The table with BLEU-4 and ROUGE alone of dev, to fit the page; notes stay."""
    lines = markdown.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    others = [line for line in lines if line.startswith("- ")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    keep = [k for k, head in enumerate(cells[0]) if head not in ("dev BLEU-3", "dev BLEU-2", "dev BLEU-1", "dev chrF")]
    short = ["| " + " | ".join(row[k] for k in keep) + " |" for row in cells]
    return "\n".join([*short, "", *others])


if __name__ == "__main__":
    main()
