"""Who signs when: several people who sign in turns, of whom it is known who does."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.io.formats import read_pose, read_poses
from skeletor.io.people import People, by_turns, follow, select
from skeletor.io.people.taking_turns import activity
from skeletor.poses.pose import Provenance
from skeletor.poses.skeleton import BODY25_HANDS, MEDIAPIPE_75, custom_skeleton
from skeletor.poses.turns import turns_of
from tests.skeletor.io.signer import Joints, person, signer, write_json, write_pose_file

FPS = 25.0
NECK = BODY25_HANDS.index("neck")


def sitter(frames: int, signs: list[tuple[int, int]], x: float, width: float = 60.0, seed: int = 0) -> Joints:
    """Somebody at x who signs in these frames and rests in all others; hands go to rest and back in 5 frames."""
    still, moving = (signer(frames, (x, 100.0), width, moves, seed) for moves in (0.0, 0.5))
    share = np.zeros(frames)
    for start, stop in signs:
        share[start:stop] = 1
    share = np.convolve(share, np.full(5, 0.2), "same")[:, None]
    return {joint: (1 - share) * still[joint] + share * moving[joint] for joint in still}


def crowd(people: list[Joints], order=None, lost: list[tuple[int, int, int]] = ()) -> People:
    """People side by side. order(t): in which places of frame t they stand. lost: (person, first, last frame)."""
    points = np.stack([np.stack([one[j] for j in BODY25_HANDS.joints], 1) for one in people], 1).astype(np.float32)
    for number, start, stop in lost:
        points[start:stop, number] = np.nan
    for t in range(len(points)):
        if order:
            points[t] = points[t, order(t)]
    sure = np.where(np.isfinite(points[..., 0]), 0.8, 0).astype(np.float32)
    return People(points, sure, FPS, BODY25_HANDS, Provenance("talk", units="pixel"))


def who(people: list[Joints], pose) -> np.ndarray:
    """(T,) whose neck the pose has; -1 where it has none."""
    necks = np.stack([one["neck"] for one in people], 1)  # (T, P, 2)
    away = np.linalg.norm(necks - pose.keypoints[:, None, NECK], axis=2)
    return np.where(np.isfinite(away).all(1), np.nan_to_num(away, nan=1e9).argmin(1), -1)


@st.composite
def talks(draw: st.DrawFn):
    """(people, who signs in each frame or -1, changes as (last frame, first frame), order of places, drop-outs)."""
    spans, at, turn = ([], []), draw(st.integers(10, 40)), draw(st.integers(0, 1))
    changes, last = [], None
    for _ in range(draw(st.integers(2, 4))):
        length = draw(st.integers(60, 120))
        if last is not None:
            changes.append((last, at))
        spans[turn].append((at, at + length))
        last = at + length
        at, turn = last + draw(st.integers(5, 50)), 1 - turn
    frames = last + 20
    truth = np.full(frames, -1)
    for number, own in enumerate(spans):
        for start, stop in own:
            truth[start:stop] = number
    third = [sitter(frames, [], 460.0, 55.0, 3)] if draw(st.booleans()) else []
    people = [
        sitter(frames, spans[0], 100.0),
        sitter(frames, spans[1], 280.0, draw(st.sampled_from([45.0, 60.0, 80.0])), 1),
    ]
    every = draw(st.integers(3, 30))
    lost = draw(st.lists(st.tuples(st.integers(0, 1), st.integers(0, frames), st.integers(1, 8)), max_size=4))
    return people + third, truth, changes, every, [(n, a, a + b) for n, a, b in lost]


@settings(max_examples=40)
@given(talks())
def test_each_frame_is_of_the_one_who_signs_whatever_the_order(talk):
    people, truth, changes, every, lost = talk
    ways = [np.random.default_rng(0).permutation(len(people)) for _ in range(3)]
    pose = by_turns(crowd(people, lambda t: ways[(t // every) % 3], lost))
    turns, taken = turns_of(pose), who(people, pose)
    assert [t.start for t in turns] == [0, *(t.stop for t in turns[:-1])] and turns[-1].stop == len(truth)
    assert len(turns) == len(changes) + 1 and {turn.signer for turn in turns} == {1, 2}
    for turn in turns:  # a clip never has two people
        assert len(set(taken[turn.start : turn.stop]) - {-1}) <= 1
    signed = (truth >= 0) & (taken >= 0)
    assert (taken == truth)[signed].mean() > 0.98
    for turn, (last, first) in zip(turns[1:], changes, strict=True):
        assert last - 5 <= turn.start <= first + 5


def test_a_signer_keeps_the_number_and_the_log_and_the_record_tell_who(caplog):
    people = [sitter(400, [(20, 120), (260, 380)], 100.0), sitter(400, [(140, 240)], 280.0)]
    with caplog.at_level("INFO", logger="skeletor"):
        pose = by_turns(crowd(people, lambda t: [1, 0]))
    assert [turn.signer for turn in turns_of(pose)] == [1, 2, 1]
    assert "signer 1 at the left for" in caplog.text and "signer 2 at the right for" in caplog.text
    assert pose.provenance.stage("signer").config["signing"] == 2
    assert json.loads(pose.provenance.to_json())  # goes into any file


@pytest.mark.parametrize(
    "people",
    [
        [sitter(200, [(10, 190)], 100.0), sitter(200, [], 280.0)],  # a bystander
        [sitter(200, [(10, 190)], 100.0), sitter(200, [(80, 90)], 280.0)],  # who scratches
        [sitter(200, [(10, 190)], 100.0), sitter(200, [(20, 180)], 280.0)],  # both sign at once
        [sitter(200, [(10, 80)], 100.0), sitter(200, [(100, 190)], 280.0, 20.0)],  # somebody far behind
        [sitter(200, [], 100.0), sitter(200, [], 280.0)],
    ],
)
def test_where_nobody_takes_turns_it_is_the_choice_of_one(people):
    made = crowd(people, lambda t: [1, 0] if t // 7 % 2 else [0, 1])
    pose, one = by_turns(made), select(made)
    assert turns_of(pose) == () and pose.provenance == one.provenance
    np.testing.assert_array_equal(pose.keypoints, one.keypoints)


def test_skeletons_without_shoulders_and_empty_recordings():
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 50, (20, 2, 9, 2)).astype(np.float32)
    odd = People(points, np.ones(points.shape[:3], np.float32), FPS, custom_skeleton(9), Provenance("x"))
    assert turns_of(by_turns(odd)) == () and len(by_turns(odd)) == 20
    gone = crowd([sitter(30, [], 100.0), sitter(30, [], 280.0)], lost=[(0, 0, 30), (1, 0, 30)])
    assert by_turns(gone).missing.all() and by_turns(gone).keypoints.shape == (30, 67, 2)
    none = People(gone.keypoints[:0], gone.confidence[:0], FPS, BODY25_HANDS, Provenance("x"))
    assert len(by_turns(none)) == 0


def test_activity_is_of_raised_hands_that_move_and_does_not_know_the_camera():
    one = crowd([sitter(100, [(30, 70)], 100.0)])
    found = activity(one, np.zeros(100, int))
    assert found[35:65].mean() > 0.3 and (found[:25] == 0).all() and (found[75:] == 0).all()
    near = crowd([{joint: 3 * xy + 40 for joint, xy in sitter(100, [(30, 70)], 100.0).items()}])
    np.testing.assert_allclose(activity(near, np.zeros(100, int)), found, atol=1e-4)
    walks = {j: xy + np.arange(100)[:, None] * [4, 0] for j, xy in sitter(100, [], 100.0).items()}
    assert activity(crowd([walks]), np.zeros(100, int)).max() == 0
    low = {j: xy + ([0, 60] if "hand" in j or "wrist" in j else [0, 0]) for j, xy in signer(100).items()}
    assert activity(crowd([low]), np.zeros(100, int)).max() == 0


def test_files_are_read_by_turns_where_that_is_asked_for(tmp_path):
    people = [sitter(220, [(10, 100)], 100.0), sitter(220, [(115, 210)], 280.0, seed=1)]
    for t in range(220):
        folder = [person(one, t) for one in people]
        write_json(tmp_path / "talk", t, folder[::-1] if t % 3 else folder)
    (pose,) = read_poses(tmp_path / "talk", take=by_turns).values()
    assert [turn.signer for turn in turns_of(pose)] == [1, 2]
    assert 95 <= turns_of(pose)[1].start <= 120 and pose.keypoints.shape == (220, 67, 2)
    assert turns_of(read_pose(tmp_path / "talk")) == ()
    assert follow(crowd(people)).shape == (220, 2)


def test_pose_files_of_several_people(tmp_path):
    people = [sitter(220, [(10, 100)], 100.0), sitter(220, [(115, 210)], 280.0, seed=1)]
    points = {"POSE_LANDMARKS": MEDIAPIPE_75.joints[:33]}
    values = np.stack([np.stack([one[j] for j in MEDIAPIPE_75.joints[:33]], 1) for one in people], 1)  # (T, P, 33, 2)
    write_pose_file(tmp_path / "talk.pose", {k: [j.upper() for j in v] for k, v in points.items()}, values, (400, 500))
    (pose,) = read_poses(tmp_path / "talk.pose", take=by_turns).values()
    assert [turn.signer for turn in turns_of(pose)] == [1, 2] and pose.skeleton == MEDIAPIPE_75
    assert turns_of(read_pose(tmp_path / "talk.pose")) == ()
