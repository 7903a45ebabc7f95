import dataclasses

import numpy as np
import pytest

from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.synthetic.language.grammar import make_splits
from slt.synthetic.signing.lexicon import LEXICON, LOCATIONS
from slt.synthetic.signing.motion import UNKNOWN, perform, perform_idle, perform_unknown
from slt.synthetic.signing.signers import SIGNERS, signer, split_signers

ANNA = signer("anna")
BONES = np.array(SIGNING_50.bones)
SENTENCES = [s.glosses for s in make_splits(30, 0, 0, seed=2)["train"]]


def performances():
    rng = np.random.default_rng(0)
    made = [perform(g, SIGNERS[k % len(SIGNERS)], rng) for k, g in enumerate(SENTENCES)]
    made += [perform_unknown(s, rng, 4) for s in SIGNERS]
    return made + [perform_idle(s, rng, 4.0) for s in SIGNERS]


ALL = performances()


def test_signers_differ_and_some_are_left_handed():
    assert len(SIGNERS) >= 8 and len({s.name for s in SIGNERS}) == len({s.seed for s in SIGNERS}) == len(SIGNERS)
    assert sum(s.left_handed for s in SIGNERS) >= 2
    assert len({(s.shoulders, s.upper_arm, s.forearm, s.hand) for s in SIGNERS}) == len(SIGNERS)


def test_disjoint_split_of_signers():
    together, apart = split_signers(False), split_signers(True)
    assert all(part == SIGNERS for part in together.values())
    assert not set(apart["train"]) & set(apart["dev"] + apart["test"])
    for part in apart.values():
        assert any(s.left_handed for s in part) and any(not s.left_handed for s in part)


def test_poses_are_whole_and_in_metres():
    for performance in ALL:
        pose = performance.pose
        assert pose.skeleton == SIGNING_50 and pose.dims == 3 and pose.provenance.units == "metre"
        assert np.isfinite(pose.keypoints).all() and (pose.confidence == 1).all()
        assert np.abs(pose.keypoints).max() < 0.75  # all within an upper-body picture


def test_bone_lengths_are_constant_and_the_same_on_both_sides():
    for performance in ALL:
        points = performance.pose.keypoints.astype(np.float64)
        lengths = np.linalg.norm(points[:, BONES[:, 0]] - points[:, BONES[:, 1]], axis=-1)
        assert np.ptp(lengths, axis=0).max() < 1e-5
        ids = np.array(SIGNING_50.length_ids)
        mean = np.bincount(ids, lengths[0]) / np.bincount(ids)
        np.testing.assert_allclose(lengths[0], mean[ids], atol=1e-5)


def test_anatomy_left_and_right_are_the_signers_own():
    for performance in ALL:
        points = performance.pose.keypoints
        assert (points[:, 2, 0] < points[:, 5, 0]).all()  # right shoulder at smaller x
        assert (points[:, 0, 1] < points[:, 1, 1]).all()  # nose above neck
        assert (points[:, [3, 6], 1] > -0.2).all()  # elbows stay low
        # Chirality: with fingers up and the palm to the camera, thumbs point to the other hand.
        for hand, side in ((29, 1.0), (8, -1.0)):
            index, little, root = points[:, hand + 5], points[:, hand + 17], points[:, hand]
            palm = side * np.cross(little - root, index - root)
            curl = points[:, hand + 12] - points[:, hand + 9]  # middle finger
            palm /= np.linalg.norm(palm, axis=1, keepdims=True)
            assert ((curl * palm).sum(1) > -0.035).all()  # fingers never bend backwards


def test_wrists_bend_no_further_than_people_can():
    for performance in ALL:
        points = performance.pose.keypoints
        for elbow, hand in ((3, 29), (6, 8)):
            forearm, palm = points[:, hand] - points[:, elbow], points[:, hand + 9] - points[:, hand]
            cosine = (forearm * palm).sum(1) / np.linalg.norm(forearm, axis=1) / np.linalg.norm(palm, axis=1)
            assert np.degrees(np.arccos(cosine)).max() < 63


def test_hands_are_before_the_body_and_apart():
    for performance in ALL:
        points = performance.pose.keypoints
        hands = points[:, 8:]
        torso = (np.abs(hands[..., 0]) < 0.15) & (hands[..., 1] > 0.03)
        assert (hands[torso][:, 2] > 0.05).all()
        apart = np.linalg.norm(points[:, 8:29, None] - points[:, None, 29:], axis=-1)
        assert apart.min() > 0.02


def test_motion_is_smooth():
    for performance in ALL:
        step = np.diff(performance.pose.keypoints, axis=0)
        assert np.linalg.norm(step[:, [4, 7]], axis=-1).max() < 0.2  # wrists: 5 m/s
        assert np.linalg.norm(step, axis=-1).max() < 0.4


def test_spans_name_the_signs_in_order_with_rest_around():
    for glosses, performance in zip(SENTENCES, ALL, strict=False):
        assert tuple(g for *_, g in performance.spans) == glosses
        edges = [e for start, stop, _ in performance.spans for e in (start, stop)]
        assert edges == sorted(edges) and edges[0] > 0 and edges[-1] < len(performance.pose)
        assert all(stop - start >= 4 for start, stop, _ in performance.spans)
        wrists = performance.pose.keypoints[[0, -1]][:, [4, 7], 1]
        assert (wrists > 0.2).all()  # begins and ends low


def test_typical_durations():
    frames = [len(p.pose) for p, _ in zip(ALL, SENTENCES, strict=False)]
    assert 55 <= np.mean(frames) <= 85
    assert 7 <= np.mean([b - a for p in ALL for a, b, _ in p.spans]) <= 11


def test_same_generator_same_motion():
    one, two, other = (perform(["HEUTE", "REGEN"], ANNA, np.random.default_rng(s)).pose.keypoints for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert one.shape != other.shape or np.abs(one - other).max() > 1e-3


def test_left_handers_mirror_right_handers():
    still = dataclasses.replace(ANNA, sway=0.0)
    glosses = ["MONTAG", "NORDWEST", "SECHS", "GEWITTER"]
    right = perform(glosses, still, np.random.default_rng(5))
    left = perform(glosses, dataclasses.replace(still, left_handed=True), np.random.default_rng(5))
    assert right.spans == left.spans
    mirrored = left.pose.keypoints[:, SIGNING_50.mirror] * [-1, 1, 1]
    np.testing.assert_allclose(mirrored, right.pose.keypoints, atol=1e-6)


@pytest.mark.parametrize("gloss", [g for g, s in LEXICON.items() if s.movement in ("hold", "shake", "wiggle", "twist")])
def test_a_sign_is_made_at_its_place(gloss):
    standard = dataclasses.replace(ANNA, size=1.0, amplitude=1.0, care=0.0, sway=0.0, hand=1.0)
    performance = perform([gloss], standard, np.random.default_rng(1))
    start, stop, _ = performance.spans[0]
    hand = performance.pose.keypoints[start:stop, 29:]
    palm = (hand[:, 0] + (hand[:, 9] - hand[:, 0]) * 0.055 / 0.095).mean(0)
    off = 0.10 if LEXICON[gloss].hands in ("symmetric", "alternating") else 0.05
    assert np.linalg.norm(palm - LOCATIONS[LEXICON[gloss].location]) < off


def test_one_handed_signs_leave_the_other_hand_at_rest():
    performance = perform(["NORD", "ZWEI", "MORGEN"], ANNA, np.random.default_rng(0))
    assert performance.pose.keypoints[:, 7, 1].min() > 0.15
    both = perform(["REGEN"], ANNA, np.random.default_rng(0))
    assert both.pose.keypoints[:, 7, 1].min() < 0.15


def test_numbers_differ_in_their_hand_only():
    rng = [np.random.default_rng(4) for _ in range(2)]
    plain = dataclasses.replace(ANNA, care=0.0)
    one, five = (perform([g], plain, r).pose.keypoints for g, r in zip(("EINS", "FUENF"), rng, strict=True))
    n = min(len(one), len(five))
    middle = n // 2
    assert np.linalg.norm(one[middle, 4] - five[middle, 4]) < 0.03
    tips = [29 + 12, 29 + 16, 29 + 20]
    assert np.linalg.norm(one[middle, tips] - five[middle, tips], axis=-1).min() > 0.05


def test_frame_rate_changes_frames_not_seconds():
    slow, fast = (perform(SENTENCES[0], ANNA, np.random.default_rng(3), fps=f).pose for f in (25.0, 50.0))
    assert fast.fps == 50 and fast.seconds == pytest.approx(slow.seconds, rel=0.12)


def test_idle_keeps_the_hands_low_and_still_moves():
    for who in SIGNERS:
        performance = perform_idle(who, np.random.default_rng(7), seconds=6.0)
        points = performance.pose.keypoints
        assert len(points) == 150 and performance.spans == ()
        assert (points[:, [4, 7], 1] > 0.15).all()
        assert np.ptp(points[:, 4], axis=0).max() > 0.01


def test_unknown_signs_are_named_so():
    performance = perform_unknown(ANNA, np.random.default_rng(0), 5)
    assert [g for *_, g in performance.spans] == [UNKNOWN] * 5


@pytest.mark.parametrize("glosses", [[], ["REGEN", "BANANE"]])
def test_what_cannot_be_signed(glosses):
    with pytest.raises(InputError, match=r"BANANE|no gloss"):
        perform(glosses, ANNA, np.random.default_rng(0))
