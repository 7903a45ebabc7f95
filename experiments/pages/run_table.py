"""Put the tables of a run on the pages that have markers for it, and the whole report into experiments/results/.

python -m experiments.pages.run_table runs/demo configs/demo.yaml
python -m experiments.pages.run_table runs/phoenix14t_resynth-... configs/phoenix14t_resynth.yaml --corpus DIR --brief
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from experiments.pages import RESULTS, fill
from skeletor.files.atomic import write_text
from skeletor.support.errors import InputError

ERRORS = "test: error against the truth (shoulder widths)"
SUMMARY = ("raw", "savgol", "skeletor", "skeletor-motion", "truth")  # rows
BRIEF = ("", "dev BLEU-4", "dev ROUGE", "test BLEU-4", "test BLEU-1", "test ROUGE", "test BLEU-4, 95 %", "p")


def main() -> None:
    """Rewrite the pages between the markers of this config, and experiments/results/<config>.{md,json}."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("config", type=Path)
    parser.add_argument("--corpus", default="", help="as the run was started with; for the command that is told")
    parser.add_argument("--brief", action="store_true", help="fewer columns and notes on the page")
    parser.add_argument("--options", default="", help="others that the run was started with, for the same")
    parser.add_argument("--name", help="of the results; default: the config's")
    args = parser.parse_args()
    name = args.name or args.config.stem
    report = (args.run / "report.md").read_text(encoding="utf-8")
    table = (args.run / "table.md").read_text(encoding="utf-8")
    figures = json.loads((args.run / "report.json").read_text(encoding="utf-8"))
    command = (
        f"slt run {args.config}"
        + (f" --corpus {args.corpus}" if args.corpus else "")
        + (f" {args.options}" if args.options else "")
    )
    write_text(RESULTS / f"{name}.md", f"Made by `{command}`.\n\n{report}")
    scores = json.loads((args.run / "table.json").read_text(encoding="utf-8"))
    shutil.copyfile(args.run / "table.json", RESULTS / f"{name}.json")
    shutil.copyfile(args.run / "config.json", RESULTS / f"{name}_config.json")
    shown = [short_table(table, args.brief), skeleton_table(figures)]
    result = f"experiments/results/{name}.md"
    shown.append(f"Made by `{command}`; the whole report: [{result}]({result}).")
    pages = {f"table {name}": "\n\n".join(filter(None, shown)), f"summary {name}": "\n".join(summary(scores, figures))}
    for marker, text in pages.items():
        try:
            print(f"{marker}: {', '.join(str(page) for page in fill(marker, text))}")
        except InputError as error:
            print(error)


def summary(scores: dict[str, Any], report: dict[str, Any]) -> list[str]:
    """The few columns that say whether repair helps: BLEU-4, and distance from the truth where it is known."""
    errors = report.get(ERRORS, {})
    lines = [
        "|  | dev BLEU-4 | test BLEU-4 [95 %] | test ROUGE | distance from the truth |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for row in scores["rows"]:
        if row["name"] in SUMMARY:
            dev, test = row["dev"], row["test"]
            low, high = test["intervals"]["bleu4"]
            away = f"{errors[row['label']]['mpjpe']['all']:.3f}" if row["label"] in errors else ""
            bleu = f"{test['bleu4']:.1f} [{low:.1f}, {high:.1f}]"
            lines.append(f"| {row['label']} | {dev['bleu4']:.1f} | {bleu} | {test['rouge']:.1f} | {away} |")
    return lines


def skeleton_table(report: dict[str, Any]) -> str:
    """How far the skeletons of the test clips are from the truth; nothing where it is not known."""
    errors = report.get(ERRORS)
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
    return "\n".join(lines)


def short_table(markdown: str, brief: bool) -> str:
    """The table with BLEU-4 and ROUGE alone of dev, to fit the page; notes stay. brief: `BRIEF` and the first notes."""
    lines = markdown.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    others = [line for line in lines if line.startswith("- ")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    left_out = ("dev BLEU-3", "dev BLEU-2", "dev BLEU-1", "dev chrF")
    keep = [k for k, head in enumerate(cells[0]) if (head in BRIEF if brief else head not in left_out)]
    others = others[:3] if brief else others
    short = ["| " + " | ".join(row[k] for k in keep) + " |" for row in cells]
    return "\n".join([*short, "", *others])


if __name__ == "__main__":
    main()
