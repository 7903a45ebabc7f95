"""Counts of abstentions of a system, with their reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Rejections:
    """How many clips of a kind there are, and on how many the system abstains, by reason's first words."""

    clips: int
    rejected: int
    reasons: Mapping[str, int]


def markdown(rejections: Mapping[str, Rejections], title: str = "#### Abstentions of the model folder's system") -> str:
    """A Markdown table of the rejections: kind of clips, their number, how many are rejected, why."""
    lines = [
        title,
        "",
        "| clips | number | rejected | why |",
        "|---|---:|---:|---|",
    ]
    labels = {
        "test": "test (all are signing)",
        "reversed": "test, played backwards",
        "idle": "idle people",
        "unknown": "people who sign what the lexicon has not",
    }
    for name, r in rejections.items():
        kind, _, stride = name.partition(" ")
        label = f"{labels[kind]}; 2D on 1 frame in {stride}" if stride else labels[kind]
        why = "; ".join(f"{reason} ({count})" for reason, count in sorted(r.reasons.items(), key=lambda x: -x[1]))
        lines.append(f"| {label} | {r.clips} | {r.rejected} | {why} |")
    return "\n".join(lines) + "\n"
