"""Put the tables of a run into the README, between its markers, and the whole report into experiments/results/.

python -m experiments.readme_table runs/demo configs/demo.yaml
"""

from __future__ import annotations

import argparse
from pathlib import Path

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


def short_table(markdown: str) -> str:
    """The table without BLEU-2 and BLEU-3 of dev, to fit the page; notes stay."""
    lines = markdown.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    others = [line for line in lines if line.startswith("- ")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    keep = [k for k, head in enumerate(cells[0]) if head not in ("dev BLEU-3", "dev BLEU-2", "dev BLEU-1")]
    short = ["| " + " | ".join(row[k] for k in keep) + " |" for row in cells]
    return "\n".join([*short, "", *others])


if __name__ == "__main__":
    main()
