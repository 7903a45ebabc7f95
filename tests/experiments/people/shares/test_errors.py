"""Errors of one clip with a hole, and shares of another's errors with their intervals."""

from pathlib import Path

import numpy as np
import pytest

from experiments.people.losses import HANDS, Hole, without
from experiments.people.shares.errors import MEASURES, clip_errors, mean_error, share
from experiments.people.ways import lifted
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.poses.pose import PoseSequence
from tests.experiments.people.made import some_people

RIGHT = HANDS[1]


@pytest.fixture
def clip(tmp_path: Path) -> tuple[PoseSequence, PoseSequence, Hole]:
    """The whole clip lifted, the same without the right hand in frames 4 to 6, and the hole."""
    pose = some_people(tmp_path, 1).poses[0]
    gone = np.zeros((len(pose), 50), bool)
    gone[4:7, RIGHT] = True
    hole = Hole(without(pose, gone), gone, 3)
    whole, holed = lifted(FastOptions(), [pose, hole.pose])
    return whole, holed, hole


def means(result: PoseSequence, clip: tuple[PoseSequence, PoseSequence, Hole]) -> dict[str, float]:
    whole, holed, hole = clip
    sums = clip_errors(result, holed, whole, hole)
    assert sums.shape == (len(MEASURES), 2)
    return {name: total / max(count, 1) for name, (total, count) in zip(MEASURES, sums, strict=True)}


def shifted(pose: PoseSequence, frames: slice, joints: list[int], by: float) -> PoseSequence:
    points = pose.keypoints.copy()
    points[frames, joints, 0] += by
    return pose.replace(points)


def test_the_whole_clip_itself_has_no_error(clip: tuple[PoseSequence, PoseSequence, Hole]) -> None:
    found = means(clip[0], clip)
    assert {k: v for k, v in found.items() if k != "moved"} == pytest.approx(
        {"hidden": 0, "acceleration": 0, "root": 0}, abs=1e-6
    )


def test_each_measure_sees_its_own_error(clip: tuple[PoseSequence, PoseSequence, Hole]) -> None:
    """A hand that lies aside in its gap is wrong, off its wrist, and jumps at both ends."""
    whole, holed, _ = clip
    found = means(shifted(whole, slice(4, 7), RIGHT, 0.1), clip)
    assert found["hidden"] == pytest.approx(0.1, rel=1e-4) == found["root"]
    assert found["acceleration"] == pytest.approx(0.1 * (1 + 1 + 0 + 1 + 1) / 5, rel=1e-3)
    found = means(shifted(holed, slice(0, 3), RIGHT, 0.1), clip)  # seen there
    seen = (holed.confidence > 0).sum()
    assert found["moved"] == pytest.approx(0.1 * 3 * 21 / seen, rel=1e-3)
    assert means(holed, clip)["moved"] == 0
    wrist = means(shifted(shifted(whole, slice(4, 7), RIGHT, 0.1), slice(4, 7), [4], 0.1), clip)
    assert wrist["root"] == pytest.approx(0, abs=1e-6) and wrist["hidden"] == pytest.approx(0.1, rel=1e-4)


def test_what_is_left_missing_counts_for_nothing(clip: tuple[PoseSequence, PoseSequence, Hole]) -> None:
    whole, holed, hole = clip
    gone = np.where(hole.joints[..., None], np.nan, whole.keypoints)
    sums = clip_errors(whole.replace(gone, np.where(hole.joints, 0, whole.confidence)), holed, whole, hole)
    assert sums[0, 1] == 0 and sums[0, 0] == 0 and np.isfinite(sums).all()


def test_a_share_is_the_mean_of_the_peoples_shares() -> None:
    people = np.array([0, 0, 1, 2])
    base = np.array([[1.0, 1], [3, 1], [2, 1], [4, 2]])  # means 2, 2, 2
    own = np.array([[1.0, 1], [1, 1], [3, 1], [4, 2]])  # means 1, 1.5 * 2, 2
    found = share(own, base, people, few=False)
    assert found is not None
    assert found.mean == pytest.approx((0.5 + 1.5 + 1) / 3) and (found.better, found.people) == (1, 3)
    assert found.interval[0] == pytest.approx(0.5) and found.interval[1] == pytest.approx(1.5)
    assert mean_error(own, people) == pytest.approx(2.0)


def test_intervals_are_paired() -> None:
    """Half of an error that varies a hundredfold is half of it, in every resample, over people and over clips."""
    rng = np.random.default_rng(0)
    base = np.stack([rng.lognormal(0, 2, 60), np.ones(60)], 1)
    for few in (False, True):
        found = share(base * [0.5, 1], base, np.repeat([0, 1, 2], 20), few)
        assert found is not None and found.interval == pytest.approx((0.5, 0.5)) and found.mean == pytest.approx(0.5)
    wide = share(rng.permutation(base), base, np.repeat([0, 1, 2], 20), True)
    assert wide is not None and wide.interval[1] > 2 * wide.interval[0]


def test_nothing_hidden_has_no_share() -> None:
    none = np.zeros((3, 2))
    assert share(none, none, np.zeros(3, int), True) is None and mean_error(none, np.zeros(3, int)) is None
