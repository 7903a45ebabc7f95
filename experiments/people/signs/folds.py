"""Who is trained on and who is tested, and intervals over people or clips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.people.clips import People
from experiments.people.losses import hands_seen

RESAMPLES = 10_000
Fold = tuple[np.ndarray, np.ndarray]  # clips to train on, clips to test on


@dataclass(frozen=True)
class Gain:
    """A difference of two rows and its 95 % interval."""

    difference: float
    interval: tuple[float, float]


def leave_people_out(people: People, folds: int | None = None) -> list[Fold]:
    """Every person is tested once, by a reader that never saw him; None: one person at a time, else in so many groups.

    A set of one person has no such folds.
    """
    known = np.unique(people.people)
    if len(known) < 2:
        return []
    groups = (
        [known[k : k + 1] for k in range(len(known))]
        if folds is None
        else np.array_split(known, min(folds, len(known)))
    )
    tests = [np.isin(people.people, group) for group in groups]
    return [(np.flatnonzero(~test), np.flatnonzero(test)) for test in tests]


def good_to_bad(people: People) -> list[Fold]:
    """Train on the half of the people with most hands seen, test on the others; nothing for few people."""
    if people.few:
        return []
    share = np.array([hands_seen(pose).mean() for pose in people.poses])
    known = np.unique(people.people)
    order = sorted(known, key=lambda person: -share[people.people == person].mean())
    good = np.isin(people.people, order[: len(order) // 2])
    return [(np.flatnonzero(good), np.flatnonzero(~good))]


def by_person(right: np.ndarray, people: np.ndarray) -> np.ndarray:
    """(P,) share of each person's tested clips that are right; right: (N,), NaN where a clip was not tested."""
    tested = np.unique(people[~np.isnan(right)])
    return np.array([np.nanmean(right[people == person]) for person in tested])


def gain(right: np.ndarray, base: np.ndarray, people: np.ndarray, few: bool, seed: int = 0) -> Gain:
    """Mean over people of the difference, and its interval by a bootstrap over people (few: over clips)."""
    units = (right - base)[~np.isnan(right - base)] if few else by_person(right - base, people)
    drawn = np.random.default_rng(seed).integers(len(units), size=(RESAMPLES, len(units)))
    low, high = np.percentile(units[drawn].mean(1), [2.5, 97.5])
    return Gain(float(units.mean()), (float(low), float(high)))
