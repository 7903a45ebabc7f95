"""Where somebody signs: on made-up recordings whose times are known."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from skeletor.poses.key_frames import thin
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import BODY25_HANDS, SIGNING_50
from skeletor.support.errors import InputError
from slt.segment.rule import Segment, SegmentConfig, find_segments

Part = tuple[str, float]  # "rest", "sign", "hold" or "nobody", and seconds
NONE = SegmentConfig(margin=0.0)


def recording(
    parts: list[Part], fps: float = 25.0, dims: int = 2, scale: float = 1.0, hands: str = "both", seed: int = 0
) -> PoseSequence:
    """Hands at (+-0.4, 1.3) at rest; signing in circles of 0.3 around (+-0.3, 0.4); some jitter."""
    length = sum(seconds for _, seconds in parts)
    time = (np.arange(round(length * fps)) + 0.5) / fps
    ends = np.cumsum([seconds for _, seconds in parts])
    kinds = np.array([kind for kind, _ in parts])[np.searchsorted(ends, time, side="right").clip(max=len(parts) - 1)]
    rng = np.random.default_rng(seed)
    points = np.zeros((len(time), 50, dims))
    points[:, [2, 5], 0] = [-0.5, 0.5]
    for side, wrist, root in ((-1, 4, 29), (1, 7, 8)):
        circle = np.stack([0.3 * side + 0.3 * np.cos(8 * time), 0.4 + 0.3 * np.sin(8 * time)], 1)
        signs = (kinds == "sign") & (hands == "both" or side == -1)
        place = np.where(signs[:, None], circle, [0.4 * side, 1.3])
        place = np.where((kinds == "hold")[:, None], [0.3 * side, 0.4], place)
        points[:, wrist, :2] = place
        points[:, root : root + 21, :2] = place[:, None]
    points = points + rng.normal(0, 0.003, points.shape)
    points = points * scale + (0 if scale == 1 else 300)
    confidence = np.ones(points.shape[:2])
    points[kinds == "nobody"], confidence[kinds == "nobody"] = np.nan, 0
    units = "shoulder" if scale == 1 else "pixel"
    return PoseSequence(points, confidence, fps, SIGNING_50, Provenance("r", units=units))


def times(found: list[Segment]) -> list[float]:
    return [time for one in found for time in (one.start_s, one.end_s)]


@pytest.mark.parametrize("fps", [12.5, 25.0, 29.97, 50.0])
@pytest.mark.parametrize("dims", [2, 3])
def test_rest_sign_rest_gives_the_same_times_at_every_frame_rate(fps, dims):
    parts = [("rest", 2.0), ("sign", 3.0), ("rest", 1.5), ("sign", 2.0), ("rest", 1.0)]
    found = find_segments(recording(parts, fps, dims), NONE)
    # the way from rest to the first sign belongs to it: half of `lag` on each side
    assert times(found) == pytest.approx([1.9, 5.1, 6.4, 8.6], abs=1 / fps + 1e-6)
    kept = find_segments(recording(parts, fps, dims), SegmentConfig(margin=0.2))
    assert times(kept) == pytest.approx([1.7, 5.3, 6.2, 8.8], abs=1.5 / fps + 1e-6)


@pytest.mark.parametrize("hands", ["both", "right"])
def test_pixels_and_one_hand_are_enough(hands):
    parts = [("rest", 1.0), ("sign", 2.0), ("rest", 1.0)]
    found = find_segments(recording(parts, scale=80.0, hands=hands), NONE)
    assert times(found) == pytest.approx([0.9, 3.1], abs=0.04)


def test_a_hold_is_signing_and_a_short_rest_does_not_end_a_segment():
    parts = [("rest", 1.0), ("sign", 1.0), ("hold", 2.0), ("sign", 1.0), ("rest", 0.5), ("sign", 1.0), ("rest", 1.0)]
    assert times(find_segments(recording(parts), NONE)) == pytest.approx([0.9, 6.6], abs=0.04)


def test_nobody_is_not_signing():
    assert find_segments(recording([("nobody", 3.0)])) == []
    assert find_segments(recording([("rest", 3.0)])) == []
    assert find_segments(recording([("rest", 1.0)]).frames(0, 0)) == []
    parts = [("sign", 2.0), ("nobody", 2.0), ("sign", 2.0), ("nobody", 0.2), ("sign", 1.0)]
    assert times(find_segments(recording(parts), NONE)) == pytest.approx([0.0, 2.0, 4.0, 7.2], abs=0.04)


def test_hands_that_are_not_sure_are_not_seen_but_3d_without_any_confidence_is():
    pose = recording([("rest", 1.0), ("sign", 2.0), ("rest", 1.0)], dims=3)
    unsure = pose.confidence.copy()
    unsure[:, [4, 7]], unsure[:, 8:] = 0, 0
    assert find_segments(pose.replace(confidence=unsure)) == []
    untold = pose.replace(confidence=np.zeros_like(unsure))
    assert find_segments(untold, NONE) == find_segments(pose, NONE) != []


def test_the_wrist_of_the_hand_stands_in_for_the_one_of_the_body():
    pose = recording([("rest", 1.0), ("sign", 2.0), ("rest", 1.0)])
    points, confidence = pose.keypoints.copy(), pose.confidence.copy()
    points[:, [4, 7]], confidence[:, [4, 7]] = np.nan, 0
    assert times(find_segments(pose.replace(points, confidence), NONE)) == pytest.approx([0.9, 3.1], abs=0.04)


def test_blips_are_dropped():
    parts = [("rest", 2.0), ("sign", 0.1), ("rest", 2.0), ("sign", 2.0), ("rest", 1.0)]
    assert len(find_segments(recording(parts), SegmentConfig(shortest=0.4))) == 1
    assert len(find_segments(recording(parts), SegmentConfig(shortest=0.0))) == 2


@given(
    seconds=st.floats(1.0, 90.0),
    longest=st.floats(0.5, 20.0),
    fps=st.sampled_from([12.5, 25.0, 29.97, 50.0]),
    seed=st.integers(0, 5),
)
def test_what_is_longer_than_the_limit_is_cut_and_nothing_is_lost(seconds, longest, fps, seed):
    pose = recording([("sign", seconds)], fps, seed=seed)
    found = find_segments(pose, longest=longest)
    assert found[0].start_s == 0 and found[-1].end_s == pytest.approx(pose.seconds)
    assert all(one.end_s == after.start_s for one, after in pairwise(found))
    assert all(0 < one.end_s - one.start_s <= longest + 1e-6 for one in found)
    if len(found) > 1:  # no crumbs
        assert min(one.end_s - one.start_s for one in found) >= 0.4 * longest - 2 / fps
    frames = [frame for one in found for frame in one.frames(fps)]
    assert frames[0] == 0 and frames[-1] == len(pose) and frames[1:-1:2] == frames[2:-1:2]
    assert all(stop - start <= longest * fps + 1e-6 for start, stop in zip(frames[::2], frames[1::2], strict=True))


def test_a_cut_is_put_where_the_hands_rest_most():
    parts = [("sign", 4.0), ("rest", 0.5), ("sign", 4.0)]
    first, second = find_segments(recording(parts), longest=6.0)
    assert first.end_s == second.start_s == pytest.approx(4.25, abs=0.2)


def test_margins_make_no_segment_too_long():
    parts = [("rest", 1.0), ("sign", 3.0), ("rest", 1.0)]
    (one,) = find_segments(recording(parts), SegmentConfig(margin=0.3), longest=3.3)
    assert 3.2 <= one.end_s - one.start_s <= 3.3


def test_sparse_2d_is_read_by_its_key_frames():
    parts = [("rest", 2.0), ("sign", 3.0), ("rest", 2.02)]
    pose = recording(parts)
    points, confidence = np.full_like(pose.keypoints, np.nan), np.zeros_like(pose.confidence)
    points[::3], confidence[::3] = pose.keypoints[::3], pose.confidence[::3]
    record = StageRecord("estimate", "1", {"pose_stride": 3})
    sparse = pose.replace(points, confidence, stage=record)
    (one,) = find_segments(sparse, NONE, longest=10.0)
    assert times([one]) == pytest.approx([1.9, 5.1], abs=3 / 25)
    assert one.frames(25.0, 3)[0] % 3 == 0
    (whole,) = find_segments(sparse, SegmentConfig(low=5.0), longest=10.0)
    assert times([whole]) == [0.0, pose.seconds]


@pytest.mark.parametrize("stride", [2, 4, 6])
def test_sparse_2d_puts_segments_neither_early_nor_late(stride):
    record = StageRecord("estimate", "1", {"pose_stride": stride})
    late = []
    for phase in range(2 * stride):  # the changes lie anywhere between two key frames
        pose = recording([("rest", 2.0 + phase / 25), ("sign", 3.0 + phase // stride / 25), ("rest", 2.0)])
        (all_frames,) = find_segments(pose, NONE)
        (sparse,) = find_segments(thin(pose, stride).replace(stage=record), NONE)
        late.append(np.subtract(times([sparse]), times([all_frames])) * 25)
    assert abs(np.mean(late)) < 0.3  # frames, start and end together: rests are seen wider, on both sides alike


def test_what_does_not_fit_is_told():
    pose = recording([("sign", 1.0)])
    with pytest.raises(InputError, match="give a length above 0"):
        find_segments(pose, longest=0.0)
    other = PoseSequence(np.zeros((3, 67, 2)), np.ones((3, 67)), 25, BODY25_HANDS)
    with pytest.raises(InputError, match="need skeleton signing_50"):
        find_segments(other)
    with pytest.raises(ValidationError, match="margin 1 is more than half of pause"):
        SegmentConfig(margin=1.0)
