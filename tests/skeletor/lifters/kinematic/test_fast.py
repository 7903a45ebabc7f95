"""What the fast lifter believes of the length of a bone: how much a sight is worth against what people are like."""

import itertools

import numpy as np
import pytest

from skeletor.lifters.kinematic.fast import FOREARM, PRIOR, lift
from skeletor.lifters.kinematic.kinematics import PROPORTIONS
from skeletor.lifters.kinematic.side_by_side import Layout

ELBOWS, WRISTS = (6, 3), (7, 4)
EXPECTED = float(PROPORTIONS[FOREARM])


def forward(seen: float, frames: int, sure: float = 1.0) -> float:
    """How far in front of its elbow a wrist is put, whose forearm is seen so long in each frame."""
    points = np.zeros((frames, 50, 2), np.float32)
    points[:, 2], points[:, 5] = (-0.5, 0), (0.5, 0)
    for elbow, wrist, x in ((6, 7, 0.6), (3, 4, -0.6)):
        points[:, elbow] = (x, 0.7)
        points[:, wrist] = (x, 0.7 - seen)
    for root, wrist in ((8, 7), (29, 4)):
        points[:, root : root + 21] = points[:, wrist, None] + np.linspace(0, 0.2, 21)[None, :, None]
    weight = np.ones((frames, 50), np.float32)
    weight[:, ELBOWS + WRISTS] = sure
    z = lift(points, weight, Layout([frames]))[..., 2]
    depth = z[:, WRISTS] - z[:, ELBOWS]
    assert np.allclose(depth, depth[0, 0], atol=1e-4)
    return float(depth[0, 0])


@pytest.mark.parametrize("frames", [1, 8, 100])
def test_the_proportions_are_worth_so_many_frames_of_evidence(frames: int) -> None:
    seen = 0.6 * EXPECTED
    doubt = PRIOR.frames / (PRIOR.frames + frames)
    length = seen + doubt * (EXPECTED - seen)
    assert forward(seen, frames) == pytest.approx(np.sqrt(length**2 - seen**2), rel=1e-3)


def test_the_more_frames_show_a_short_bone_the_shorter_it_is_held() -> None:
    depths = [forward(0.6 * EXPECTED, frames) for frames in (1, 4, 16, 64, 256)]
    assert all(more < less for less, more in itertools.pairwise(depths))
    assert depths[-1] < 0.3 * depths[0]


def test_a_bone_that_looks_longer_than_usual_is_as_long_as_it_looks() -> None:
    assert forward(1.4 * EXPECTED, 5) == pytest.approx(0, abs=1e-3)


def test_what_was_not_surely_seen_is_no_evidence() -> None:
    seen = 0.6 * EXPECTED
    assert forward(seen, 100, sure=0.2) == pytest.approx(np.sqrt(EXPECTED**2 - seen**2), rel=1e-3)
