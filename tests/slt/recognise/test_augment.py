"""What a training clip undergoes."""

import numpy as np
import pytest

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from slt.recognise.augment import augment, turned
from slt.recognise.config import PRESETS, RecogniserConfig
from slt.translate.features import STREAMS, pose_features

STILL = PRESETS["tiny"].model_copy(update={"turn": 0.0, "stretch": 0.0, "lost_hands": 0.0})


def random_pose(frames: int = 12) -> PoseSequence:
    rng = np.random.default_rng(1)
    keypoints = rng.normal(0, 0.3, (1, 50, 3)) + rng.normal(0, 0.1, (frames, 50, 3))
    keypoints[:, SIGNING_50.index("right_wrist"), 1] -= 3  # the right hand is held higher: it is the dominant one
    return PoseSequence(keypoints, np.ones((frames, 50)), 25.0, SIGNING_50, Provenance(units="shoulder"))


def raw(pose: PoseSequence | None = None) -> np.ndarray:
    return pose_features(pose or random_pose(), confidence=True)


@pytest.mark.parametrize("angle", [0.3, -1.2])
def test_a_turned_clip_has_the_features_of_a_turned_signer(angle: float) -> None:
    pose = random_pose()
    matrix = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    other = pose.replace((pose.keypoints @ matrix.T).astype(np.float32))
    np.testing.assert_allclose(turned(raw(pose), angle), raw(other), atol=1e-4)


def test_a_longer_clip_moves_as_far_in_more_time() -> None:
    source, labels = raw(), np.array([0, 0, 1, 1, 2, 2])
    config = STILL.model_copy(update={"stretch": 0.5})
    lengths = set()
    for seed in range(20):
        result, moved = augment(source, labels, config, np.random.default_rng(seed))
        assert len(result) == len(moved) and 3 <= len(result) <= 9 and result.dtype == np.float32
        assert moved[0] == 0 and moved[-1] == 2 and (np.diff(moved) >= 0).all()
        still = slice(0, 155)
        np.testing.assert_allclose(result[[0, -1], still], source[[0, -1], still], atol=1e-6)
        np.testing.assert_allclose(result[0, 155:] * len(result), source[0, 155:] * len(source), rtol=1e-4)
        lengths.add(len(result))
    assert len(lengths) > 3


def test_a_lost_hand_is_told_and_nothing_else_is_lost() -> None:
    source, config = raw(), STILL.model_copy(update={"lost_hands": 1.0})
    assert not np.isnan(source).any()
    sides = set()
    for seed in range(20):
        result, _ = augment(source, np.zeros(6, int), config, np.random.default_rng(seed))
        lost = np.isnan(result)
        side = next(s for s in ("right_hand", "left_hand") if lost[:, STREAMS[s][0]].any())
        flag = {"right_hand": 87, "left_hand": 154}[side]
        rows = lost.any(1)
        assert (result[rows, flag] == 1).all() and (result[~rows] == source[~rows]).all()
        others = [c for c in range(source.shape[1]) if c not in STREAMS[side]]
        assert lost[rows][:, [c for c in STREAMS[side] if c != flag]].all() and not lost[:, others].any()
        sides.add(side)
    assert sides == {"right_hand", "left_hand"}


def test_the_source_stays_as_it_was_and_nothing_asked_changes_nothing() -> None:
    source = raw()
    before = source.copy()
    augment(source, np.zeros(6, int), RecogniserConfig(lost_hands=1.0), np.random.default_rng(0))
    assert np.array_equal(source, before)
    result, _ = augment(source, np.zeros(6, int), STILL, np.random.default_rng(0))
    assert np.array_equal(result, before)
