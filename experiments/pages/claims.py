"""Put the shares of the table "Is it better than a smoother?" on its page, from experiments/results/*.json.

python -m experiments.pages.claims
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

from experiments.pages import RESULTS, fill

NETWORKS = ("Skeletor", "temporal MLP")
HEAD = "| error as a share of the best smoother's (of linear interpolation's) | Skeletor |"


def main() -> None:
    """Rewrite the table."""
    fill("claims", "\n".join([HEAD, "| --- | --- |", *(f"| {text} | {value} |" for text, value in claims())]))


def claims() -> Iterable[tuple[str, str]]:
    """(what, shares) of every line."""
    for number, what in ((1, "frames"), (2, "joints")):
        rows = {name: row["test"]["hit mse"]["ave"] for name, row in _numbers(number)["rows"].items()}
        yield (
            f"15 % of the {what} hidden, squared error, trained at 25 % ({_link(number)})",
            _shares([rows], "Skeletor (default), trained at 25%"),
        )
    for number, where in ((3, "frames"), (4, "joints of highest confidence")):
        rows = {name: row["0.5"]["all cm"]["ave"] for name, row in _numbers(number)["rows"].items()}
        yield (
            f"noise of half a limb on 15 % of the {where}, distance over all joints ({_link(number)})",
            _shares([rows], "Skeletor (default)"),
        )
    gaps = _numbers(5)
    for target, text, own in (
        ("hand", "a hand", "Skeletor (default)"),
        ("frame", "everything", "Skeletor (gaps)"),
    ):
        cells = [{n: row["all speeds"][str(k)]["cm"] for n, row in gaps[target].items()} for k in (8, 16, 32)]
        kind = ", network for gaps" if own.endswith("(gaps)") else ""
        yield f"{text} hidden for 8, 16, 32 frames, distance{kind} ({_link(5)})", _shares(cells, own)
    errors = _numbers(6)["overall, truth"]
    parts: list[dict[str, float]] = [
        {name: e["mpjpe"]["all"] for name, e in errors.items()},
        {name: e["acceleration"]["all"] for name, e in errors.items()},
    ]
    text = "real detections of rendered video, distance and acceleration error"
    yield f"{text}, trained on known motion ({_link(6)})", _shares(parts, "Skeletor (the run's, known motion)")
    yield f"{text}, unsupervised ({_link(6)})", _shares(parts, "Skeletor (the run's)")
    real = _numbers(7)["rows"]
    tasks = list(next(iter(real.values())))
    means = [{name: fmean(row[task].values()) for name, row in real.items()} for task in tasks]
    for how in ("rendered motion alone", "with real sequences"):
        yield (
            f"real sequences: {', '.join(tasks)} hidden, distance, trained on {how} ({_link(7)})".replace(
                "on with", "with"
            ),
            _shares(means, f"Skeletor (default), {how}"),
        )


def _numbers(number: int) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((RESULTS / f"table{number}.json").read_text(encoding="utf-8"))["numbers"]
    return values


def _link(number: int) -> str:
    return f"[Table {number}](experiments/results/table{number}.md)"


def _shares(cells: Iterable[Mapping[str, float]], own: str) -> str:
    """Shares of the best smoother's error, and in brackets of linear interpolation's where it is among them."""
    best, linear = [], []
    for row in cells:
        plain = {n: v for n, v in row.items() if not n.startswith(NETWORKS) and n != "nothing done"}
        best.append(f"{row[own] / min(plain.values()):.2f}")
        if "linear" in plain:
            linear.append(f"{row[own] / plain['linear']:.2f}")
    return ", ".join(best) + (f" ({', '.join(linear)})" if linear else "")


if __name__ == "__main__":
    main()
