import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import BODY25_HANDS, MEDIAPIPE_75, SIGNING_50, SKELETONS, mapping
from skeletor.support.errors import InputError


def make(frames: int = 5, fps: float = 25.0, seed: int = 0) -> PoseSequence:
    rng = np.random.default_rng(seed)
    keypoints = rng.normal(size=(frames, 50, 2)).astype(np.float32)
    return PoseSequence(keypoints, np.ones((frames, 50), np.float32), fps, SIGNING_50)


def test_signing_50_is_the_tree_of_the_reference():
    assert len(SIGNING_50) == 50 and len(SIGNING_50.bones) == 49
    assert set(SIGNING_50.length_ids) == set(range(25))
    assert SIGNING_50.bones[:9] == ((0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (7, 8), (8, 9))
    assert (4, 29) in SIGNING_50.bones
    assert SIGNING_50.length_ids[:8] == (0, 1, 2, 3, 1, 2, 3, 4)


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=lambda s: s.name)
def test_pairs_hold_left_and_right_of_the_same_joint(skeleton):
    for left, right in skeleton.pairs:
        assert skeleton.joints[left].replace("left", "right") == skeleton.joints[right]
    assert (skeleton.mirror[skeleton.mirror] == np.arange(len(skeleton))).all()


@pytest.mark.parametrize("source", [BODY25_HANDS, MEDIAPIPE_75], ids=lambda s: s.name)
def test_mapping_keeps_left_and_right(source):
    weights = mapping(source, SIGNING_50)
    np.testing.assert_allclose(weights.sum(1), 1)
    for row, joint in enumerate(SIGNING_50.joints):
        sides = {source.joints[c].split("_")[0] for c in np.flatnonzero(weights[row])} - {"nose", "neck"}
        assert joint == "neck" or sides <= {joint.split("_")[0]}


def test_neck_from_mediapipe_is_missing_if_a_shoulder_is():
    keypoints = np.zeros((2, 75, 2), np.float32)
    confidence = np.ones((2, 75), np.float32)
    keypoints[1, 11] = np.nan
    confidence[1, 11] = 0
    pose = PoseSequence(keypoints, confidence, 25, MEDIAPIPE_75).to_skeleton(SIGNING_50)
    assert pose.missing[:, 1].tolist() == [False, True]
    assert pose.confidence[1, 1] == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (dict(keypoints=np.zeros((5, 49, 2))), "49 joints"),
        (dict(keypoints=np.zeros((5, 50))), "shape"),
        (dict(confidence=np.full((5, 50), 1.5)), "confidence"),
        (dict(keypoints=np.full((5, 50, 2), np.nan)), "missing joint"),
        (dict(keypoints=np.full((5, 50, 2), np.inf)), "infinite"),
        (dict(fps=0.0), "fps"),
        (dict(fps=1e-9), "--fps"),
        (dict(fps=1e4), "--fps"),
    ],
)
def test_bad_values_are_refused_in_one_line(change, reason):
    with pytest.raises(InputError, match=reason) as caught:
        make().replace(**change)
    assert "\n" not in str(caught.value)


def test_half_missing_joint_is_refused():
    keypoints = make().keypoints.copy()
    keypoints[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="some coordinates"):
        make().replace(keypoints)


@given(st.integers(1, 40), st.sampled_from([12.5, 25.0, 29.97, 50.0, 60.0]))
def test_resampling_keeps_the_duration(frames, fps):
    pose = make(frames).resample(fps)
    assert abs(pose.seconds - frames / 25) <= 0.51 / fps + 1e-6
    assert pose.fps == fps


def test_provenance_survives_json():
    provenance = Provenance("a.mp4", "00", "mediapipe", "0.10", (210, 260), "pixel", (StageRecord("x", "1", {"a": 1}),))
    assert Provenance.from_json(provenance.to_json()) == provenance
