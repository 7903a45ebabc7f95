"""Scores of isolated signs: how often the true label is the first guess, or among the first five."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skeletor.support.errors import InputError

RESAMPLES = 1000
FIRST = (1, 5)


@dataclass(frozen=True)
class SignScores:
    """Per cent of n clips. intervals: "top1", "top5" -> (low, high), percentile bootstrap, 95 %.

    signers: over how many signers it was taken, all clips of a signer together; 0: over clips. trainings: whose mean
    they are.
    """

    top1: float
    top5: float
    intervals: Mapping[str, tuple[float, float]]
    n: int
    signers: int = 0
    trainings: int = 1

    def as_dict(self) -> dict[str, Any]:
        """All fields as plain values, for JSON; scores in per cent."""
        return dataclasses.asdict(self)


def hits(ranks: Sequence[Sequence[str]], labels: Sequence[str]) -> np.ndarray:
    """(N, 2) 1 where the true label is the first guess, and where it is among the first five. ranks: best first."""
    return np.array(
        [[label in guesses[:k] for k in FIRST] for guesses, label in zip(ranks, labels, strict=True)], float
    )


def score_hits(found: Sequence[np.ndarray], seed: int = 0, signers: Sequence[str] = ()) -> SignScores:
    """Mean of the trainings' `hits` (N, 2), and its interval.

    signers: of each clip. If there are several, whole signers are resampled: clips of one person go together, and
    resampling clips would say too much of new people. Raises InputError without clips.
    """
    if not found or not len(found[0]):
        raise InputError("no clips to score; give at least one")
    values = np.mean(found, axis=0)  # (N, 2)
    names = sorted(set(signers))
    grouped = len(names) > 1
    groups = np.searchsorted(names, signers) if grouped else np.arange(len(values))
    count = len(names) if grouped else len(values)
    sums = np.stack([np.bincount(groups, column, count) for column in values.T], 1)  # (K, 2)
    sizes = np.bincount(groups, minlength=count)  # (K,)
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), RESAMPLES)  # (R, K)
    means = 100 * (draws @ sums) / (draws @ sizes)[:, None]  # (R, 2)
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    top1, top5 = 100 * values.mean(0)
    intervals = {f"top{k}": (float(low[i]), float(high[i])) for i, k in enumerate(FIRST)}
    return SignScores(float(top1), float(top5), intervals, len(values), count if grouped else 0, len(found))


def signs_table(scores: Mapping[str, SignScores]) -> str:
    """Scores by split, in Markdown, and how they were taken."""
    rows = "\n".join(f"| {split} | {s.n} | {cell(s, 'top1')} | {cell(s, 'top5')} |" for split, s in scores.items())
    people = [f"; of {split} over {s.signers} whole signers" for split, s in scores.items() if s.signers]
    return f"""| split | clips | top-1 [95 %] | top-5 [95 %] |
|---|---:|---:|---:|
{rows}

Per cent; intervals by bootstrap over clips{"".join(people)}.
"""


def cell(scores: SignScores, which: str) -> str:
    """A score ("top1" or "top5") with its interval."""
    low, high = scores.intervals[which]
    return f"{getattr(scores, which):.1f} [{low:.1f}, {high:.1f}]"
