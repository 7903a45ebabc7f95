"""Gestures: from rest to rest, of a body that stays whole, with hands that go where the gesture is."""

import numpy as np
import pytest

from skeletor.poses.skeleton import SIGNING_50
from slt.synthetic.signing.gestures import GESTURES, perform_gestures
from slt.synthetic.signing.handshapes import HANDSHAPES
from slt.synthetic.signing.lexicon import ORIENTATIONS
from slt.synthetic.signing.signers import SIGNERS

WRISTS = [SIGNING_50.index(f"{side}_wrist") for side in ("right", "left")]


def test_training_and_test_have_no_gesture_in_common():
    assert not set(GESTURES["train"]) & set(GESTURES["test"])
    places = [{one.place for one in GESTURES[part].values()} for part in ("train", "test")]
    assert not places[0] & places[1]
    for one in (*GESTURES["train"].values(), *GESTURES["test"].values()):
        assert one.shape in HANDSHAPES and one.orientation in ORIENTATIONS and 0 < one.stay[0] < one.stay[1]


@pytest.mark.parametrize("part", ["train", "test"])
def test_hands_leave_rest_and_come_back_and_bones_keep_their_length(part):
    for number, signer in enumerate(SIGNERS):
        pose = perform_gestures(signer, np.random.default_rng(number), part, 3).pose
        heights = pose.keypoints[:, WRISTS, 1] - pose.keypoints[:, [SIGNING_50.index("neck")], 1]
        assert heights.min() < 0.25 < heights[[0, -1]].min(), signer.name  # y is down, the rest is low
        parents, children = np.array(SIGNING_50.bones).T
        bones = np.linalg.norm(pose.keypoints[:, children] - pose.keypoints[:, parents], axis=2)
        assert np.ptp(bones, 0).max() < 1e-3
        speed = np.linalg.norm(np.diff(pose.keypoints[:, WRISTS], axis=0), axis=2).max() * pose.fps
        assert speed < 4.0  # metres a second


def test_it_depends_on_the_generator_alone():
    first, again, other = (perform_gestures(SIGNERS[0], np.random.default_rng(k), "test", 2).pose for k in (1, 1, 2))
    assert np.array_equal(first.keypoints, again.keypoints) and len(first) != len(other)
