"""What the network looks at: the same for any size and place of the picture and any frame rate."""

import numpy as np
import pytest

from skeletor.poses.key_frames import thin
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from slt.segment.features import FPS, PER_SIDE, WIDTH, features, mirrored
from slt.segment.watched import watched
from slt.synthetic.signing.motion import perform
from slt.synthetic.signing.signers import SIGNERS

SEEN_HAND, FINGERS = 5, 10  # columns of a side
SIGNED = perform(["MORGEN", "REGEN"], SIGNERS[0], np.random.default_rng(0)).pose


def pixels(pose: PoseSequence, scale: float = 300.0, at: tuple[float, float] = (320.0, 240.0)) -> PoseSequence:
    points = pose.keypoints[..., :2] * scale + np.array(at)
    return PoseSequence(points, np.ones(points.shape[:2]), pose.fps, SIGNING_50, Provenance("x", units="pixel"))


def test_size_and_place_in_the_picture_do_not_matter_and_depth_neither():
    found = features(pixels(SIGNED))
    assert found.shape == (len(SIGNED), WIDTH) and found.dtype == np.float32 and np.isfinite(found).all()
    assert np.allclose(found, features(pixels(SIGNED, 90.0, (50.0, 700.0))), atol=1e-4)
    assert np.allclose(found, features(SIGNED.replace(confidence=np.ones((len(SIGNED), 50)))), atol=1e-4)
    assert np.array_equal(found, features(watched(pixels(SIGNED))))


def test_the_mirror_image_has_mirrored_features():
    flipped = SIGNED.replace(SIGNED.keypoints[:, SIGNING_50.mirror] * np.array([-1, 1, 1], np.float32))
    assert np.allclose(features(pixels(flipped)), mirrored(features(pixels(SIGNED))), atol=1e-4)
    assert np.array_equal(mirrored(mirrored(features(pixels(SIGNED)))), features(pixels(SIGNED)))


@pytest.mark.parametrize("fps", [12.5, 30.0, 50.0])
def test_the_frame_rate_hardly_matters(fps):
    fast = perform(["MORGEN", "REGEN"], SIGNERS[0], np.random.default_rng(0), 100.0).pose
    wanted, found = features(pixels(fast.resample(FPS))), features(pixels(fast.resample(fps)))
    assert abs(len(wanted) - len(found)) <= 1
    shared = min(len(wanted), len(found))
    assert np.abs(wanted[:shared] - found[:shared]).mean() < 0.02 * np.abs(wanted).max()


def test_what_is_not_seen_is_zero_and_nobody_is_all_zero():
    pose = pixels(SIGNED)
    confidence = pose.confidence.copy()
    confidence[10:20, list(SIGNING_50.group("left_hand"))] = 0
    found = features(pose.replace(confidence=confidence))
    left = [PER_SIDE + SEEN_HAND, PER_SIDE + FINGERS]
    assert (found[12:18][:, left] == 0).all() and (found[:8][:, left] != 0).all()
    confidence[:, [SIGNING_50.index("right_wrist"), *SIGNING_50.group("right_hand")]] = 0
    assert (features(pose.replace(confidence=confidence))[:, :2] == 0).all()
    nobody = pose.replace(np.full_like(pose.keypoints, np.nan), np.zeros_like(pose.confidence))
    assert features(nobody).shape == (len(pose), WIDTH) and not features(nobody).any()
    assert features(nobody.frames(0, 0)).shape == (0, WIDTH)


@pytest.mark.parametrize("stride", [2, 3, 5])
def test_sparse_2d_is_where_it_was_at_that_time(stride):
    frames = 61
    points = np.repeat(pixels(SIGNED).keypoints[:1], frames, 0)
    points[:, [4, 29], 0] += 2.0 * np.arange(frames)[:, None]  # the right wrist, at a constant speed
    pose = PoseSequence(points, np.ones(points.shape[:2]), FPS, SIGNING_50, Provenance("x", units="pixel"))
    sparse = thin(pose, stride).replace(stage=StageRecord("estimate", "1", {"pose_stride": stride}))
    inner = slice(stride, frames - stride)
    assert np.allclose(features(sparse)[inner, 0], features(pose)[inner, 0], atol=1e-4)
