"""What a training clip undergoes."""

import numpy as np
import pytest

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from slt.recognise.augment import _lose, augment, run_on, turned
from slt.recognise.config import PRESETS, RecogniserConfig
from slt.recognise.labels import UNKNOWN
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


def test_a_sentence_among_others_ends_without_rest_and_may_show_the_next_one() -> None:
    """At 12.5 rows a second: at most 4 rows of the end go, 2 on the way and 4 of the neighbour come."""
    source = np.arange(40, dtype=np.float32)[:, None].repeat(3, 1)
    labels, neighbour = np.arange(40), 1000 + source
    kept, behind = set(), set()
    for seed in range(200):
        result, moved = run_on(source, labels, neighbour, STILL, np.random.default_rng(seed))
        own = int((moved >= 0).sum())
        assert np.array_equal(result[:own], source[:own]) and np.array_equal(moved[:own], labels[:own])
        assert len(result) == len(moved) and result.dtype == np.float32 and (moved[own:] == UNKNOWN).all()
        foreign = result[own:, 0] >= 1000
        assert (np.diff(foreign.astype(int)) >= 0).all() and (np.diff(result[:, 0]) > 0).all()
        kept.add(own)
        behind.add((int((~foreign).sum()), int(foreign.sum())))
    assert kept == {36, 37, 38, 39, 40} and (0, 0) in behind
    assert {way for way, _ in behind} == {0, 1, 2} and {piece for _, piece in behind} == {0, 1, 2, 3, 4}


def test_a_short_sentence_keeps_three_quarters_of_its_rows() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        result, labels = run_on(np.ones((4, 2), np.float32), np.arange(4), np.zeros((1, 2), np.float32), STILL, rng)
        assert len(result) == len(labels) >= 3  # a neighbour of one row has nothing to show
        assert (result == 1).all()


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


def test_measured_losses_are_told_and_filled_or_missing() -> None:
    """At one frame a row every row of a loss is lost whole, but those that it begins and ends in."""
    source = pose_features(random_pose(40), frame_stride=1, confidence=True)
    config = STILL.model_copy(update={"lost_hands": 1.0, "losses": "measured", "frame_stride": 1})
    flags = {"right_hand": 87, "left_hand": 154}
    missing, filled, both, lengths = 0, 0, 0, []
    for seed in range(200):
        result, _ = augment(source, np.zeros(40, int), config, np.random.default_rng(seed))
        doubts = {side: result[:, flag] for side, flag in flags.items()}
        assert all((d >= 0).all() and (d <= 1).all() for d in doubts.values())
        others = [c for c in range(source.shape[1]) if not any(c in STREAMS[side] for side in flags)]
        assert np.array_equal(result[:, others], source[:, others])
        for side, doubt in doubts.items():
            columns = [c for c in STREAMS[side] if c != flags[side]]
            assert np.array_equal(result[np.ix_(doubt < 1, columns)], source[np.ix_(doubt < 1, columns)])
            gone = np.isnan(result[:, columns])
            assert (gone.all(1) == gone.any(1)).all()
            missing += int(gone[:, 0].sum())
            filled += int(((doubt == 1) & ~gone[:, 0]).sum())
            lengths.append(float(doubt.sum()))
        both += all(d.any() for d in doubts.values())
    assert missing > 50 and filled > 50 and 0.4 < missing / (missing + filled) < 0.7
    assert 30 < both < 170 and max(lengths) <= 48 and np.median([n for n in lengths if n]) < 12


def test_a_filled_loss_goes_from_the_row_before_to_the_row_after() -> None:
    source = pose_features(random_pose(12), frame_stride=1, confidence=True)
    changed = source.copy()
    _lose(changed, "left_hand", 3.5, 7.0, filled=True)
    columns = [c for c in STREAMS["left_hand"] if c != 154]
    assert changed[:, 154].tolist() == [0, 0, 0, 0.5, 1, 1, 1, 0, 0, 0, 0, 0]
    for k, row in enumerate((4, 5, 6), start=1):
        wanted = source[3, columns] * (1 - k / 4) + source[7, columns] * k / 4
        np.testing.assert_allclose(changed[row, columns], wanted, atol=1e-5)
    kept = [3, 7]
    assert np.array_equal(changed[np.ix_(kept, columns)], source[np.ix_(kept, columns)])
    _lose(changed, "left_hand", 9.0, 12.0, filled=True)  # nothing comes after
    assert np.isnan(changed[np.ix_([9, 10, 11], columns)]).all()


def test_a_row_of_two_frames_is_lost_with_both() -> None:
    changed = raw()
    _lose(changed, "right_hand", 1.5, 2.0, filled=False)
    assert changed[1, 87] == 0.5 and not np.isnan(changed).any()
    _lose(changed, "right_hand", 1.0, 2.0, filled=False)
    assert changed[1, 87] == 1 and np.isnan(changed[1, STREAMS["right_hand"][0]])
