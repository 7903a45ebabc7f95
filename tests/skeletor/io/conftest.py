"""Poses that all formats are tried with."""

import numpy as np
import pytest

from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import SIGNING_50, Skeleton


def make_pose(
    skeleton: Skeleton = SIGNING_50, frames: int = 6, dims: int = 2, seed: int = 0, missing: float = 0.1
) -> PoseSequence:
    """Random joints in pixels, a tenth of them missing."""
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(1, 250, (frames, len(skeleton), dims)).astype(np.float32)
    confidence = rng.uniform(0.05, 1, (frames, len(skeleton))).astype(np.float32)
    gone = rng.random((frames, len(skeleton))) < missing
    keypoints[gone], confidence[gone] = np.nan, 0
    stages = (StageRecord("a stage", "2", {"rate": 0.5, "names": ["ä", "ö"]}),)
    provenance = Provenance(f"clip{seed}.mp4", "ab" * 32, "mediapipe", "0.10.14", (210, 260), "pixel", stages)
    return PoseSequence(keypoints, confidence, 25.0, skeleton, provenance)


@pytest.fixture(scope="session")
def make():
    return make_pose


def same(a: PoseSequence, b: PoseSequence) -> None:
    """Assert that joints, confidences, rate and skeleton are equal."""
    np.testing.assert_array_equal(a.keypoints, b.keypoints)
    np.testing.assert_array_equal(a.confidence, b.confidence)
    assert (a.fps, a.skeleton) == (b.fps, b.skeleton)


@pytest.fixture(scope="session")
def assert_same():
    return same
