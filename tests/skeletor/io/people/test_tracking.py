"""How far a person may go from one frame to the next, and still be the same."""

import numpy as np
import pytest

from skeletor.io.people import People, follow
from skeletor.poses.skeleton import Skeleton

BODY = Skeleton(
    "body", ("nose", "neck", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow"), (-1,) * 6, (),
    (("body", tuple(range(6))),),
)  # fmt: skip
SHAPE = np.array([[0, -40], [0, 0], [40, 0], [-40, 0], [50, 60], [-50, 60]], np.float32)  # 100 wide and high


def tracks(*places: tuple[float, float]) -> np.ndarray:
    points = np.stack([SHAPE + np.array(place, np.float32) for place in places])[:, None]  # (T, 1, 6, 2)
    return follow(People(points, np.ones(points.shape[:3], np.float32), 25.0, BODY))


@pytest.mark.parametrize("direction", [(1, 0), (0, 1), (-1, 0)])
def test_half_a_body_further_is_the_same_person_a_body_further_is_another(direction: tuple[int, int]) -> None:
    start = np.array([500, 500])
    near, far = (start + np.array(direction) * step for step in (50, 100))
    assert tracks(tuple(start), tuple(near)).T.tolist() == [[0, 0]]
    apart = tracks(tuple(start), tuple(far))
    assert sorted(apart.T.tolist()) == [[-1, 0], [0, -1]]


def test_the_reach_grows_with_the_body() -> None:
    large = SHAPE * 3
    points = np.stack([large, large + np.array([150, 0])])[:, None].astype(np.float32)
    assert follow(People(points, np.ones(points.shape[:3], np.float32), 25.0, BODY)).shape[1] == 1


def test_two_people_who_change_places_in_the_list_stay_themselves() -> None:
    left, right = SHAPE + np.array([100, 300]), SHAPE + np.array([600, 300])
    points = np.stack([np.stack(pair) for pair in ((left, right), (right, left), (left, right))]).astype(np.float32)
    found = follow(People(points, np.ones(points.shape[:3], np.float32), 25.0, BODY))
    assert sorted(found.T.tolist()) == [[0, 1, 0], [1, 0, 1]]
