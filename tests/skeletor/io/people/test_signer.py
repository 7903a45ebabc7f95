"""Who the signer is, and that it stays the same person."""

import numpy as np
import pytest

from skeletor.io.people import MOST_PEOPLE, MOST_PLACES, People, check_crowd, choose_signer, follow, select
from skeletor.poses.pose import Provenance
from skeletor.poses.skeleton import BODY25_HANDS, custom_skeleton
from skeletor.support.errors import InputError
from tests.skeletor.io.signer import signer

HANDS = [k for k, joint in enumerate(BODY25_HANDS.joints) if "hand" in joint]


def one(**options) -> np.ndarray:
    """(T, 67, 2) of a synthetic signer."""
    joints = signer(**options)
    return np.stack([joints[j] for j in BODY25_HANDS.joints], 1).astype(np.float32)


def crowd(people, order=None, skeleton=BODY25_HANDS) -> People:
    """People side by side; order(t): in which places of frame t they stand."""
    keypoints = np.stack(people, 1)
    for t in range(len(keypoints)):
        if order:
            keypoints[t] = keypoints[t, order(t)]
    confidence = np.where(np.isfinite(keypoints[..., 0]), 0.8, 0).astype(np.float32)
    return People(keypoints, confidence, 25.0, skeleton, Provenance("clip", units="pixel"))


def test_flipping_order_gaps_and_hands_out_of_sight():
    rng = np.random.default_rng(0)
    moving, still = one(frames=80), one(frames=80, centre=(210, 90), width=30, moves=0)
    truth = moving.copy()
    moving[:, HANDS][20:30] = np.nan
    for t in range(80):
        if rng.random() < 0.4:
            moving[t, HANDS[:21] if rng.random() < 0.5 else HANDS] = np.nan
    moving[40:48] = np.nan  # nobody sees the signer
    still[10:60:7] = np.nan
    people = crowd([moving, still], lambda t: [1, 0] if (t // 7) % 2 else [0, 1])
    pose = select(people)
    there = np.isfinite(moving[:, 0, 0])
    np.testing.assert_allclose(pose.keypoints[there, 1], truth[there, 1])
    assert pose.missing[40:48].all() and pose.provenance.stage("signer").config["frames"] == 72


def test_a_bystander_who_walks_through_the_picture_is_not_the_signer():
    moving = one(frames=60, moves=0.2)
    walker = one(frames=60, centre=(0, 100), width=80, moves=0) + np.linspace(-100, 400, 60)[:, None, None] * [1, 0]
    people = crowd([walker.astype(np.float32), moving], lambda t: [1, 0] if t % 2 else [0, 1])
    pose = select(people)
    np.testing.assert_allclose(pose.keypoints[:, 1], moving[:, 1])


def test_fragments_after_a_long_absence_are_joined():
    moving, still = one(frames=700), one(frames=700, centre=(230, 90), width=40, moves=0)
    moving[100:500] = np.nan
    people = crowd([moving, still], lambda t: [1, 0] if t % 5 else [0, 1])
    tracks = follow(people)
    assert sorted((tracks >= 0).sum(0).tolist()) == [300, 700]
    assert (select(people).missing.all(1) == ~np.isfinite(moving[:, 0, 0])).all()


def test_two_people_never_share_a_place_and_all_are_followed():
    people = crowd(
        [one(frames=30), one(frames=30, centre=(200, 100), seed=1), one(frames=30, centre=(300, 100), seed=2)]
    )
    tracks = follow(people)
    assert tracks.shape == (30, 3)
    assert (np.sort(tracks, 1) == [0, 1, 2]).all()


def test_the_choice_between_two_who_sign_is_said(caplog):
    left, right = one(frames=50, moves=0.4), one(frames=50, centre=(260, 100), moves=0.5, seed=3)
    pose = select(crowd([left, right]))
    assert "2 people sign; the one at the right" in caplog.text
    assert pose.provenance.stage("signer").config["signing"] == 2
    np.testing.assert_allclose(pose.keypoints[:, 0], right[:, 0])


def test_nothing_is_said_of_people_who_stand(caplog):
    select(crowd([one(frames=50), one(frames=50, centre=(260, 100), moves=0, seed=3)]))
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_the_nearer_of_two_who_move_alike():
    near, far = one(frames=40, width=80), one(frames=40, centre=(300, 80), width=30)
    assert (choose_signer(crowd([far, near])).places == 1).all()


def test_joints_without_names_are_followed_too():
    rng = np.random.default_rng(0)
    a = rng.uniform(0, 50, (1, 9, 2)).repeat(20, 0).astype(np.float32)
    b = a + [200, 0] + np.arange(20)[:, None, None]
    people = crowd([a, b.astype(np.float32)], lambda t: [1, 0] if t % 2 else [0, 1], custom_skeleton(9))
    np.testing.assert_allclose(select(people).keypoints, b, rtol=1e-5)


def test_only_hands_in_sight():
    both = [one(frames=20, moves=0.3), one(frames=20, centre=(300, 100), moves=0, seed=1)]
    for person in both:
        person[:, [k for k in range(67) if k not in HANDS]] = np.nan
    people = crowd(both, lambda t: [1, 0] if t % 2 else [0, 1])
    np.testing.assert_allclose(select(people).keypoints[:, HANDS], both[0][:, HANDS])


def test_crowds_are_refused():
    check_crowd(MOST_PLACES // 2, 2)
    check_crowd(1, MOST_PEOPLE)
    for frames, people in ((1, MOST_PEOPLE + 1), (MOST_PLACES // 2 + 1, 2)):
        with pytest.raises(InputError, match="people"):
            check_crowd(frames, people)
