"""MediaPipe with less work a frame beside MediaPipe at full speed, on the clip that comes with the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skeletor.poses.key_frames import key_frames
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from slt.estimators.mediapipe import graphs as mediapipe_graphs
from slt.estimators.mediapipe import track as mediapipe_track
from slt.estimators.mediapipe.estimator import MediaPipeOptions, unavailable
from slt.estimators.mediapipe.graphs import Part
from slt.estimators.mediapipe.track import FAST, FASTER, FULL, NOTHING, Looks, Tracker, _Frame, _Hand, _Line
from slt.estimators.registry import build_estimator
from slt.video import Span

if unavailable():
    pytest.skip(f"mediapipe: {unavailable()}", allow_module_level=True)
CLIP = Path(__file__).parents[4] / "examples" / "forecast.mp4"
SIGNS = Span(0.8, 1.64)  # 21 frames, hands moving
LOOKS = np.arange(0, 21, 4)
TRUNK = [SIGNING_50.index(name) for name in ("nose", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow")]
HANDS = {side: list(SIGNING_50.group(f"{side}_hand")) for side in ("left", "right")}


def estimated(**options: object) -> PoseSequence:
    return build_estimator(MediaPipeOptions.model_validate(options))(CLIP, SIGNS)


@pytest.fixture(scope="module")
def full() -> PoseSequence:
    return estimated()


@pytest.fixture(scope="module")
def fast() -> PoseSequence:
    return estimated(speed="fast")


def test_the_body_is_that_of_every_fourth_frame(fast: PoseSequence) -> None:
    """Where the body was looked at, it is what full speed sees that gets these frames alone."""
    sparse = estimated(pose_stride=4)
    assert len(fast) == len(sparse) == 21
    body = slice(0, 8)
    assert np.array_equal(fast.keypoints[LOOKS, body], sparse.keypoints[LOOKS, body])
    assert np.array_equal(fast.confidence[LOOKS, body], sparse.confidence[LOOKS, body])


def test_between_the_trunk_lies_on_straight_lines(fast: PoseSequence) -> None:
    points, sure = fast.keypoints[:, TRUNK].astype(np.float64), fast.confidence[:, TRUNK]
    frames = np.arange(21)
    for joint in range(len(TRUNK)):
        for axis in range(2):
            line = np.interp(frames, LOOKS, points[LOOKS, joint, axis])
            assert points[:, joint, axis] == pytest.approx(line, abs=1e-3)
    for start in LOOKS[:-1]:
        lower = np.minimum(sure[start], sure[start + 4])
        assert np.array_equal(sure[start + 1 : start + 4], np.tile(lower, (3, 1)))


def test_hands_are_near_those_of_full_speed(full: PoseSequence, fast: PoseSequence) -> None:
    """In shoulder widths; a hand is 0.4 of them long, and its own noise is a tenth of that."""
    width = np.linalg.norm(full.keypoints[:, TRUNK[1]] - full.keypoints[:, TRUNK[2]], axis=1).mean()
    for hand in HANDS.values():
        there = ~full.missing[:, hand].any(1), ~fast.missing[:, hand].any(1)
        assert there[1].mean() > there[0].mean() - 0.1
        both = there[0] & there[1]
        away = np.linalg.norm(full.keypoints[both][:, hand] - fast.keypoints[both][:, hand], axis=-1) / width
        assert both.sum() > 10 and np.median(away) < 0.05


def test_fewer_calls_of_each_model(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = dict.fromkeys(("detector", "body", "cropper", "hand"), 0)

    def counted(name: str, made: Callable[..., Part]) -> Callable[..., Part]:
        def part(*args: object) -> Part:
            calls[name] += 1
            return made(*args)

        return part

    for name in calls:
        monkeypatch.setattr(mediapipe_graphs, name, counted(name, getattr(mediapipe_graphs, name)))
    estimated()
    assert (calls["detector"], calls["body"], calls["cropper"]) == (1, 21, 42)
    slow = dict(calls)
    calls.update(dict.fromkeys(calls, 0))
    estimated(speed="fast")
    assert (calls["detector"], calls["body"]) == (1, 6)
    assert calls["cropper"] <= slow["cropper"] and calls["hand"] <= slow["hand"], "fewer where a hand rests"
    fast = dict(calls)
    calls.update(dict.fromkeys(calls, 0))
    estimated(speed="faster")
    assert calls["body"] == 6 and 0 < calls["cropper"] < fast["cropper"] / 2, "hands are followed without their crop"


@pytest.mark.parametrize(
    ("near", "off", "moved", "visible", "sure", "spared"),
    [
        (1.0, 0.1, 0.3, 0.9, 0.95, True),  # a palm is 0.2 picture heights long
        (1.0, 0.3, 0.0, 0.9, 0.95, False),
        (1.0, 0.1, 0.5, 0.9, 0.95, False),
        (1.0, 0.1, 0.0, 0.05, 0.95, False),
        (1.0, 0.1, 0.0, 0.9, 0.7, False),
        (0.0, 0.0, 0.0, 0.9, 0.95, False),
        (1.0, np.nan, 0.0, 0.9, 0.95, False),
    ],
    ids=["near", "off", "far", "hidden wrist", "hardly a hand", "not asked for", "no body at the last look"],
)
def test_the_crop_is_spared_for_a_sure_hand_at_its_wrist(
    near: float, off: float, moved: float, visible: float, sure: float, spared: bool
) -> None:
    hand = _Hand("full", near, (2.0, 1.0))
    before = np.array([0.5 + off / 2, 0.5])
    around = np.array([(before[0] + moved / 2, 0.5, visible), (0.5, 0.6, 0.9), (0.5, 0.6, 0.9)])
    assert not hand._goes_along(around, before), "nothing was seen yet"
    hand._seen = {mediapipe_graphs.HAND: None}
    hand._last = np.full((21, 3), (0.5, 0.5, sure))
    hand._last[9, 1] = 0.7
    assert hand._goes_along(around, before) is spared


def test_a_hand_is_looked_for_where_its_wrist_has_gone() -> None:
    from mediapipe.framework.formats import rect_pb2
    from mediapipe.python import packet_creator, packet_getter

    rect = rect_pb2.NormalizedRect(x_center=0.4, y_center=0.5, width=0.2, height=0.1, rotation=0.3)
    packet = packet_creator.create_proto(rect)
    moved = packet_getter.get_proto(mediapipe_track._moved(packet, np.array([0.25, -0.125])))
    assert (moved.x_center, moved.y_center) == pytest.approx((0.65, 0.375))
    assert (moved.width, moved.height, moved.rotation) == (rect.width, rect.height, rect.rotation)
    assert packet_getter.get_proto(packet) == rect, "the other packet is as it was"


def test_with_a_stride_only_key_frames_have_joints() -> None:
    sparse = estimated(speed="fast", pose_stride=2)
    key = key_frames(sparse)
    assert len(sparse) == 21 and sparse.missing[~key].all() and (sparse.confidence[~key] == 0).all()
    assert not sparse.missing[key][:, TRUNK].any()


def test_the_speed_stands_in_the_provenance_if_it_is_not_full(full: PoseSequence, fast: PoseSequence) -> None:
    assert "speed" not in full.provenance.stages[-1].config, "files of before stay valid"
    assert fast.provenance.stages[-1].config["speed"] == "fast"


@pytest.mark.parametrize("effort", [FULL, FAST, FASTER])
def test_every_frame_has_its_row(effort: mediapipe_track.Effort) -> None:
    """Whether nobody is there, or the picture is not."""
    nobody = np.zeros((32, 32, 3), np.uint8)
    frames = [None, nobody, None, *[nobody] * 6, None, None]
    tracker = Tracker(True, "full", "full", effort, aspect=1.0, fps=25.0)
    rows = list(tracker.find(frames))
    tracker.close()
    assert len(rows) == len(frames) and np.isnan(np.stack(rows)).all()
    assert np.isnan(NOTHING).all()


@pytest.mark.parametrize(("away", "rests"), [(0.0, True), (0.2, False)])
def test_a_hand_rests_if_it_is_low_and_slow(away: float, rests: bool) -> None:
    tracker = Tracker(True, "full", "full", FAST, aspect=2.0, fps=25.0)
    body = np.full((33, 3), 0.5)
    body[[11, 12], 0] = 0.45, 0.55  # 0.2 picture heights, twice as wide as high
    body[15, :2] = 0.6, 0.7  # 0.2 lower: a shoulder width
    moved = body.copy()
    moved[15, 0] += away
    assert tracker._rests(_Line(0, body, 4, moved), 0) is rests
    raised = body.copy()
    raised[15, 1] = 0.6
    assert not tracker._rests(_Line(0, raised, 4, raised), 0), "held, but not at rest"
    lost = np.full((33, 3), np.nan)
    assert not tracker._rests(_Line(0, body, 4, lost), 0), "where nobody knows, one looks"


def test_a_wrist_between_two_looks_goes_with_its_hand() -> None:
    rows = [NOTHING.copy() for _ in range(5)]
    for frame, row in enumerate(rows):
        row[33:54] = frame**2, 1.0, 0.9  # the hand speeds up
        row[15] = frame * 4.0, 1.5, 0.8  # a straight line from the first frame to the last
    rows[2][33:54] = np.nan
    _looks(rows, rests=False).between(0)
    assert [row[15, 0] for row in rows] == [0, 1, 8, 9, 16], "with the hand where it was seen"
    assert [row[15, 1] for row in rows] == [1.5] * 5


def test_a_hand_at_rest_is_missing_between_looks_of_which_one_found_nothing() -> None:
    rows = [NOTHING.copy() for _ in range(5)]
    rows[0][33:54], rows[4][33:54] = (0.0, 0.0, 0.9), (4.0, 8.0, 0.6)
    _looks(rows, rests=True).between(0)
    assert [tuple(row[33]) for row in rows[1:4]] == [(1.0, 2.0, 0.6), (2.0, 4.0, 0.6), (3.0, 6.0, 0.6)]
    rows[0][33:54] = np.nan
    _looks(rows, rests=True).between(0)
    assert np.isnan([row[33:54] for row in rows[1:4]]).all()


def test_a_part_that_was_broken_off_starts_anew() -> None:
    from mediapipe.python import packet_creator

    part = mediapipe_graphs.detector()
    nobody = {"image": _image(np.zeros((32, 32, 3), np.uint8))}
    assert part(nobody) == {}
    with pytest.raises(Exception, match="image"):
        part({"image": packet_creator.create_int(1)})
    assert part(nobody) == {}


def _looks(rows: list[np.ndarray], rests: bool) -> Looks:
    """Frames 1 to 4 between looks at frames 0 and 4."""
    frames = [_Frame(number, None, np.empty(0)) for number in (1, 2, 3, 4)]
    line = _Line(0, rows[0][:33], 4, rows[4][:33])
    return Looks(frames, {number: rows[number] for number in (1, 2, 3, 4)}, rows[0], line, (rests, False))


def _image(picture: np.ndarray) -> object:
    from mediapipe.python import packet_creator
    from mediapipe.python._framework_bindings.image_frame import ImageFormat

    return packet_creator.create_image_frame(picture, image_format=ImageFormat.SRGB)
