"""Lost or absent: what each kind of run without a hand is, and that absent hands stay missing to the end."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.io import native
from skeletor.lifters.registry import LIFTERS, build_lifter
from skeletor.poses.absent import absent_hands, judged_absent, known_absent, leave_absent, mark_absent, runs
from skeletor.poses.key_frames import STRIDE, thin
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.inference.windowed import SkeletorRefiner
from skeletor.refiners.registry import REFINERS, build_refiner, smoother_names
from tests.skeletor.refiners.inference.test_stream import LOADED

LEFT, RIGHT = (list(SIGNING_50.group(f"{side}_hand")) for side in ("left", "right"))
WRIST, ELBOW = SIGNING_50.index("left_wrist"), SIGNING_50.index("left_elbow")
SIZE, FPS = (640, 480), 25.0


def signer(frames: int = 100, size: tuple[int, int] | None = SIZE, fps: float = FPS) -> PoseSequence:
    """Forearms up, hands in front of the chest, in pixels."""
    points = np.zeros((frames, 50, 2), np.float32)
    at = {
        "nose": (320, 120), "neck": (320, 200), "left_shoulder": (380, 200), "right_shoulder": (260, 200),
        "left_elbow": (400, 320), "right_elbow": (240, 320), "left_wrist": (350, 280), "right_wrist": (290, 280),
    }  # fmt: skip
    for name, place in at.items():
        points[:, SIGNING_50.index(name)] = place
    fan = np.stack([np.arange(21) % 5 * 4, -np.arange(21) // 5 * 6], 1)
    points[:, LEFT], points[:, RIGHT] = points[:, [WRIST]] + fan, points[:, [SIGNING_50.index("right_wrist")]] - fan
    confidence = np.ones((frames, 50), np.float32)
    return PoseSequence(points, confidence, fps, SIGNING_50, Provenance("a.mp4", image_size=size, units="pixel"))


def without(pose: PoseSequence, start: int, stop: int, wrist: tuple[float, float] | None = None) -> PoseSequence:
    """The left hand unseen in these frames, its wrist elsewhere if a place is given."""
    points, confidence = pose.keypoints.copy(), pose.confidence.copy()
    points[start:stop, LEFT], confidence[start:stop, LEFT] = np.nan, 0
    if wrist is not None:
        points[start:stop, WRIST] = wrist
        if np.isnan(wrist[0]):
            confidence[start:stop, WRIST] = 0
    return pose.replace(points, confidence)


def decided(pose: PoseSequence) -> np.ndarray:
    """(T,) of the left hand; the right one is never absent here."""
    absent = absent_hands(pose, pose.missing)
    assert not absent[:, RIGHT].any() and not absent[:, :8].any()
    assert (absent[:, LEFT] == absent[:, LEFT[:1]]).all()
    return np.asarray(absent[:, LEFT[0]])


HERE, DOWN, OUT, UNSEEN = None, (400.0, 460.0), (639.0, 280.0), (np.nan, np.nan)


@pytest.mark.parametrize(
    ("start", "stop", "wrist", "expected"),
    [
        (40, 44, HERE, False),  # a blur
        (40, 44, DOWN, False),  # so short that filling does no harm
        (40, 64, HERE, False),  # an occlusion, just below a second
        (40, 66, HERE, True),  # longer: nothing tells where it was
        (40, 50, DOWN, True),  # the arm hangs
        (40, 50, OUT, True),
        (40, 50, UNSEEN, True),
        (0, 10, HERE, False),
        (0, 14, HERE, True),  # held no longer than half a second
        (88, 100, HERE, False),
        (80, 100, HERE, True),
        (0, 100, HERE, True),  # never seen
    ],
)
def test_what_a_run_without_a_hand_is(start: int, stop: int, wrist: tuple[float, float] | None, expected: bool) -> None:
    absent = decided(without(signer(), start, stop, wrist))
    assert absent[start:stop].all() == absent.any() == expected
    assert not absent[:start].any() and not absent[stop:].any()


def test_without_the_pictures_size_its_border_is_unknown() -> None:
    assert decided(without(signer(), 40, 50, OUT)).any()
    assert not decided(without(signer(size=None), 40, 50, OUT)).any()
    assert decided(without(signer(size=None), 40, 50, DOWN)).any()


def test_a_hand_of_which_a_joint_is_seen_is_there() -> None:
    pose = without(signer(), 0, 100)
    points, confidence = pose.keypoints.copy(), pose.confidence.copy()
    points[:, LEFT[3]], confidence[:, LEFT[3]] = (350, 270), 0.5
    assert not decided(pose.replace(points, confidence)).any()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 120), st.integers(0, 2**20), st.sampled_from([12.5, 25.0, 50.0]))
def test_seconds_decide_not_frames_and_only_what_is_unseen_is_absent(frames: int, bits: int, fps: float) -> None:
    gone = np.random.default_rng(bits).random(frames) < 0.5
    pose = signer(frames, fps=fps)
    points, confidence = pose.keypoints.copy(), pose.confidence.copy()
    points[np.ix_(gone, LEFT)], confidence[np.ix_(gone, LEFT)] = np.nan, 0
    pose = pose.replace(points, confidence)
    absent = decided(pose)
    assert not (absent & ~gone).any()
    double = pose.replace(np.repeat(pose.keypoints, 2, 0), np.repeat(pose.confidence, 2, 0), 2 * fps)
    np.testing.assert_array_equal(decided(double), np.repeat(absent, 2))
    mirrored = pose.replace(pose.keypoints[::-1], pose.confidence[::-1])
    np.testing.assert_array_equal(decided(mirrored)[::-1], absent)


def test_frames_between_key_frames_are_no_losses() -> None:
    pose = thin(without(signer(), 40, 80, DOWN), 4).replace(stage=StageRecord("estimate", config={STRIDE: 4}))
    absent = decided(pose)
    assert absent[40:80].all() and absent.sum() == 40


@pytest.mark.parametrize("mode", LIFTERS.names())
def test_lifting_and_repair_invent_no_absent_hand(mode: str, tmp_path: Path) -> None:
    quick = {"reference": {"cycles": 5}}.get(mode, {})
    pose = without(without(signer(), 20, 23), 60, 100, DOWN)
    lifted = build_lifter(LIFTERS.parse({"mode": mode, **quick}))(pose)
    gone = np.zeros((100, 50), bool)
    gone[60:, LEFT] = True
    np.testing.assert_array_equal(lifted.missing, gone)  # lost ones are filled
    np.testing.assert_array_equal(known_absent(lifted), gone)
    native.write_pose(lifted, tmp_path / "a.safetensors")
    read = native.read_pose(tmp_path / "a.safetensors")
    smoothers = [build_refiner(REFINERS.parse({"name": name})) for name in smoother_names()]
    for refiner in (*smoothers, SkeletorRefiner(LOADED)):
        np.testing.assert_array_equal(refiner(read).missing, gone)
    filled = build_lifter(LIFTERS.parse({"mode": mode, "absent": "filled", **quick}))(pose)
    assert not filled.missing.any() and not known_absent(filled).any()
    np.testing.assert_array_equal(filled.keypoints[~gone], lifted.keypoints[~gone])


def test_a_repair_of_a_pose_that_nobody_judged_fills_all() -> None:
    pose = without(signer(), 60, 100, DOWN)
    assert not known_absent(pose).any()
    filled = build_refiner(REFINERS.parse({"name": "linear"}))(pose)
    assert not filled.missing.any()
    judged = mark_absent(pose, pose.missing)
    np.testing.assert_array_equal(leave_absent(judged, filled).missing, pose.missing)


def test_runs() -> None:
    assert runs(np.array([], bool)) == []
    assert runs(np.array([1, 1, 0, 0, 1], bool)) == [(0, 2), (4, 5)]


def test_poses_that_do_not_tell_are_judged_and_others_as_they_tell() -> None:
    """The picture's size is of pixels: in other units the border is not looked at."""
    points = np.zeros((60, 50, 3), np.float32)
    points[:, ELBOW, 1] = 1  # the wrist is above the elbow
    points[20:35, LEFT] = np.nan  # .6 s
    pose = PoseSequence(points, ~np.isnan(points[..., 0]), FPS, SIGNING_50, Provenance(image_size=SIZE, units="pixel"))
    absent = judged_absent(pose)
    assert absent[20:35, LEFT].all() and absent.sum() == 15 * len(LEFT), "the wrist is in the picture's corner"
    assert not judged_absent(pose.replace(units="shoulder")).any(), "the same numbers in shoulder widths"
    told = mark_absent(pose, np.zeros_like(absent))
    assert np.array_equal(judged_absent(told), known_absent(told))
