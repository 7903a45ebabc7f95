"""Sparse 2D: key frames are kept, the others are missing and say so; lifting gives all frames."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.io import native
from skeletor.poses.key_frames import (
    STRIDE,
    carried_confidence,
    key_frames,
    only_key_frames,
    pose_stride,
    spread,
    thin,
)
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.base import FunctionRefiner
from skeletor.refiners2d.key_frames import OnKeyFrames
from skeletor.support.errors import InputError

STRIDES = st.integers(1, 9)


def dense(frames: int, seed: int = 0) -> PoseSequence:
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 99, (frames, 50, 2)).astype(np.float32)
    confidence = rng.uniform(0.1, 1, (frames, 50)).astype(np.float32)
    return PoseSequence(points, confidence, 25.0, SIGNING_50, Provenance("a.mp4", units="pixel"))


def sparse(frames: int, stride: int, seed: int = 0) -> PoseSequence:
    return thin(dense(frames, seed), stride).replace(stage=StageRecord("estimate", config={STRIDE: stride}))


@given(st.integers(1, 40), STRIDES)
@settings(max_examples=40, deadline=None)
def test_key_frames_stay_and_the_others_are_missing(frames: int, stride: int) -> None:
    whole, pose = dense(frames), sparse(frames, stride)
    key = key_frames(pose)
    assert len(pose) == frames and pose_stride(pose) == stride and key[0] and key.sum() == -(-frames // stride)
    assert np.array_equal(pose.keypoints[key], whole.keypoints[key])
    assert np.array_equal(pose.confidence[key], whole.confidence[key])
    assert pose.missing[~key].all() and (pose.confidence[~key] == 0).all()


@given(st.integers(1, 40), STRIDES)
@settings(max_examples=40, deadline=None)
def test_spread_undoes_only_key_frames(frames: int, stride: int) -> None:
    pose = sparse(frames, stride)
    alone = only_key_frames(pose)
    assert not alone.missing.any() and alone.fps * stride == pytest.approx(25)
    back = spread(alone, stride, frames)
    assert np.array_equal(back.keypoints, pose.keypoints, equal_nan=True) and back.fps == pytest.approx(pose.fps)
    assert np.array_equal(back.confidence, pose.confidence)


@given(st.integers(1, 40), STRIDES)
@settings(max_examples=40, deadline=None)
def test_carried_confidence_is_that_of_the_worse_end(frames: int, stride: int) -> None:
    confidence = sparse(frames, stride).confidence
    carried = carried_confidence(confidence, stride)
    for t in range(frames):
        before = t - t % stride
        ends = {before, before + stride} if t % stride and before + stride < frames else {before}
        assert np.array_equal(carried[t], confidence[sorted(ends)].min(0))


def test_the_stride_outlives_files_and_a_second_reading(tmp_path) -> None:
    from slt.estimators.pose_files import PosesOptions
    from slt.estimators.registry import build_estimator

    native.write_pose(sparse(20, 4), tmp_path / "a.safetensors")
    for stride, together in ((1, 4), (2, 4), (6, 12), (8, 8)):
        again = build_estimator(PosesOptions(pose_stride=stride))(tmp_path / "a.safetensors")
        assert pose_stride(again) == together
        assert np.array_equal(~again.missing.all(1), key_frames(again))


def test_a_refiner_of_2d_sees_key_frames_only() -> None:
    seen = []

    def shift(pose: PoseSequence) -> PoseSequence:
        seen.append(len(pose))
        assert not pose.missing.any()
        return pose.replace(pose.keypoints + 1)

    pose = sparse(21, 4)
    moved = OnKeyFrames(FunctionRefiner("shift", "1", shift, {}))(pose)
    assert seen == [6]
    key = key_frames(pose)
    np.testing.assert_allclose(moved.keypoints[key], pose.keypoints[key] + 1)
    assert moved.missing[~key].all() and moved.fps == pytest.approx(25)


def moving(frames: int) -> PoseSequence:
    """Everything moves on straight lines; the neck and the shoulders stand still."""
    rng = np.random.default_rng(3)
    start, way = rng.uniform(100, 200, (50, 2)), rng.uniform(-1, 1, (50, 2))
    start[[1, 2, 5]] = [[150, 100], [120, 102], [180, 98]]
    way[[1, 2, 5]] = 0
    points = start + way * np.arange(frames)[:, None, None]
    return PoseSequence(points, np.ones((frames, 50)), 25.0, SIGNING_50, Provenance("a.mp4", units="pixel"))


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_the_lifter_interpolates_and_says_what_it_saw(stride: int) -> None:
    from skeletor.lifters.fast_lifter import FastOptions
    from skeletor.lifters.registry import build_lifter

    fast = build_lifter(FastOptions(hand_reach=9))
    whole = moving(2 * 8 + 1)
    pose = thin(whole, stride).replace(stage=StageRecord("estimate", config={STRIDE: stride}))
    lifted, full = fast.many([pose, whole])
    key = key_frames(pose)
    assert not lifted.missing.any()
    np.testing.assert_allclose(lifted.keypoints[..., :2], full.keypoints[..., :2], atol=1e-4)
    assert (lifted.confidence[~key] == 0).all() and (lifted.confidence[key] == 1).all()
    assert pose_stride(lifted) == stride
    alone = fast(pose)
    np.testing.assert_allclose(alone.keypoints, lifted.keypoints, atol=1e-5)


def test_the_token_takes_the_key_frames_only(tmp_path) -> None:
    import torch

    from skeletor.lifters.learned.networks.joint_token import JointTokenConfig
    from skeletor.lifters.learned.networks.registry import build_network, network_arguments
    from skeletor.lifters.learned.networks.uplift import UpliftConfig
    from skeletor.lifters.learned.weights import LifterInfo, save_lifter
    from skeletor.lifters.learned_lifter import LearnedOptions
    from skeletor.lifters.registry import build_lifter

    for name, model in (("uplift", UpliftConfig(width=16, joint_width=8)), ("other", JointTokenConfig(width=16))):
        torch.manual_seed(0)
        shape = network_arguments(model, SIGNING_50)
        save_lifter(build_network(shape), LifterInfo(shape, "signing_50", 25.0, 0.1, 9.0), tmp_path / name)
    weights = str(tmp_path / "uplift")
    whole = moving(29)  # the last one is a key frame: its copies stand for what comes after the clip
    pose = thin(whole, 4).replace(stage=StageRecord("estimate", config={STRIDE: 4}))
    token = build_lifter(LearnedOptions(weights=weights, upsample="token"))
    lifted = token(pose)
    dense_lifted = build_lifter(LearnedOptions(weights=weights, stride=4))(whole)
    np.testing.assert_allclose(lifted.keypoints, dense_lifted.keypoints, atol=1e-5)
    record = lifted.provenance.stage("lift")
    assert record is not None and record.config["stride"] == 4 and record.config["upsample"] == "token"
    assert (lifted.confidence[~key_frames(pose)] == 0).all() and (lifted.confidence[::4] == 1).all()
    straight = build_lifter(LearnedOptions(weights=weights))(pose)
    np.testing.assert_allclose(
        straight.keypoints, build_lifter(LearnedOptions(weights=weights))(whole).keypoints, atol=1e-4
    )
    assert not np.allclose(straight.keypoints, lifted.keypoints, atol=1e-3)
    far = thin(whole, 14).replace(stage=StageRecord("estimate", config={STRIDE: 14}))
    with pytest.raises(InputError, match="13 at most, not 14"):
        token(far)
    with pytest.raises(InputError, match="kind uplift-upsample, not joint-token"):
        build_lifter(LearnedOptions(weights=str(tmp_path / "other"), upsample="token"))
    with pytest.raises(ValueError, match="token needs mode learned"):
        LearnedOptions(upsample="token")


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_the_signer_is_judged_by_key_frames(stride: int) -> None:
    from slt.translate.signals import signer_signals

    whole = dense(20)
    points, confidence = whole.keypoints.copy(), whole.confidence.copy()
    confidence[:, :] = 1
    gone = np.arange(20) >= 10  # no hands in the second half
    confidence[gone, 8:], points[gone, 8:] = 0, np.nan
    pose = thin(whole.replace(points, confidence), stride)
    pose = pose.replace(stage=StageRecord("estimate", config={STRIDE: stride}))
    assert signer_signals(pose) == {"body": 1.0, "hands": 0.5}
    nobody = pose.replace(np.full_like(points, np.nan), np.zeros_like(confidence))
    assert signer_signals(nobody) == {"body": 0.0, "hands": 0.0}


@pytest.mark.parametrize("stride", [0, -1, 10**9, "4", 2.0, None, True])
def test_a_stride_from_a_file_that_is_none_is_refused(stride):
    points = np.ones((4, 50, 2), np.float32)
    record = StageRecord("estimate", config={STRIDE: stride})
    pose = PoseSequence(points, points[..., 0], 25.0, SIGNING_50, Provenance("a.mp4", stages=(record,)))
    with pytest.raises(InputError, match=r"a\.mp4.*expected 1 to 50"):
        pose_stride(pose)
