"""Gains in BLEU-4 of repair over raw skeletons and over the best smoother, and the distance to the ceilings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from slt.score.bootstrap import compare

SPLITS = ("dev", "test")
Statistics = Mapping[str, Mapping[str, Sequence[np.ndarray]]]  # system -> split -> `bootstrap.statistics` of each seed


@dataclass(frozen=True)
class Gain:
    """BLEU-4 of `row` minus BLEU-4 of `over` on one split, absolute and in per cent of `over`'s, with 95 % intervals.

    p: of the paired bootstrap. relative is None where `over` scores 0.
    """

    row: str
    over: str
    split: str
    difference: float
    interval: tuple[float, float]
    relative: float | None
    relative_interval: tuple[float, float] | None
    p: float


def gain(stats: Statistics, name: str, over: str, labels: Mapping[str, str], split: str, seed: int) -> Gain:
    """The gain in BLEU-4 (per cent) of the system `name` over `over` on one split, by `bootstrap.compare`.

    stats: system -> split -> statistics (N, 11) of each training. labels: how the systems are called in the table.
    """
    paired = compare(stats[over][split], stats[name][split], seed)["bleu4"]
    return Gain(
        labels[name], labels[over], split, paired.difference, paired.interval, paired.relative,
        paired.relative_interval, paired.p,
    )  # fmt: skip


def pairs(
    repaired: Sequence[str], smoothers: Sequence[str], ceilings: Sequence[str], dev: Mapping[str, float],
    raw: str = "raw",
) -> list[tuple[str, str]]:  # fmt: skip
    """The comparisons to make: (system, over which).

    repaired: the systems in question, the run's own one last; smoothers, ceilings: other rows; dev: system -> BLEU-4 on
    dev in per cent, which also says which systems there are; raw: what is repaired. The best smoother is the best one
    on dev.
    """
    known = [name for name in smoothers if name in dev]
    best = [max(known, key=lambda name: dev[name])] if known else []
    found = [
        (name, over)
        for name in repaired
        for over in (raw, *best)
        if name in dev and over in dev and name not in (raw, *known)
    ]
    own = repaired[-1:]
    return found + [(ceiling, name) for name in own for ceiling in ceilings if name in dev and ceiling in dev]


def markdown(gains: Sequence[Gain]) -> str:
    """A Markdown table of the gains with their 95 % intervals; "" if there are none."""
    if not gains:
        return ""
    lines = [
        "#### Gains in BLEU-4",
        "",
        "| | over | split | difference | 95 % | relative | 95 % | p |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    for g in gains:
        low, high = g.interval
        relative = "" if g.relative is None else f"{g.relative:+.1f} %"
        span = (
            "" if g.relative_interval is None else f"{g.relative_interval[0]:+.1f} to {g.relative_interval[1]:+.1f} %"
        )
        lines.append(
            f"| {g.row} | {g.over} | {g.split} | {g.difference:+.2f} | {low:+.2f} to {high:+.2f} | "
            f"{relative} | {span} | {g.p:.3f} |"
        )
    note = "Paired bootstrap over sentences, trainings held fixed; the best smoother is the best one on dev."
    return "\n".join([*lines, "", note]) + "\n"
