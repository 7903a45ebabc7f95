"""Put the key figures of the lifters on their page, from experiments/results/lifters.json and chain_lifters.json.

python -m experiments.pages.lifters
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from experiments.pages import RESULTS, fill
from skeletor.support.errors import InputError

# row of lifters.json -> label of chain_lifters.json
ROWS = {
    "flat, z = 0": "flat (x and y alone)",
    "IK reference (first clips)": "IK reference",
    "IK fast": "IK fast",
    "ridge, 9 frames": None,
    "anatomy": "anatomy",
    "uplift-upsample, sequence output": "uplift-upsample, sequence output",
    "joint-token": "joint-token",
}
PARTS = ("rendered video, real detections", "captured arms (CMU), an activity")


def main() -> None:
    """Rewrite the table."""
    chain = RESULTS / "chain_lifters.json"
    lines = table(_read(RESULTS / "lifters.json"), _read(chain)["numbers"]["outcomes"] if chain.is_file() else [])
    fill("lifters", "\n".join(lines))


def table(lifters: Mapping[str, Any], outcomes: Iterable[Mapping[str, Any]]) -> list[str]:
    """The lines of the table. A lifter for which there is no translator yet has an empty cell there."""
    parts = [_part(lifters["tables"], part) for part in PARTS]
    scores = {outcome["label"]: outcome["scores"]["test"] for outcome in outcomes}
    speed = lifters["speed"]
    lines = [
        "| error in mm (MPJPE) | rendered video: all | body | hands from the wrist | real arms, unseen activity "
        f"| frames/s, {speed['cores']} cores | test BLEU-4, 95 % |",
        "| --- " + "| ---: " * 6 + "|",
    ]
    for name, label in ROWS.items():
        found, real = (rows[name] for rows in parts)
        errors = [found["mpjpe"], found["body"], found["hands from the wrist"], real["mpjpe"]]
        cells = [name, *(f"{error:.1f}" for error in errors), f"{speed['frames/s'][name]:,.0f}"]
        lines.append(f"| {' | '.join([*cells, _bleu(scores.get(label))])} |")
    return lines


def _part(tables: Mapping[str, Any], begin: str) -> Mapping[str, Any]:
    """The part of the table whose title begins so; InputError if it was not made."""
    for title, rows in tables.items():
        if title.startswith(begin):
            found: Mapping[str, Any] = rows
            return found
    raise InputError(f"lifters.json: no part {begin!r}; it needs --run and the captured arms; the page stays as it is")


def _bleu(score: Mapping[str, Any] | None) -> str:
    if score is None:
        return ""
    low, high = score["intervals"]["bleu4"]
    return f"{score['bleu4']:.1f} [{low:.1f}, {high:.1f}]"


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"{path}: not there; `make lifters RUN=runs/demo` makes it")
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"lifters: {error}")
