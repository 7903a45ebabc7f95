import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50
from skeletor.support.errors import InputError
from slt.translate import features
from slt.translate.feature_augment import augment
from slt.translate.features import FeatureStats, fit_stats, pose_features

RNG = np.random.default_rng(0)
BODY = slice(0, 21)
RIGHT, LEFT = slice(21, 88), slice(88, 155)
RIGHT_HAND, LEFT_HAND = (list(SIGNING_50.group(f"{side}_hand")) for side in ("right", "left"))
RIGHT_WRIST = SIGNING_50.index("right_wrist")
STILL = 155  # features before those of movement


def random_pose(frames: int = 6, seed: int = 0) -> PoseSequence:
    rng = np.random.default_rng(seed)
    keypoints = rng.normal(0, 0.3, (1, 50, 3)) + rng.normal(0, 0.1, (frames, 50, 3))
    keypoints[:, RIGHT_WRIST, 1] -= 3  # the right hand is held higher: it is the dominant one
    return PoseSequence(keypoints, np.ones((frames, 50)), 25.0, SIGNING_50, Provenance(units="shoulder"))


def test_shape_and_pooling():
    pose = random_pose(7)
    assert pose_features(pose, 25, 1).shape == (7, features.WIDTH)
    pooled = pose_features(pose, 25, 2)
    single = pose_features(pose, 25, 1)
    assert pooled.shape == (4, features.WIDTH) and pooled.dtype == np.float32
    np.testing.assert_allclose(pooled[1, :STILL], single[2:4, :STILL].mean(0), atol=1e-6)
    np.testing.assert_allclose(pooled[3, :STILL], single[6, :STILL], atol=1e-6)
    np.testing.assert_allclose(pooled[1, STILL : STILL + 21], (pooled[2, :21] - pooled[0, :21]) / 2, atol=1e-6)


def test_they_do_not_depend_on_where_the_signer_stands():
    pose = random_pose()
    moved = pose.replace(pose.keypoints + np.array([0.3, -0.2, 0.1], np.float32))
    np.testing.assert_allclose(pose_features(moved), pose_features(pose), atol=1e-4)


def test_hand_shape_does_not_depend_on_the_orientation_of_the_hand():
    pose = random_pose()
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    keypoints = pose.keypoints.copy()
    root = keypoints[:, 29:30]
    keypoints[:, 29:50] = (keypoints[:, 29:50] - root) @ turn.T + root
    before, after = pose_features(pose, 25, 1), pose_features(pose.replace(keypoints), 25, 1)
    np.testing.assert_allclose(after[:, 21:81], before[:, 21:81], atol=1e-4)
    np.testing.assert_allclose(after[:, 81:84], before[:, 81:84] @ turn.T, atol=1e-4)
    assert np.abs(after[:, 81:87] - before[:, 81:87]).max() > 0.3


def bends(pose: PoseSequence) -> np.ndarray:
    """(T, 20, 3) of the right hand."""
    return pose_features(pose, 25, 1, hands="bends")[:, 21:81].reshape(-1, 20, 3)


def straight_hand(pose: PoseSequence) -> PoseSequence:
    """Five straight fingers, 3 units long, 0, 0.5, 1, ... radians from the x axis, on a root."""
    keypoints = pose.keypoints.copy()
    turns = 0.5 * np.arange(5)
    rays = np.stack([np.cos(turns), np.sin(turns), 0 * turns], 1)  # (5, 3)
    joints = rays[:, None] * np.array([1.5, 2, 2.5, 3])[None, :, None]
    keypoints[:, 30:50] = keypoints[:, 29:30] + 0.1 * joints.reshape(20, 3)
    return pose.replace(keypoints)


def test_bends_of_straight_fingers():
    found = bends(straight_hand(random_pose()))
    np.testing.assert_allclose(found.reshape(-1, 5, 4, 3)[:, :, :3, 0], 1, atol=1e-4)
    tips, unit = found.reshape(-1, 5, 4, 3)[:, :, 3], 1.5  # the hand's size is the knuckles' distance from the root
    np.testing.assert_allclose(tips[:, :, 0], 3 / unit, atol=1e-3)
    np.testing.assert_allclose(tips[:, 1:, 1], np.tile(6 * np.sin(0.25 * np.arange(1, 5)) / unit, (6, 1)), atol=1e-3)
    np.testing.assert_allclose(tips[:, 1:4, 2], 6 * np.sin(0.25) / unit, atol=1e-3)
    assert np.isnan(found).sum(axis=(1, 2)).tolist() == [60 - 15 - 12] * 6


def test_a_right_angle_is_a_bend_of_0():
    pose = straight_hand(random_pose())
    keypoints = pose.keypoints.copy()
    keypoints[:, 37] = keypoints[:, 36] + [0, 0, 0.05]  # the index finger's tip, at right angles to the rest
    found = bends(pose.replace(keypoints))
    np.testing.assert_allclose(found[:, 4:7, 0], [[1, 1, 0]] * 6, atol=1e-4)


def test_bends_do_not_depend_on_orientation_and_size_of_the_hand():
    pose = random_pose()
    rng = np.random.default_rng(1)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    keypoints = pose.keypoints.copy()
    keypoints[:, 29:50] = 1.3 * (keypoints[:, 29:50] - keypoints[:, 29:30]) @ turn.T + keypoints[:, 29:30]
    np.testing.assert_allclose(bends(pose.replace(keypoints)), bends(pose), atol=1e-3)


def test_hands_as_bends_change_shapes_alone():
    pose = random_pose()
    keypoints = pose.keypoints.copy()
    keypoints[2:4, 29:50] = np.nan
    pose = pose.replace(keypoints, np.where(np.isnan(keypoints[..., 0]), 0, pose.confidence))
    joints, found = (pose_features(pose, 25, 1, hands=hands) for hands in ("joints", "bends"))
    shapes = np.zeros(features.WIDTH, bool)
    shapes[21:81] = shapes[88:148] = True
    shapes[STILL:] = shapes[list(features.MOVING)]
    np.testing.assert_array_equal(found[:, ~shapes], joints[:, ~shapes])
    assert np.isnan(found[2:4, 21:81]).all()
    moving = [k for k, column in enumerate(features.MOVING) if shapes[column] and not np.isnan(found[5, column])]
    assert len(moving) == 2 * 12
    speeds = (found[5] - found[4])[list(features.MOVING)] / 2  # the last row stands in behind itself
    np.testing.assert_allclose(found[5, STILL:][moving], speeds[moving], atol=1e-5)


def test_a_left_hander_has_the_features_of_a_right_hander():
    pose = random_pose()
    flip = np.array([-1, 1, 1], np.float32)
    mirrored = pose.replace(pose.keypoints[:, SIGNING_50.mirror] * flip)
    np.testing.assert_allclose(pose_features(mirrored), pose_features(pose), atol=1e-4)


def test_the_same_shape_of_either_hand_has_the_same_features():
    pose = random_pose()
    keypoints = pose.keypoints.copy()
    keypoints[:, LEFT_HAND] = keypoints[:, RIGHT_HAND] * np.array([-1, 1, 1], np.float32)
    features = pose_features(pose.replace(keypoints), 25, 1)
    np.testing.assert_allclose(features[:, LEFT], features[:, RIGHT], atol=1e-4)


def test_without_wrists_nothing_is_mirrored():
    pose = random_pose()
    keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
    keypoints[:, RIGHT_WRIST], confidence[:, RIGHT_WRIST] = np.nan, 0
    before, after = pose_features(pose), pose_features(pose.replace(keypoints, confidence))
    np.testing.assert_allclose(after[:, LEFT], before[:, LEFT], atol=1e-5)


def test_the_pose_can_be_built_again():
    pose = random_pose()
    row = pose_features(pose, 25, 1)
    np.testing.assert_allclose(
        row[:, BODY].reshape(-1, 7, 3), (pose.keypoints - pose.keypoints[:, 1:2])[:, [0, *range(2, 8)]], atol=1e-5
    )
    shape, along, normal = row[:, 21:81].reshape(-1, 20, 3), row[:, 81:84], row[:, 84:87]
    axes = np.stack([along, np.cross(normal, along), normal], 1)
    hand = np.einsum("tjk,tkd->tjd", shape, axes)
    true = pose.keypoints[:, 30:50] - pose.keypoints[:, 29:30]
    ratio = np.linalg.norm(true, axis=2) / np.linalg.norm(hand, axis=2)
    assert ratio.std() < 1e-3
    np.testing.assert_allclose(hand * ratio.mean(), true, atol=1e-3)


def test_a_missing_hand_is_flagged_and_becomes_the_mean():
    pose = random_pose()
    keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
    keypoints[2:4, 29:50] = np.nan
    confidence[2:4, 29:50] = 0
    raw = pose_features(pose.replace(keypoints, confidence), 25, 1)
    assert np.isnan(raw[2:4, 21:87]).all() and (raw[2:4, 87] == 1).all() and (raw[:2, 87] == 0).all()
    assert not np.isnan(raw[:, LEFT]).any()
    stats = fit_stats([raw])
    standard = stats.standardise(raw)
    assert np.isfinite(standard).all() and (standard[2:4, 21:87] == 0).all()


def test_everything_missing_is_still_finite():
    pose = random_pose()
    nothing = pose.replace(np.full_like(pose.keypoints, np.nan), np.zeros_like(pose.confidence))
    stats = fit_stats([pose_features(random_pose())])
    assert np.isfinite(stats.standardise(pose_features(nothing))).all()


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 40), st.integers(1, 4), st.integers(0, 99))
def test_standardisation_is_undone_by_its_inverse(frames, stride, seed):
    raw = pose_features(random_pose(frames, seed), 25, stride)
    stats = fit_stats([raw])
    standard = stats.standardise(raw)
    assert len(standard) == -(-frames // stride)
    np.testing.assert_allclose(standard[:, :-1] * stats.std + stats.mean, raw, atol=1e-3)
    np.testing.assert_allclose(standard[:, :-1].mean(0), 0, atol=1e-3)
    assert (standard.std(0) < 1 + 1e-3).all() and (standard[:, -1] == 1).all()


def test_another_frame_rate_gives_the_same_number_of_frames(toy):
    slow = toy.pose_of("regen sonne wind", np.random.default_rng(0))
    fast = slow.resample(50.0)
    assert abs(len(pose_features(fast)) - len(pose_features(slow))) <= 1


def test_other_skeletons_units_and_empty_poses_are_refused():
    pose = random_pose()
    with pytest.raises(InputError, match="unit"):
        pose_features(pose.replace(units="metre"))
    flat = PoseSequence(pose.keypoints[..., :2], pose.confidence, 25, SIGNING_50, pose.provenance)
    with pytest.raises(InputError, match="lift"):
        pose_features(flat)
    wide = PoseSequence(np.zeros((3, 67, 3)), np.ones((3, 67)), 25, BODY25_HANDS, pose.provenance)
    with pytest.raises(InputError, match="signing_50"):
        pose_features(wide)
    with pytest.raises(InputError, match="no frames"):
        pose_features(pose.frames(0, 0))
    with pytest.raises(InputError, match="no training clips"):
        fit_stats([])


def test_augmentation_keeps_values_in_range_and_repeats_by_seed():
    source = RNG.normal(size=(30, 4)).astype(np.float32)
    same = augment(source, np.random.default_rng(0))
    np.testing.assert_array_equal(same, source)
    lengths = {len(augment(source, np.random.default_rng(s), stretch=0.3)) for s in range(20)}
    assert min(lengths) >= 21 and max(lengths) <= 39 and len(lengths) > 5
    changed = augment(source, np.random.default_rng(1), stretch=0.3, drop_frames=0.2)
    assert changed.min() >= source.min() and changed.max() <= source.max() and len(changed) < 39
    again = augment(source, np.random.default_rng(1), stretch=0.3, drop_frames=0.2)
    np.testing.assert_array_equal(changed, again)
    assert len(augment(source[:1], np.random.default_rng(2), stretch=0.4, drop_frames=0.89)) == 1
    noisy = augment(source, np.random.default_rng(3), noise=0.5)
    assert 0.4 < (noisy - source)[:, :-1].std() < 0.6 and (noisy[:, -1] == source[:, -1]).all()


def test_stats_ignore_what_is_missing():
    rows = np.array([[1, np.nan], [3, np.nan], [5, 2]], np.float32)
    stats = fit_stats([rows])
    np.testing.assert_allclose(stats.mean, [3, 2])
    np.testing.assert_allclose(stats.std, [np.sqrt(8 / 3), 0.02], rtol=1e-5)
    assert isinstance(stats, FeatureStats)


def test_confidence_as_an_input_takes_the_place_of_the_flag_and_changes_sides_with_the_hands(toy):
    pose = toy.examples(1, 3)[0].pose
    confidence = pose.confidence.copy()
    confidence[:, 8:29], confidence[:, 29:] = 0.25, 0.75  # left, right
    pose = pose.replace(confidence=confidence)
    plain, flagged = pose_features(pose, 25, 1), pose_features(pose, 25, 1, confidence=True)
    right, left = (7 * 3 + 66, 7 * 3 + 67 + 66)  # columns of the two hands' flags
    np.testing.assert_allclose(flagged[:, [right, left]], [[0.25, 0.75]] * len(pose))
    np.testing.assert_array_equal(plain[:, [right, left]], 0)
    others = [k for k in range(features.WIDTH) if k not in (right, left)]
    np.testing.assert_array_equal(plain[:, others], flagged[:, others])
    sides = pose.replace(
        pose.keypoints[:, SIGNING_50.mirror] * np.array([-1, 1, 1], np.float32), confidence[:, SIGNING_50.mirror]
    )
    np.testing.assert_allclose(pose_features(sides, 25, 1, confidence=True), flagged, atol=1e-6)


JOINTS = {"hands": [*RIGHT_HAND, *LEFT_HAND], "body": list(range(8))}


@pytest.mark.parametrize("parts", ["hands", "body"])
def test_a_part_alone_does_not_depend_on_the_others_and_loses_nothing_of_its_own(parts):
    pose = random_pose()
    everything, chosen = pose_features(pose), pose_features(pose, parts=parts)
    kept = features.columns(parts)
    np.testing.assert_array_equal(chosen[:, kept], everything[:, kept])
    assert np.isnan(chosen[:, ~kept]).all() and 0 < kept.sum() < features.WIDTH
    wrists = [SIGNING_50.index("left_wrist"), SIGNING_50.index("right_wrist")]
    others = set(range(50)) - set(JOINTS[parts]) - {*wrists, SIGNING_50.index("neck")}
    keypoints = pose.keypoints.copy()
    keypoints[:, sorted(others)] += RNG.normal(0, 0.2, (len(pose), len(others), 3)).astype(np.float32)
    moved = pose.replace(keypoints)
    np.testing.assert_array_equal(pose_features(moved, parts=parts)[:, kept], chosen[:, kept])
    assert np.abs(pose_features(moved) - everything)[:, ~kept].max() > 0.05


def test_hands_and_body_together_are_everything_and_share_the_wrists():
    hands, body, both = (features.columns(parts) for parts in ("hands", "body", "all"))
    assert both.all() and (hands | body).all() and (hands & body).sum() == 2 * 2 * 3  # places and velocities
    standard = fit_stats([pose_features(random_pose(), parts="hands")]).standardise(
        pose_features(random_pose(), parts="hands")
    )
    assert np.isfinite(standard).all() and (standard[:, :-1][:, ~hands] == 0).all()


def test_normalised_per_frame_a_signer_who_comes_nearer_stays_as_large():
    pose = random_pose(8)
    keypoints = pose.keypoints.copy()
    left, right = SIGNING_50.index("left_shoulder"), SIGNING_50.index("right_shoulder")
    keypoints[:, left, :2], keypoints[:, right, :2] = (0.5, 0), (-0.5, 0)  # one width apart
    pose = pose.replace(keypoints)
    nearer = pose.replace(keypoints * np.linspace(1, 1.5, 8, dtype=np.float32)[:, None, None])
    plain, scaled = pose_features(pose, 25, 1), pose_features(nearer, 25, 1, normalise="frame")
    np.testing.assert_allclose(scaled, plain, atol=1e-4)
    np.testing.assert_allclose(pose_features(pose, 25, 1, normalise="frame"), plain, atol=1e-5)
    assert np.abs(pose_features(nearer, 25, 1) - plain).max() > 0.1


def test_normalised_per_frame_lost_shoulders_are_no_scale():
    pose = random_pose()
    keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
    shoulder = SIGNING_50.index("left_shoulder")
    keypoints[:, shoulder], confidence[:, shoulder] = np.nan, 0
    lost = pose.replace(keypoints, confidence)
    np.testing.assert_array_equal(pose_features(lost, normalise="frame"), pose_features(lost))


def test_without_depth_the_third_coordinate_does_not_matter():
    pose = random_pose()
    keypoints = pose.keypoints.copy()
    keypoints[..., 2] = RNG.normal(0, 0.2, keypoints.shape[:2])
    flat, other = (pose_features(p, depth=False) for p in (pose, pose.replace(keypoints)))
    np.testing.assert_array_equal(flat, other)
    still = flat[:, BODY].reshape(len(flat), -1, 3)
    np.testing.assert_array_equal(still[..., :2], pose_features(pose)[:, BODY].reshape(len(flat), -1, 3)[..., :2])
    assert (still[..., 2] == 0).all() and np.isfinite(flat).all()


def test_a_slower_camera_has_only_some_of_the_frames():
    pose = random_pose(40)
    slow = PoseSequence(pose.keypoints[::2], pose.confidence[::2], 12.5, SIGNING_50, pose.provenance)
    np.testing.assert_array_equal(pose_features(pose, 25, 1, every=2), pose_features(slow, 12.5, 1))
    assert len(pose_features(pose, 25, 1, every=2)) == len(pose_features(pose)) == 20
    assert np.abs(pose_features(pose, 25, 1, every=2) - pose_features(pose)).max() > 0.05
