"""Clips that were lifted without what is hidden in them, as the chain lifts: the lifter sees a gap, too."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.people.clips import People
from experiments.people.shares.config import SharesConfig
from experiments.people.shares.rows import holes_of
from skeletor.lifters.base import Lifter
from skeletor.poses.normalise import renormalise
from skeletor.poses.pose import PoseSequence

SEED = 100  # the first copy's; what is judged is hidden by a small seed, so that no training meets the same gaps


def holed_lifts(
    people: People, whole: Sequence[PoseSequence], lifter: Lifter, copies: int, seed: int
) -> list[tuple[int, PoseSequence]]:
    """Numbers of clips, and their lifts with something hidden in 2D, as large as the lifts of the whole clips, `whole`.

    Each copy of a clip has one hidden hand for a few frames, one for longer, and one with all joints hidden, where it
    has room for that; gaps are as long as real losses of hands.
    """
    found: list[tuple[int, PoseSequence]] = []
    for copy in range(copies):
        shares = SharesConfig(sets=[{"name": people.name, "file": ""}], seed=SEED + seed + copy)  # type: ignore[list-item]
        for holes in holes_of(shares, people).values():
            lifts = lifter.many([hole.pose for _, hole in holes])
            found += [(k, renormalise(lift, whole[k])) for (k, _), lift in zip(holes, lifts, strict=True)]
    return found
