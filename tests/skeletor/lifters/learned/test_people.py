"""Other people: bones keep their lengths, arms stay arms."""

import numpy as np
import pytest

from skeletor.lifters.learned.people import ARMS, at_speed, other_person
from skeletor.poses.pose import PoseSequence
from slt.synthetic.lift_clips import held_out_motion


@pytest.fixture(scope="module")
def motions() -> list[PoseSequence]:
    return [motion for _, motion in held_out_motion(2, 5)]


def lengths(points: np.ndarray, start: int, end: int) -> np.ndarray:
    return np.asarray(np.linalg.norm(points[:, end] - points[:, start], axis=-1))


@pytest.mark.parametrize("seed", range(6))
def test_bones_of_the_arms_are_rigid_and_alike_on_both_sides(motions: list[PoseSequence], seed: int) -> None:
    clip = other_person(motions[0].keypoints, motions[1].keypoints, np.random.default_rng(seed))
    assert np.isfinite(clip).all() and clip.shape[1:] == (50, 3)
    found = []
    for shoulder, elbow, wrist, hand in ARMS:
        upper, fore = lengths(clip, shoulder, elbow), lengths(clip, elbow, wrist)
        assert upper.std() < 1e-3 * upper.mean() and fore.std() < 1e-3 * fore.mean()
        assert lengths(clip, shoulder, wrist).max() < upper.mean() + fore.mean()  # no elbow bends backwards
        assert lengths(clip, wrist, hand[0]).max() < 0.05  # metres: the hand is on its wrist
        found.append((upper.mean(), fore.mean()))
    assert np.abs(np.log(np.array(found[0]) / found[1])).max() < 0.4


def test_people_differ(motions: list[PoseSequence]) -> None:
    rng = np.random.default_rng(0)
    clips = [other_person(motions[0].keypoints, motions[1].keypoints, rng) for _ in range(12)]
    width = [np.median(lengths(c, 2, 5)) for c in clips]
    arm = np.array([np.median(lengths(c, 2, 3)) for c in clips]) / width
    front = np.array([np.median(c[:, 4, 2] - c[:, 1, 2]) for c in clips]) / width
    assert arm.max() / arm.min() > 1.3 and np.ptp(front) > 0.3
    assert max(map(len, clips)) > 1.3 * min(map(len, clips))


def test_the_motion_given_is_left_as_it_was(motions: list[PoseSequence]) -> None:
    before = motions[0].keypoints.copy()
    other_person(motions[0].keypoints, motions[1].keypoints, np.random.default_rng(1))
    np.testing.assert_array_equal(motions[0].keypoints, before)


def test_at_speed_keeps_the_ends() -> None:
    points = np.arange(11.0)[:, None, None] * np.ones((1, 50, 3))
    fast = at_speed(points, 2.0)
    assert len(fast) == 6 and fast[0, 0, 0] == 0 and fast[-1, 0, 0] == 10
    assert len(at_speed(points, 100.0)) == 2
