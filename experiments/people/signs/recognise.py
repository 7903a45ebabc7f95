"""Which clips a recogniser reads right, trained on some people and tested on others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from experiments.people.clips import People
from experiments.people.config import Kind, RealConfig, Recogniser
from experiments.people.signs.features import KINDS, binned, frame_features
from experiments.people.signs.folds import Fold, good_to_bad, leave_people_out
from experiments.people.signs.readers import network, own, ridge
from skeletor.poses.pose import PoseSequence

# What the product's reader is trained with, by recogniser.
OWN: dict[str, dict[str, object]] = {
    "own": {},
    "own-none": {"lost_hands": 0.0},
    "own-measured": {"losses": "measured"},
    "own-bends": {"hands": "bends"},
}
Poses = Sequence[PoseSequence]
Right = dict[str, dict[str, list[float | None]]]
# What trains on a fold's clips and gives, for its test clips (M,), whether they are read right: as they are, and with
# drop-outs, (2, M).
Reader = Callable[[Fold], np.ndarray]


def recognise(config: RealConfig, recogniser: Recogniser, people: People, clean: Poses, dropped: Poses) -> Right:
    """Which clips are read right, (N,) each, None where a clip was not tested, by column and condition.

    Columns: the recogniser and what it reads. Conditions: `clean` and `dropped` (people left out, trained on clean
    clips) and `good to bad`. Networks: mean over the seeds.
    """
    found: Right = {}
    for kind in config.inputs if recogniser not in OWN else _own_inputs(recogniser):
        tested = _tested(_reader(config, recogniser, kind, people, clean, dropped), config, recogniser, people)
        found[f"{recogniser}, {KINDS[kind]}"] = {
            condition: [None if np.isnan(v) else float(v) for v in right] for condition, right in tested.items()
        }
    return found


def _own_inputs(recogniser: Recogniser) -> tuple[Kind, ...]:
    return ("bends",) if OWN[recogniser].get("hands") == "bends" else ("product",)


def _tested(read: Reader, config: RealConfig, recogniser: Recogniser, people: People) -> dict[str, np.ndarray]:
    nothing = np.full(len(people.labels), np.nan)
    right = {"clean": nothing.copy(), "dropped": nothing.copy()}
    for fold in leave_people_out(people, None if recogniser == "ridge" else config.folds):
        right["clean"][fold[1]], right["dropped"][fold[1]] = read(fold)
    for fold in good_to_bad(people):
        right["good to bad"] = nothing.copy()
        right["good to bad"][fold[1]] = read(fold)[0]
    return right


def _reader(
    config: RealConfig, recogniser: Recogniser, kind: Kind, people: People, clean: Poses, dropped: Poses
) -> Reader:
    if recogniser in OWN:
        return lambda fold: _own(config, OWN[recogniser], people, (clean, dropped), fold)
    both = [[frame_features(pose, kind) for pose in poses] for poses in (clean, dropped)]
    if recogniser == "network":
        return lambda fold: _network(config, people, both, fold)
    tables = [np.stack([binned(frames, config.bins) for frames in part]) for part in both]
    return lambda fold: _ridge(config, people, tables, fold)


def _ridge(config: RealConfig, people: People, tables: Sequence[np.ndarray], fold: Fold) -> np.ndarray:
    train, test = fold
    tests = [table[test] for table in tables]
    read = ridge(tables[0][train], people.labels[train], people.people[train], tests, config.penalties)
    return np.array([one == people.labels[test] for one in read], float)


def _network(config: RealConfig, people: People, both: Sequence[Sequence[np.ndarray]], fold: Fold) -> np.ndarray:
    train, test = fold
    first, parts = [both[0][k] for k in train], [[part[k] for k in test] for part in both]
    read = [network(first, people.labels[train], parts, config.epochs, seed) for seed in config.seeds]
    right = np.array([[one == people.labels[test] for one in pair] for pair in read], float)  # (seeds, 2, M)
    return np.asarray(right.mean(0))


def _own(
    config: RealConfig, changes: Mapping[str, object], people: People, both: Sequence[Poses], fold: Fold
) -> np.ndarray:
    train, test = fold
    first, parts = [both[0][k] for k in train], [[part[k] for k in test] for part in both]
    changes = {**changes, "epochs": config.own_epochs}
    read = own(first, people.labels[train], people.people[train], parts, changes, config.seeds[0])
    return np.array([one == people.labels[test] for one in read], float)
