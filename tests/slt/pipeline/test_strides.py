import numpy as np
import pytest

from skeletor.lifters.fast_lifter import FastOptions
from skeletor.poses.key_frames import pose_stride
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.smoothers.smooth import SavgolOptions
from skeletor.refiners2d.base import NoRefine2DOptions
from skeletor.support.errors import InputError
from slt.pipeline.strides import build_pose_chain, larger_strides, thinned


def flat(frames, seed=0):
    keypoints = np.random.default_rng(seed).normal(size=(frames, 50, 2)) * 100
    return PoseSequence(keypoints, np.ones((frames, 50)), 25, SIGNING_50, Provenance(units="pixel"))


@pytest.fixture
def chain():
    return build_pose_chain(FastOptions(absent="filled"), SavgolOptions(), NoRefine2DOptions(), None, None)


def test_every_other_frame_is_gone_and_comes_back_in_3d(chain):
    raw = [flat(20), flat(13, 1)]
    sparse = thinned(raw, 4)
    assert all(pose_stride(pose) == 4 for pose in sparse)
    assert np.isnan(sparse[0].keypoints[1:4]).all() and (sparse[0].keypoints[::4] == raw[0].keypoints[::4]).all()
    kept, final = chain.final(sparse)
    assert [len(p) for p in final] == [20, 13] and kept == sparse
    assert all(p.dims == 3 and np.isfinite(p.keypoints).all() and pose_stride(p) == 4 for p in final)


def test_a_clip_that_cannot_be_lifted_is_left_out_with_its_key_points(chain):
    nobody = flat(9, 2).replace(np.full((9, 50, 2), np.nan, np.float32), np.zeros((9, 50), np.float32))
    with pytest.raises(InputError):
        chain.lifter(nobody)
    raw = [flat(8), nobody, flat(10, 1)]
    kept, final = chain.final(thinned(raw, 2))
    assert [len(p) for p in kept] == [len(p) for p in final] == [8, 10]


def test_strides_are_larger_multiples_of_the_clips_own():
    pose = flat(9)
    assert larger_strides([pose]) == (2, 4, 8) and larger_strides([]) == (2, 4, 8)
    for own, expected in ((2, (4, 8)), (3, ()), (4, (8,)), (8, ())):
        assert larger_strides([pose.replace(stage=StageRecord("estimate", config={"pose_stride": own}))]) == expected
