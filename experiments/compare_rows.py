"""The sentences of a row in two finished runs of the same clips: BLEU-4 of both, and their difference.

    python -m experiments.compare_rows runs/demo_ik raw runs/demo_seeds raw --name lifter_sentences

All trainings of a row (`systems/ROW`, `systems/ROW-s2`, ...) count. Writes experiments/results/NAME.{json,md}.
"""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from skeletor.files.atomic import write_text
from skeletor.support.errors import InputError
from slt.data.layout import read_corpus
from slt.score.bootstrap import compare, statistics

RESULTS = Path("experiments/results")


def trainings(run: Path, row: str, split: str) -> list[np.ndarray]:
    """Per-sentence statistics of each training of a row. InputError if there is none."""
    texts = {clip.name: clip.text for clip in read_corpus(run / "corpus").split(split)}
    names = sorted(texts)
    folders = [
        p for p in sorted((run / "systems").glob(f"{row}*")) if re.fullmatch(rf"{re.escape(row)}(-s\d+)?", p.name)
    ]
    found = []
    for path in (folder / f"{split}.json" for folder in folders):
        made = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if set(made) >= set(names):
            found.append(statistics([made[name] for name in names], [texts[name] for name in names]))
    if not found:
        raise InputError(f"{run}/systems: no finished translator of row {row!r}")
    return found


def compared(first: tuple[Path, str], second: tuple[Path, str]) -> dict[str, Any]:
    """By split: trainings of each, and the paired bootstrap of BLEU-4 (second less first)."""
    result = {}
    for split in ("dev", "test"):
        a, b = trainings(*first, split), trainings(*second, split)
        result[split] = {"trainings": [len(a), len(b)], **asdict(compare(a, b)["bleu4"])}
    return result


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for which in ("first", "second"):
        parser.add_argument(which, type=Path, help="folder of a finished run")
        parser.add_argument(f"{which}_row", metavar="ROW")
    parser.add_argument("--name", required=True)
    args = parser.parse_args()
    result = compared((args.first, args.first_row), (args.second, args.second_row))
    lines = [
        f"BLEU-4 of {args.second.name}, row {args.second_row}, less that of {args.first.name}, row {args.first_row}.",
        "",
        "| split | trainings | difference | 95 % | p |",
        "|---|---:|---:|---:|---:|",
    ]
    for split, found in result.items():
        low, high = found["interval"]
        several = " and ".join(map(str, found["trainings"]))
        lines.append(
            f"| {split} | {several} | {found['difference']:+.2f} | {low:+.2f} to {high:+.2f} | {found['p']:.3f} |"
        )
    write_text(RESULTS / f"{args.name}.json", json.dumps(result, indent=1) + "\n")
    write_text(RESULTS / f"{args.name}.md", "\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
