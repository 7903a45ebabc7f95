"""What is hidden or spoilt, and that nothing else is touched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.tables import data as tasks
from experiments.tables.config import MotionConfig
from experiments.tables.data import motion_clips
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50

CLIPS = motion_clips(MotionConfig(train=2, dev=1, test=4), "test")


def test_signers_and_sentences_of_the_test_are_not_in_training() -> None:
    train = motion_clips(MotionConfig(train=20, dev=2, test=4), "train")
    signers = [{c.provenance.stage("perform").config["signer"] for c in part} for part in (train, CLIPS)]  # type: ignore[union-attr]
    assert not signers[0] & signers[1]


def test_confidence_falls_with_wrist_speed_as_in_real_data() -> None:
    clips = motion_clips(MotionConfig(train=2, dev=1, test=40), "test")
    wrists, roots = [7, 4], [8, 29]
    speed = np.concatenate([np.linalg.norm(np.gradient(c.keypoints, axis=0), axis=2)[:, wrists].ravel() for c in clips])
    sure = np.concatenate([c.confidence[:, roots].ravel() for c in clips])
    assert -0.5 < np.corrcoef(speed, sure)[0, 1] < -0.2
    assert sure.min() >= 0.35 and sure.max() <= 1


@given(share=st.floats(0.01, 0.9), what=st.sampled_from(["frames", "joints"]), seed=st.integers(0, 99))
def test_shares_are_exact(share: float, what: tasks.What, seed: int) -> None:
    confidence = np.random.default_rng(seed).random((23, 50))
    for hit in (
        tasks.surest(confidence, share, what),
        tasks.at_random((23, 50), share, what, np.random.default_rng(seed)),
    ):
        count = hit[:, 0].sum() if what == "frames" else hit.sum()
        assert count == max(1, round(share * (23 if what == "frames" else 23 * 50)))
        assert what == "joints" or (hit == hit[:, :1]).all()


def test_the_surest_frames_are_those_of_highest_confidence() -> None:
    confidence = np.random.default_rng(0).random((40, 50))
    frames = tasks.surest(confidence, 0.25, "frames")[:, 0]
    assert confidence.mean(1)[frames].min() > confidence.mean(1)[~frames].max()


@pytest.mark.parametrize("what", ["frames", "joints"])
def test_masking_hides_what_it_says_and_nothing_else(what: tasks.What) -> None:
    task = tasks.masked(CLIPS, 0.15, what, seed=1)
    for pose, truth, hit in zip(task.inputs, task.truths, task.hits, strict=True):
        assert (pose.missing == hit).all() and (pose.confidence[hit] == 0).all()
        assert (pose.keypoints[~hit] == truth.keypoints[~hit]).all()
    again = tasks.masked(CLIPS, 0.15, what, seed=1)
    assert all((a == b).all() for a, b in zip(task.hits, again.hits, strict=True))


@pytest.mark.parametrize("what", ["frames", "joints"])
def test_noise_stays_within_its_limbs_and_grows_with_its_strength(what: tasks.What) -> None:
    weak, strong = (tasks.noisy(CLIPS, 0.15, what, s, seed=1) for s in (0.1, 0.9))
    for k, truth in enumerate(CLIPS):
        limb = tasks.limb_lengths(truth.keypoints, SIGNING_50)[:, None]
        moved = [t.inputs[k].keypoints - truth.keypoints for t in (weak, strong)]
        assert (np.abs(moved[1]) <= 0.9 * limb + 1e-5).all()
        np.testing.assert_allclose(9 * moved[0], moved[1], atol=2e-5)
        assert (moved[1][~strong.hits[k]] == 0).all() and moved[1][strong.hits[k]].any()
        assert (strong.inputs[k].confidence == truth.confidence).all()


@pytest.mark.parametrize("target", ["hand", "hand and wrist", "frame"])
@pytest.mark.parametrize("length", [1, 8, 32])
def test_gaps_have_their_length_and_seen_frames_around_them(target: tasks.Target, length: int) -> None:
    task, found = tasks.gaps(CLIPS, length, target, seed=1)
    assert found
    expected = [np.zeros(hit.shape, bool) for hit in task.hits]
    for gap in found:
        joints = list(gap.joints)
        assert gap.stop - gap.start == length and gap.speed >= 0
        around = [*range(gap.start - tasks.EDGE, gap.start), *range(gap.stop, gap.stop + tasks.EDGE)]
        assert not task.hits[gap.clip][np.ix_(around, joints)].any()
        expected[gap.clip][gap.start : gap.stop, joints] = True
    assert all((hit == e).all() for hit, e in zip(task.hits, expected, strict=True))


def test_a_clip_too_short_for_a_gap_has_none() -> None:
    short: list[PoseSequence] = [CLIPS[0].frames(0, 10)]
    task, found = tasks.gaps(short, 8, "frame", seed=1)
    assert not found and not task.hits[0].any()
