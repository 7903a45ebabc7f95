import numpy as np
import pytest

from skeletor.poses.pose import PoseSequence
from skeletor.poses.seen import longest_run, seen, turned_warning
from skeletor.poses.skeleton import BODY25_HANDS, MEDIAPIPE_75, SIGNING_50, Skeleton, custom_skeleton


def pose(skeleton: Skeleton = SIGNING_50, frames: int = 50) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((frames, len(skeleton), 2), np.float32), np.ones((frames, len(skeleton)), np.float32)


def test_shares_and_the_longest_loss():
    points, sure = pose()
    sure[10:20, SIGNING_50.index("left_shoulder")] = 0.05  # 0.4 s without the body
    sure[3:5, list(SIGNING_50.group("left_hand"))] = 0
    sure[30:45, list(SIGNING_50.group("left_hand"))] = 0
    sure[:, list(SIGNING_50.group("right_hand"))[:10]] = 0  # 11 of 21 joints are left
    found = seen(PoseSequence(points, sure, 25, SIGNING_50))
    assert found.parts["body"].share == pytest.approx(0.8) and found.parts["body"].loss == pytest.approx(0.4)
    assert found.parts["left_hand"].share == pytest.approx(33 / 50)
    assert found.parts["left_hand"].loss == pytest.approx(0.6)
    assert found.parts["right_hand"].share == 1 and found.parts["right_hand"].loss == 0
    assert found.line() == "body 80 % (longest loss 0.40 s), left hand 66 % (longest loss 0.60 s), right hand 100 %"
    assert found.warning() is None


def test_inferred_joints_are_not_seen_and_nobody_is_said():
    points, sure = pose()
    nobody = seen(PoseSequence(points, np.zeros_like(sure), 25, SIGNING_50))
    assert not nobody.anything and "nobody was found in any of the 50 frames" in (nobody.warning() or "")
    sure[5:] = 0
    little = seen(PoseSequence(points, sure, 25, SIGNING_50))
    assert little.anything and "the body in 10 %, the left hand in 10 %" in (little.warning() or "")


def test_frames_that_nobody_looked_at_do_not_count():
    points, sure = pose()
    sure[1::2] = 0
    found = seen(PoseSequence(points, sure, 25, SIGNING_50), stride=2)
    assert found.frames == 25 and found.parts["body"].share == 1 and found.parts["body"].loss == 0
    sure[10:20] = 0
    assert seen(PoseSequence(points, sure, 25, SIGNING_50), stride=2).parts["body"].loss == pytest.approx(0.4)


@pytest.mark.parametrize("skeleton", [BODY25_HANDS, MEDIAPIPE_75])
def test_legs_out_of_the_picture_are_no_loss(skeleton):
    points, sure = pose(skeleton)
    legs = [j for j, name in enumerate(skeleton.joints) if any(p in name for p in ("knee", "ankle", "heel", "toe"))]
    sure[:, legs] = 0
    assert {name: part.share for name, part in seen(PoseSequence(points, sure, 25, skeleton)).parts.items()} == {
        "body": 1, "left_hand": 1, "right_hand": 1,
    }  # fmt: skip


def test_a_skeleton_without_names_has_a_body_only():
    skeleton = custom_skeleton(10)
    points, sure = pose(skeleton)
    sure[:25, :6] = 0
    found = seen(PoseSequence(points, sure, 25, skeleton))
    assert set(found.parts) == {"body"} and found.parts["body"].share == 0.5


def test_an_empty_clip():
    points, sure = pose(frames=0)
    found = seen(PoseSequence(points, sure, 25, SIGNING_50))
    assert not found.anything and found.frames == 0 and found.parts["body"].share == 0


def test_all_or_nothing_is_said_of_all_or_nothing_only():
    points, sure = pose(frames=1000)
    sure[0] = 0
    assert "over 99 %" in seen(PoseSequence(points, sure, 25, SIGNING_50)).line()


@pytest.mark.parametrize(
    ("flags", "length"),
    [([], 0), ([0, 0], 0), ([1], 1), ([1, 1, 0, 1], 2), ([0, 1, 0, 1, 1, 1], 3), ([1, 1, 1], 3)],
)
def test_longest_run(flags, length):
    assert longest_run(np.array(flags, bool)) == length


UPRIGHT = {"nose": (0, -60), "left_shoulder": (50, 2), "right_shoulder": (-50, -2)}


@pytest.mark.parametrize(
    ("quarters", "told"), [(0, None), (1, "lies on the side"), (2, "stands on the head"), (3, "lies on the side")]
)
@pytest.mark.parametrize("mirrored", [1, -1])
def test_turned_people_are_told(quarters: int, told: str | None, mirrored: int) -> None:
    points, sure = pose()
    for joint, place in UPRIGHT.items():
        points[:, SIGNING_50.index(joint)] = place
    points[..., 0] *= mirrored
    for _ in range(quarters):
        points = np.stack([-points[..., 1], points[..., 0]], -1)
    found = turned_warning(PoseSequence(points + 300, sure, 25, SIGNING_50))
    assert (found is None) if told is None else (found is not None and told in found)
    points[:10] = np.stack([-points[:10, :, 1], points[:10, :, 0]], -1)  # in a fifth of the frames it is otherwise
    assert turned_warning(PoseSequence(points + 300, sure, 25, SIGNING_50)) is None


def test_of_people_who_are_not_seen_it_is_not_told_that_they_are_turned() -> None:
    points, sure = pose()
    assert turned_warning(PoseSequence(points, 0 * sure, 25, SIGNING_50)) is None
    assert turned_warning(PoseSequence(np.zeros((3, 4, 2)), np.ones((3, 4)), 25, custom_skeleton(4))) is None
