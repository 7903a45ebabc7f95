"""How far the trunk is turned: a body whose turn is known, its mirror image, its size, and clips beside each other."""

import numpy as np
import pytest

from skeletor.lifters.kinematic.side_by_side import Layout
from skeletor.lifters.kinematic.trunk import TrunkPrior, turn

PRIOR = TrunkPrior()
RIGHT_SHOULDER, LEFT_SHOULDER, RIGHT_WRIST, LEFT_WRIST = 2, 5, 4, 7
FRONT = {
    RIGHT_SHOULDER: (-0.5, 0, 0),
    LEFT_SHOULDER: (0.5, 0, 0),
    RIGHT_WRIST: (-0.2, 0.4, 0.8),
    LEFT_WRIST: (0.2, 0.4, 0.8),
}


def body(angles: np.ndarray, reach: float = 0.0) -> np.ndarray:
    """(T, 50, 3) shoulders and wrists turned about the vertical, above 0 with the left shoulder to the front.

    reach: of the wrists, to the person's left.
    """
    points = np.zeros((len(angles), 50, 3), np.float32)
    sine, cosine = np.sin(angles), np.cos(angles)
    for joint, (x, y, z) in FRONT.items():
        aside = x + (reach if joint in (LEFT_WRIST, RIGHT_WRIST) else 0)
        points[:, joint] = np.stack([aside * cosine - z * sine, np.full_like(sine, y), aside * sine + z * cosine], 1)
    return points


def seen(points: np.ndarray) -> np.ndarray:
    return np.ones(points.shape[:2], np.float32)


def turns_of(points: np.ndarray, lengths: tuple[int, ...] = (), prior: TrunkPrior = PRIOR) -> np.ndarray:
    flat = np.ascontiguousarray(points[..., :2])
    return turn(flat, seen(flat), Layout(lengths or (len(flat),)), prior)


def test_who_faces_the_camera_is_not_turned() -> None:
    np.testing.assert_allclose(turns_of(body(np.zeros(30))), 0, atol=1e-4)


@pytest.mark.parametrize("side", [1, -1])
def test_who_turns_is_turned_to_that_side_and_about_as_far(side: int) -> None:
    angles = side * np.radians(35) * np.sin(np.linspace(0, np.pi, 60))
    points = body(angles)
    truth = points[:, LEFT_SHOULDER, 2] - points[:, RIGHT_SHOULDER, 2]
    found = turns_of(points)
    assert np.sqrt(((found - truth) ** 2).mean()) < 0.25 * np.sqrt((truth**2).mean())
    assert side * found[30] == pytest.approx(np.sin(np.radians(35)), rel=0.2)


@pytest.mark.parametrize("frames", [25, 50, 400])
def test_a_turn_within_two_seconds_is_found_at_any_frame_rate(frames: int) -> None:
    points = body(np.radians(35) * np.sin(np.linspace(0, np.pi, frames)))
    points += np.random.default_rng(0).normal(0, 0.005, points.shape).astype(np.float32)
    truth = points[:, LEFT_SHOULDER, 2] - points[:, RIGHT_SHOULDER, 2]
    assert np.sqrt(((turns_of(points) - truth) ** 2).mean()) < 0.3 * np.sqrt((truth**2).mean())


def test_one_frame_has_no_width_to_compare_with_and_is_turned_as_the_arms_say() -> None:
    (found,) = turns_of(body(np.radians([30.0]), reach=0.3))
    assert -0.3 < found < 0.3 and np.isfinite(found)
    (other,) = turns_of(body(np.radians([30.0]), reach=-0.9))
    assert other > found  # who reaches to the right turns the left shoulder forward


def test_arms_that_reach_aside_before_a_trunk_of_full_width_turn_it_little() -> None:
    assert np.abs(turns_of(body(np.zeros(40), reach=0.5))).max() < 0.2


def test_the_mirror_image_is_turned_to_the_other_side() -> None:
    rng = np.random.default_rng(0)
    points = body(np.radians(30) * np.sin(np.linspace(0, 6, 80)), 0.1)[..., :2] + rng.normal(0, 0.01, (80, 50, 2))
    mirrored = points * [-1, 1]
    mirrored[:, [LEFT_SHOULDER, RIGHT_SHOULDER]] = mirrored[:, [RIGHT_SHOULDER, LEFT_SHOULDER]]
    np.testing.assert_allclose(turns_of(mirrored), -turns_of(points), atol=1e-4)


def test_a_larger_picture_of_the_same_person_is_turned_alike() -> None:
    points = body(np.radians(30) * np.sin(np.linspace(0, 3, 50)))
    np.testing.assert_allclose(turns_of(points * 3), 3 * turns_of(points), rtol=1e-3, atol=1e-4)


def test_clips_beside_each_other_are_lifted_as_alone() -> None:
    one, other = body(np.radians(30) * np.sin(np.linspace(0, 3, 50))), body(np.zeros(20), 0.3)
    together = turns_of(np.concatenate([one, other]), (50, 20))
    np.testing.assert_allclose(together, np.concatenate([turns_of(one), turns_of(other)]), atol=1e-5)


def test_shoulders_that_were_not_seen_leave_it_to_the_arms() -> None:
    points = body(np.radians(35) * np.ones(20))[..., :2].copy()
    weight = seen(points)
    weight[:, LEFT_SHOULDER] = 0
    points[:, LEFT_SHOULDER, 0] -= 5  # what was filled in is no evidence of width
    points[:, RIGHT_SHOULDER, 0] += 5
    aside = points[:, [LEFT_WRIST, RIGHT_WRIST], 0].mean(1)
    found = turn(points, weight, Layout((20,)), PRIOR)
    np.testing.assert_allclose(found, PRIOR.reach * aside, atol=0.02)
