"""Joints that nobody has seen are left where they came in, by a network that keeps the fill; nothing else is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.poses.pose import PoseSequence
from skeletor.refiners.inference.unseen import Unseen, keep_unseen
from skeletor.refiners.inference.windowed import SkeletorRefiner
from tests.skeletor.refiners.inference.test_stream import HARMLESS, LOADED, broken_clip
from tests.skeletor.refiners.tiny import clips

WRIST, FINGER = 4, 40


def cases(frames: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Refined and given joints (T, 5, 3), some of these missing, and which were observed; some of them late."""
    rng = np.random.default_rng(seed)
    refined, points = rng.normal(size=(2, frames, 5, 3)).astype(np.float32)
    first = rng.integers(0, 40, 5)
    observed = (np.arange(frames)[:, None] >= first) & (rng.random((frames, 5)) < 0.6)
    points[~observed & (rng.random((frames, 5)) < 0.2)] = np.nan
    return refined, points, observed


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 999))
def test_only_what_has_not_been_seen_and_is_not_seen_soon_is_kept(frames: int, horizon: int, seed: int) -> None:
    refined, points, observed = cases(frames, seed)
    result = keep_unseen(refined, points, observed, horizon)
    for joint in range(5):
        found = np.flatnonzero(observed[:, joint])
        first = found[0] if len(found) else frames + horizon
        there = ~np.isnan(points[:, joint, 0])
        own = (np.arange(frames) < first) & there & (first > horizon)
        np.testing.assert_array_equal(result[own, joint], points[own, joint])
        np.testing.assert_array_equal(result[~own, joint], refined[~own, joint])


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 9), st.integers(1, 9), st.integers(0, 999))
def test_frames_that_come_in_pieces_give_the_same(frames: int, horizon: int, late: int, size: int, seed: int) -> None:
    refined, points, observed = cases(frames, seed)
    unseen, parts, out = Unseen(5, horizon), [], 0
    for start in range(0, frames, size):
        unseen.push(observed[start : start + size])
        ready = frames if start + size >= frames else max(out, start + size - horizon - 1 - late)
        parts.append(unseen.kept(refined[out:ready], points[out:ready], observed[out:ready]))
        out = ready
    np.testing.assert_array_equal(np.concatenate(parts), keep_unseen(refined, points, observed, horizon))


def guessed(frames: int, fps: float = 25.0) -> PoseSequence:
    """A clip whose right wrist and one finger nobody sees, where a lifter guessed them."""
    pose = clips(1, seed=5, frames=frames)[0].replace(fps=fps)
    confidence = pose.confidence.copy()
    confidence[:, [WRIST, FINGER]] = 0
    return pose.replace(confidence=confidence)


@pytest.mark.parametrize("fps", [25.0, 50.0, 15.0])
def test_a_guess_of_the_lifter_is_no_gap(fps: float) -> None:
    pose = guessed(60, fps)
    result = SkeletorRefiner(HARMLESS)(pose)
    np.testing.assert_array_equal(result.keypoints[:, [WRIST, FINGER]], pose.keypoints[:, [WRIST, FINGER]])


def test_without_a_guess_every_joint_is_put_somewhere() -> None:
    pose = broken_clip(60, 2)
    assert (pose.missing[:, 1]).all() and not SkeletorRefiner(HARMLESS)(pose).missing.any()


def test_other_networks_place_it_themselves() -> None:
    pose = guessed(60)
    assert np.abs(SkeletorRefiner(LOADED)(pose).keypoints - pose.keypoints)[:, WRIST].max() > 0.1
