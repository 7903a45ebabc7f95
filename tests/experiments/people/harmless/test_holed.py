"""Clips lifted without what is hidden in them: as large as the whole ones, with gaps where the lifter saw none."""

from pathlib import Path

import numpy as np

from experiments.people.clips import People
from experiments.people.harmless.holed import holed_lifts
from experiments.people.harmless.training import Lifts, chosen
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.registry import build_lifter
from skeletor.poses.pose import PoseSequence
from tests.experiments.people.made import some_people

LIFTER = build_lifter(FastOptions())


def made(tmp_path: Path, copies: int) -> tuple[People, list[PoseSequence], list[tuple[int, PoseSequence]]]:
    people = some_people(tmp_path, 1).take(np.arange(4))
    whole = LIFTER.many(people.poses)
    return people, whole, holed_lifts(people, whole, LIFTER, copies, 0)


def test_each_copy_has_hands_and_whole_frames_hidden_elsewhere(tmp_path: Path) -> None:
    people, whole, holed = made(tmp_path, 2)
    assert {k for k, _ in holed} == set(range(4)) and len(holed) <= 2 * 3 * len(people.poses)
    everything = 0
    for k, lift in holed:
        assert lift.keypoints.shape == whole[k].keypoints.shape
        gone = (lift.confidence == 0) & (whole[k].confidence > 0)
        assert gone.any() and not (gone.all(1)).all()
        everything += int(gone.all(1).any())
        seen = lift.confidence > 0  # in the picture what was seen is where it is in the whole lift
        np.testing.assert_allclose(lift.keypoints[seen][:, :2], whole[k].keypoints[seen][:, :2], atol=0.02)
    assert everything >= 4
    hidden = [(k, tuple(map(tuple, np.argwhere(lift.confidence == 0)))) for k, lift in holed]
    assert len(set(hidden)) > len(hidden) / 2  # the copies differ


def test_without_copies_there_are_none(tmp_path: Path) -> None:
    assert made(tmp_path, 0)[2] == []


def test_those_that_are_chosen_still_have_their_whole_lift(tmp_path: Path) -> None:
    _, whole, holed = made(tmp_path, 1)
    keep = np.array([False, True, False, True])
    found = chosen([Lifts(whole, holed), Lifts(whole[:1], [(0, whole[0])])], [keep, np.array([True])])
    assert found.whole == [whole[1], whole[3], whole[0]]
    want = [(whole[k], lift) for k, lift in holed if keep[k]] + [(whole[0], whole[0])]
    assert [(found.whole[k], lift) for k, lift in found.holed] == want
