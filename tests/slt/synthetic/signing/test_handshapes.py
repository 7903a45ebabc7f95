from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slt.synthetic.signing.handshapes import BASES, HANDSHAPES, PALM, SEGMENTS, hand_joints

PARENTS = np.array([-1, *(0 if k == 0 else 4 * f + k for f in range(5) for k in range(4))])


def lengths(joints):
    return np.linalg.norm(joints[..., 1:, :] - joints[..., PARENTS[1:], :], axis=-1)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.5, 1.5))
def test_bone_lengths_do_not_depend_on_the_angles(seed, scale):
    angles = np.random.default_rng(seed).uniform(-1, 2, (2, 7, 5, 4))
    joints = hand_joints(angles, scale)
    assert joints.shape == (2, 7, 21, 3)
    expected = np.concatenate([np.linalg.norm(BASES, axis=1)[:, None], SEGMENTS], 1).ravel() * scale
    np.testing.assert_allclose(lengths(joints), np.broadcast_to(expected, (2, 7, 20)), atol=1e-12)


def test_straight_fingers_and_right_angles():
    angles = np.zeros((5, 4))
    tip = hand_joints(angles)[12]  # middle finger
    np.testing.assert_allclose(tip, BASES[2] + [0, SEGMENTS[2].sum(), 0], atol=1e-12)
    assert np.linalg.norm(BASES[2]) == pytest.approx(PALM, rel=0.01)
    angles[2, 1] = np.pi / 2  # the knuckle: the finger points out of the palm
    np.testing.assert_allclose(hand_joints(angles)[12], BASES[2] + [0, 0, SEGMENTS[2].sum()], atol=1e-12)
    angles[2, 0] = np.pi / 2  # abduction alone would point to the thumb's side; flexion still wins
    np.testing.assert_allclose(hand_joints(angles)[12], BASES[2] + [0, 0, SEGMENTS[2].sum()], atol=1e-12)


def test_inventory_is_large_and_its_shapes_look_different():
    assert len(HANDSHAPES) >= 12
    joints = {name: hand_joints(a) for name, a in HANDSHAPES.items()}
    for one, other in combinations(joints, 2):
        assert np.abs(joints[one] - joints[other]).max() > 0.02, (one, other)


def test_curled_fingers_are_on_the_palm_side_and_thumbs_on_the_radial_side():
    fist, five = hand_joints(HANDSHAPES["fist"]), hand_joints(HANDSHAPES["five"])
    assert (fist[[8, 12, 16, 20], 2] > 0).all()
    assert (np.linalg.norm(fist[[8, 12, 16, 20]], axis=1) < PALM).all()
    assert five[4, 0] > five[8, 0] > five[12, 0] > five[16, 0] > five[20, 0]
