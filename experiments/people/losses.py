"""Lost hands: where real recordings lose them, and the same losses put into other people's clips.

Only bounded losses count: the hand is seen before and after. A hand that is out of the picture, or hangs down, is not
lost. Left and right are places 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.people.clips import People
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50

HANDS = (list(SIGNING_50.group("left_hand")), list(SIGNING_50.group("right_hand")))
LENGTHS = {"1": (1, 1), "2-3": (2, 3), "4-7": (4, 7), "8-15": (8, 15)}  # frames
LONGEST = 15
Run = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Hole:
    """Joints that were hidden in a clip. joints: (T, 50) bool, what was seen there before. length: in frames."""

    pose: PoseSequence
    joints: np.ndarray
    length: int


def hands_seen(pose: PoseSequence) -> np.ndarray:
    """(T, 2) bool: whether anything of the left and of the right hand is seen."""
    return np.stack([(~pose.missing[:, hand]).any(1) for hand in HANDS], 1)


def losses(seen: np.ndarray) -> list[Run]:
    """Bounded runs of False in (T,) flags, as (first, last + 1)."""
    steps = np.diff(seen.astype(np.int8))
    starts, stops = np.flatnonzero(steps == -1) + 1, np.flatnonzero(steps == 1) + 1
    return [(int(a), int(stops[stops > a][0])) for a in starts if (stops > a).any()]


def patterns(people: People) -> list[tuple[int, int, list[tuple[int, Run]]]]:
    """Person, frames and losses (hand, run) of each clip that loses a hand."""
    found = []
    for pose, person in zip(people.poses, people.people, strict=True):
        seen = hands_seen(pose)
        runs = [(hand, run) for hand in (0, 1) for run in losses(seen[:, hand])]
        if runs:
            found.append((int(person), len(pose), runs))
    return found


def without(pose: PoseSequence, joints: np.ndarray) -> PoseSequence:
    """The pose without joints (T, 50) bool."""
    return pose.replace(
        np.where(joints[..., None], np.nan, pose.keypoints), np.where(joints, 0, pose.confidence).astype(np.float32)
    )


def drop_outs(people: People, seed: int) -> list[PoseSequence]:
    """Each clip with the losses of a clip of somebody else, drawn among those that lose a hand; at the same times."""
    rng = np.random.default_rng([seed, 1])
    known = patterns(people)
    result = []
    for pose, person in zip(people.poses, people.people, strict=True):
        others = [p for p in known if p[0] != person] or known
        gone = np.zeros((len(pose), 50), bool)
        if others:
            _, frames, runs = others[rng.integers(len(others))]
            for hand, (a, b) in runs:
                scale = len(pose) / frames
                start = min(round(a * scale), len(pose))
                gone[start : start + b - a, HANDS[hand]] = True
        result.append(without(pose, gone))
    return result


def hidden_hands(people: People, seed: int, between: Run = (1, LONGEST)) -> list[Hole | None]:
    """Each clip with one loss of one hand, as long as one of somebody else's; None where it fits nowhere.

    between: the shortest and the longest loss that is drawn.
    """
    rng = np.random.default_rng([seed, 2])
    lengths = _lengths(people, between)
    result: list[Hole | None] = []
    for pose, person in zip(people.poses, people.people, strict=True):
        length = int(rng.choice(lengths[int(person)]))
        hand = int(rng.integers(2))
        result.append(None)
        for side in (hand, 1 - hand):
            start = _place(hands_seen(pose)[:, side], length, rng)
            if start is not None:
                gone = np.zeros((len(pose), 50), bool)
                gone[start : start + length, HANDS[side]] = True
                gone &= ~pose.missing
                result[-1] = Hole(without(pose, gone), gone, length)
                break
    return result


def hidden_frames(people: People, seed: int) -> list[Hole | None]:
    """Each clip without some whole frames, as many as a loss of somebody else's; None where too few are left."""
    rng = np.random.default_rng([seed, 3])
    lengths = _lengths(people, (1, LONGEST))
    result: list[Hole | None] = []
    for pose, person in zip(people.poses, people.people, strict=True):
        length = int(rng.choice(lengths[int(person)]))
        start = _place(np.asarray((~pose.missing).any(1)), length, rng)
        gone = np.zeros((len(pose), 50), bool)
        if start is not None:
            gone[start : start + length] = True
        gone &= ~pose.missing
        result.append(Hole(without(pose, gone), gone, length) if gone.any() else None)
    return result


def _lengths(people: People, between: Run) -> dict[int, np.ndarray]:
    """For each person the lengths of the others' losses within two lengths; all of these where they have none."""
    low, high = between
    known = [(p, b - a) for p, _, runs in patterns(people) for _, (a, b) in runs if low <= b - a <= high]
    found = {}
    for person in np.unique(people.people):
        others = [length for p, length in known if p != person] or [length for _, length in known]
        found[int(person)] = np.array(others or range(low, high + 1))
    return found


def _place(seen: np.ndarray, length: int, rng: np.random.Generator) -> int | None:
    """A start drawn among those where (T,) flags are True throughout, and before and after."""
    room = len(seen) - length - 1
    starts = [a for a in range(1, room + 1) if seen[a - 1 : a + length + 1].all()]
    return int(rng.choice(starts)) if starts else None
