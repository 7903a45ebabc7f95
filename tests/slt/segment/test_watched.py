"""The joints that are watched: taken as they are, and the same for any stretch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50
from skeletor.support.errors import InputError
from slt.segment.rule import find_segments
from slt.segment.watched import WATCHED, watch, watched
from tests.slt.inference.test_recording import talk

TALK = talk()


def test_the_joints_are_those_of_the_same_name():
    pose = watched(TALK)
    assert pose.keypoints.shape == (len(TALK), 20, 3) and watched(pose) is pose
    for k, joint in enumerate(WATCHED.joints):
        assert np.array_equal(pose.keypoints[:, k], TALK.keypoints[:, SIGNING_50.index(joint)])
    for k, parent in enumerate(WATCHED.parents):
        assert parent < k
    swapped = [WATCHED.joints[j] for j in WATCHED.mirror]
    assert swapped == [SIGNING_50.joints[SIGNING_50.mirror[SIGNING_50.index(joint)]] for joint in WATCHED.joints]


@given(st.integers(1, 1000))
def test_any_stretch_gives_the_same_segments(stretch):
    whole = watch(TALK, stretch)
    assert np.array_equal(whole.keypoints, watched(TALK).keypoints)
    assert find_segments(whole, longest=1.2) == find_segments(TALK, longest=1.2)


def test_an_empty_recording_and_one_on_another_skeleton():
    assert len(watch(TALK.frames(0, 0))) == 0
    other = PoseSequence(np.zeros((3, 67, 2)), np.ones((3, 67)), 25, BODY25_HANDS, Provenance("x"))
    assert len(watch(other)) == 3
    with pytest.raises(InputError, match="segments need skeleton signing_50, not body25_hands"):
        watched(other)
