"""The stage on what may come: gaps, short clips, missing parts, wrong input; and its accuracy on known 3D."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.flat_lifter import FlatOptions
from skeletor.lifters.gaps import gate_swapped_hands
from skeletor.lifters.reference_lifter import ReferenceOptions
from skeletor.lifters.registry import LIFTERS, Lifter, build_lifter
from skeletor.poses.normalise import denormalise, normalise
from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50
from skeletor.support.errors import InputError
from slt.synthetic.signing.motion import perform
from slt.synthetic.signing.signers import SIGNERS

FAST = build_lifter(FastOptions(absent="filled"))
REFERENCE = build_lifter(ReferenceOptions(cycles=20, absent="filled"))
FLAT = build_lifter(FlatOptions(absent="filled"))
EACH = pytest.mark.parametrize("lifter", [FAST, FLAT, REFERENCE], ids=["fast", "flat", "reference"])


def signed(seed: int = 0, signer: int = 0) -> PoseSequence:
    """(T, 50, 3) metres."""
    return perform(["MORGEN", "REGEN", "NORD"], SIGNERS[signer], np.random.default_rng(seed)).pose


def flattened(pose: PoseSequence, scale: float = 300.0) -> PoseSequence:
    """What a camera without perspective sees: (T, 50, 2) pixels."""
    points = pose.keypoints[..., :2] * scale + np.array([200, 150], np.float32)
    return PoseSequence(points, pose.confidence, pose.fps, SIGNING_50, Provenance("a.mp4", units="pixel"))


def without(pose: PoseSequence, joints: list[int], frames: slice = slice(None)) -> PoseSequence:
    points, confidence = pose.keypoints.copy(), pose.confidence.copy()
    for joint in joints:
        points[frames, joint], confidence[frames, joint] = np.nan, 0
    return pose.replace(points, confidence)


@pytest.fixture(scope="module")
def clip() -> PoseSequence:
    return flattened(signed())


@EACH
def test_contract(lifter: Lifter, clip: PoseSequence) -> None:
    gaps = without(without(clip, [3, 40], slice(5, 9)), list(range(8, 29)), slice(0, 4))
    lifted = lifter(gaps)
    assert lifted.keypoints.shape == (len(clip), 50, 3)
    assert not lifted.missing.any()
    assert lifted.provenance.units == "shoulder"
    record = lifted.provenance.stage("lift")
    assert record is not None
    assert record.version == lifter.version
    assert record.config["mode"] == lifter.name
    assert abs(np.median(lifted.keypoints[:, 1, 2])) < 1e-6
    assert (lifted.confidence[gaps.missing] == 0).all()
    np.testing.assert_array_equal(lifted.confidence[~gaps.missing], gaps.confidence[~gaps.missing])


@pytest.mark.parametrize("lifter", [FAST, FLAT], ids=["fast", "flat"])
def test_what_was_seen_is_kept_and_can_be_undone(lifter: Lifter, clip: PoseSequence) -> None:
    gaps = without(clip, [3, 40], slice(5, 9))
    back = denormalise(lifter(gaps))
    seen = ~gaps.missing
    np.testing.assert_allclose(back.keypoints[seen][:, :2], gaps.keypoints[seen], atol=0.01)
    assert back.provenance.units == "pixel"


def test_reference_can_be_undone(clip: PoseSequence) -> None:
    back = denormalise(REFERENCE(clip))
    error = np.linalg.norm(back.keypoints[..., :2] - clip.keypoints, axis=2)
    assert np.median(error) < 10  # pixels; shoulders are about 105 apart


@EACH
@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_clips(lifter: Lifter, clip: PoseSequence, frames: int) -> None:
    lifted = lifter(clip.frames(20, 20 + frames))
    assert len(lifted) == frames
    assert np.isfinite(lifted.keypoints).all()


@EACH
@pytest.mark.parametrize(
    "joints", [list(range(8, 29)), list(range(8, 50)), [0], [3, 4, 6, 7], [0, 3, 4, 6, 7, *range(8, 50)]]
)
def test_parts_that_are_never_seen(lifter: Lifter, clip: PoseSequence, joints: list[int]) -> None:
    lifted = lifter(without(clip, joints))
    assert len(lifted) == len(clip)
    assert np.isfinite(lifted.keypoints).all()
    assert np.abs(lifted.keypoints).max() < 5  # somewhere on or near the body
    assert (lifted.confidence[:, joints] == 0).all()


@EACH
def test_frames_without_anybody_stay(lifter: Lifter, clip: PoseSequence) -> None:
    lifted = lifter(without(clip, list(range(50)), slice(10, 20)))
    assert len(lifted) == len(clip)
    assert np.isfinite(lifted.keypoints).all()


@EACH
def test_bad_input(lifter: Lifter, clip: PoseSequence) -> None:
    with pytest.raises(InputError, match=r"a\.mp4.*neck and shoulders"):
        lifter(without(clip, [1, 2, 5]))
    with pytest.raises(InputError, match="2D"):
        lifter(signed())
    with pytest.raises(InputError, match="signing_50"):
        lifter(clip.to_skeleton(BODY25_HANDS))


def test_swapped_hand_is_taken_for_missing(clip: PoseSequence) -> None:
    points = clip.keypoints.copy()
    points[10:14, 29:50] = points[10:14, 8:29]  # the right hand is found on the left one
    lifted = FAST(clip.replace(points))
    apart = np.linalg.norm(points[:, 4] - points[:, 7], axis=1)[10:14]
    assert (apart > 40).all()
    assert (lifted.confidence[10:14, 29:50] == 0).all()
    assert (lifted.confidence[:10, 29:50] > 0).all()
    assert (lifted.confidence[10:14, 8:29] > 0).all()
    close = np.linalg.norm(lifted.keypoints[:, 29] - lifted.keypoints[:, 4], axis=1)
    assert close[10:14].max() < 0.3


def test_gate_needs_a_wrist() -> None:
    points = np.zeros((2, 50, 2))
    points[:, 29] = 5
    observed = np.ones((2, 50), bool)
    observed[1, 4] = False
    kept = gate_swapped_hands(points, observed, 0.25)
    assert not kept[0, 29:].any()
    assert kept[1, 29:].all()
    assert kept[:, :29][observed[:, :29]].all()


def test_many_equals_one_by_one_whatever_the_company() -> None:
    poses = [flattened(signed(k, k)).frames(0, 10 + 20 * k) for k in range(3)]
    for lifter in (FAST, FLAT, REFERENCE):
        for together, alone in zip(lifter.many(poses), map(lifter, poses), strict=True):
            np.testing.assert_allclose(together.keypoints, alone.keypoints, atol=1e-4)
    assert FAST.many([]) == []


@pytest.mark.slow
def test_processes_keep_the_order() -> None:
    poses = [flattened(signed(k, k)).frames(0, 10 + 20 * k) for k in range(3)]
    for one, two in zip(FAST.many(poses), FAST.many(poses, workers=2), strict=True):
        np.testing.assert_allclose(one.keypoints, two.keypoints, atol=1e-4)


@settings(max_examples=15, deadline=None)
@given(scale=st.floats(0.01, 1000), x=st.floats(-5000, 5000), y=st.floats(-5000, 5000))
def test_unit_and_place_do_not_matter(scale: float, x: float, y: float) -> None:
    pose = flattened(signed(), 1.0).frames(0, 30)
    moved = pose.replace(pose.keypoints * scale + np.array([x, y], np.float32) * min(scale, 1))
    np.testing.assert_allclose(FAST(moved).keypoints, FAST(pose).keypoints, atol=0.05)


def test_mirror_image(clip: PoseSequence) -> None:
    """The mirrored person, with left and right exchanged, is lifted to the mirrored pose."""
    mirrored = clip.keypoints[:, SIGNING_50.mirror] * np.array([-1, 1], np.float32)
    ours, theirs = FAST(clip).keypoints, FAST(clip.replace(mirrored)).keypoints
    np.testing.assert_allclose(theirs[:, SIGNING_50.mirror] * np.array([-1, 1, 1]), ours, atol=1e-3)


def test_nearer_the_truth_than_flat_and_than_the_reference() -> None:
    truths = [signed(k, k) for k in (1, 4)]
    seen = [flattened(truth) for truth in truths]
    reference = build_lifter(ReferenceOptions())

    def error(poses: list[PoseSequence]) -> float:
        pairs = zip(poses, truths, strict=True)
        return float(np.mean([np.linalg.norm(p.keypoints - normalise(t).keypoints, axis=2).mean() for p, t in pairs]))

    fast = FAST.many(seen)
    flat = FLAT.many(seen)
    assert all((pose.keypoints[..., 2] == 0).all() for pose in flat)
    assert error(fast) < 0.5 * error(flat)
    assert error(fast) < error(reference.many(seen))


def test_other_solver_of_the_reference(clip: PoseSequence) -> None:
    """It reaches what descent is on the way to: nearer to what was seen."""
    slow = build_lifter(ReferenceOptions(cycles=300))(clip)
    quick = build_lifter(ReferenceOptions(cycles=15, solver="lbfgs"))(clip)
    flat = normalise(clip).keypoints
    errors = [np.linalg.norm(p.keypoints[..., :2] - flat, axis=2).mean() for p in (quick, slow)]
    assert errors[0] < errors[1]


def test_config() -> None:
    assert LIFTERS.check({}, "here").mode == "fast"
    with pytest.raises(InputError, match="mode"):
        LIFTERS.check({"mode": "quick"}, "here")


@pytest.mark.usefixtures("forked_workers")
def test_clips_lifted_in_processes_keep_their_order_and_their_values() -> None:
    clips = [flattened(signed(seed)).frames(0, 20 + seed) for seed in range(3)]
    lifter = build_lifter(FastOptions())
    for alone, together in zip(lifter.many(clips), lifter.many(clips, workers=2), strict=True):
        assert len(alone) == len(together)
        np.testing.assert_allclose(alone.keypoints, together.keypoints, atol=1e-5)
