import numpy as np

from skeletor.poses.key_frames import STRIDE, key_frames, thin
from skeletor.poses.pose import PoseSequence, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from slt.pipeline.work.write_model import backwards, most_frequent


def test_a_sparse_clip_played_backwards_begins_with_a_key_frame() -> None:
    pose = thin(PoseSequence(np.random.default_rng(0).random((19, 50, 2)), np.ones((19, 50)), 25.0, SIGNING_50), 4)
    pose = pose.replace(stage=StageRecord("estimate", config={STRIDE: 4}))
    back = backwards(pose)
    assert len(back) == 17 and np.array_equal(~back.missing.all(1), key_frames(back))
    assert np.array_equal(back.keypoints[0], pose.keypoints[16])


def test_a_model_has_the_frame_rate_of_most_of_its_clips() -> None:
    assert most_frequent([50.0]) == 50 and most_frequent([50.0, 25.0, 50.0]) == 50 and most_frequent([30.0, 25.0]) == 25


def test_the_frame_rate_of_clips_that_each_have_their_own_is_one_near_the_most() -> None:
    phones = [29.97 + 0.01 * k for k in range(9)]
    assert most_frequent([15.02, *phones, 59.9, 59.9]) == 29.97
