"""Turns of several people in one pose sequence: kept apart by every stage, and read with care."""

import dataclasses

import numpy as np
import pytest

from skeletor.lifters.registry import LIFTERS, build_lifter
from skeletor.poses.key_frames import STRIDE, thin
from skeletor.poses.normalise import denormalise, normalise
from skeletor.poses.pose import PoseSequence, Provenance, StageRecord
from skeletor.poses.skeleton import SIGNING_50
from skeletor.poses.turns import (
    STAGE,
    Turn,
    check_one_signer,
    clips_of,
    each_turn,
    one_signer,
    told,
    turns_of,
    with_turns,
)
from skeletor.support.errors import InputError

TURNS = (Turn(0, 8, 1), Turn(8, 20, 2), Turn(20, 24, 1))


def taken(frames: int = 24, turns: tuple[Turn, ...] = TURNS) -> PoseSequence:
    """2D in pixels; signer 2 is twice as large as signer 1, and elsewhere."""
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 50, (frames, 50, 2)) + 100
    for turn in turns:
        if turn.signer == 2:
            points[turn.start : turn.stop] = 2 * points[turn.start : turn.stop] + 300
    pose = PoseSequence(points, np.full((frames, 50), 0.9), 25, SIGNING_50, Provenance("talk", units="pixel"))
    return with_turns(pose, turns, ["at the left", "at the right"])


def test_turns_are_those_of_the_whole_and_survive_a_file():
    pose = taken()
    assert turns_of(pose) == TURNS
    assert (
        turns_of(pose.frames(0, 23)) == () == turns_of(pose.frames(8, 20))
    )  # a part has one person, or its caller knows
    again = PoseSequence(
        pose.keypoints, pose.confidence, 25, SIGNING_50, Provenance.from_json(pose.provenance.to_json())
    )
    assert turns_of(again) == TURNS
    assert told(pose).startswith(
        "2 people sign in turns: signer 1 at the left in 2 turns, signer 2 at the right in 1 turn;"
    )
    assert told(pose.frames(0, 8)) is None


@pytest.mark.parametrize("where", [None, 3, "left", [], ["\n\x1b[31mleft", None], {"1": 2}])
def test_what_a_file_says_of_places_is_one_line(where):
    pose = taken().frames(0, 24)
    config = {"frames": 24, "turns": [[0, 8, 1], [8, 24, 2]], "where": where}
    about = Provenance("talk", stages=(StageRecord(STAGE, config=config),))
    line = told(dataclasses.replace(pose, provenance=about))
    assert line.startswith("2 people sign in turns: signer 1") and line.isprintable()


def test_a_stage_never_sees_two_people():
    seen = []

    def stage(part: PoseSequence) -> PoseSequence:
        seen.append(part)
        return normalise(part)

    pose = taken()
    made = each_turn(pose, stage)
    assert [len(part) for part in seen] == [8, 12, 4]
    for turn, part in zip(TURNS, seen, strict=True):
        np.testing.assert_array_equal(part.keypoints, pose.keypoints[turn.start : turn.stop])
        np.testing.assert_array_equal(made.keypoints[turn.start : turn.stop], normalise(part).keypoints)
    assert turns_of(made) == TURNS and made.provenance.units == "shoulder"
    with pytest.raises(InputError, match="never normalised"):
        denormalise(made)  # each turn has a scale of its own
    alone = pose.frames(0, 8)
    np.testing.assert_array_equal(each_turn(alone, normalise).keypoints, normalise(alone).keypoints)


def test_lifted_by_turns_is_lifted_alone():
    pose = taken()
    lifter = build_lifter(LIFTERS.check({"mode": "fast"}, "test"))
    made = each_turn(pose, lifter)
    for turn in TURNS:
        np.testing.assert_array_equal(
            made.keypoints[turn.start : turn.stop], lifter(pose.frames(turn.start, turn.stop)).keypoints
        )


@pytest.mark.parametrize("stride", [2, 3, 5])
def test_turns_of_sparse_2d_begin_with_a_key_frame(stride):
    turns = (Turn(0, 7, 1), Turn(7, 16, 2), Turn(16, 19, 1), Turn(19, 24, 2))
    sparse = thin(taken(24, turns), stride).replace(stage=StageRecord("estimate", config={STRIDE: stride}))
    lifter = build_lifter(LIFTERS.check({"mode": "fast"}, "test"))
    made = each_turn(sparse, lifter)
    assert turns_of(made) == turns
    for turn in turns:
        first = next((k for k in range(turn.start, turn.stop) if k % stride == 0), turn.stop)
        assert made.missing[turn.start : first].all()
        if first < turn.stop:
            alone = lifter(sparse.frames(first, turn.stop))
            np.testing.assert_array_equal(made.keypoints[first : turn.stop], alone.keypoints)
            assert not alone.missing[0, :8].any() and (alone.confidence[::stride, :8] > 0).all()


def test_a_turn_that_is_refused_is_missing_and_none_is_an_error():
    pose = taken()
    points, sure = pose.keypoints.copy(), pose.confidence.copy()
    points[8:20], sure[8:20] = np.nan, 0
    made = each_turn(pose.replace(points, sure), normalise)
    assert made.missing[8:20].all() and not made.missing[:8].any() and not made.missing[20:].any()
    with pytest.raises(InputError, match="never seen"):
        each_turn(pose.replace(np.full_like(points, np.nan), np.zeros_like(sure)), normalise)


def test_one_signer_is_the_one_who_signs_longest():
    pose = one_signer(taken(24, (Turn(0, 8, 1), Turn(8, 17, 2), Turn(17, 24, 1))))
    assert pose.missing[8:17].all() and not pose.missing[:8].any() and turns_of(pose) == ()
    assert pose.provenance.stage("one_signer").config == {"signer": 1}
    assert not one_signer(taken()).missing[:8].any()  # of two who sign as long, the first
    plain = taken().frames(0, 5)
    assert one_signer(plain) is plain


@pytest.mark.parametrize(
    "turns",
    [[[0, 8, 1], [9, 24, 2]], [[0, 8, 1], [8, 23, 2]], [[0, 8, 1], [8, 8, 2], [8, 24, 1]], [[0, 24]], "no",
     [[0, "24", 1]], [[0, True, 1], [1, 24, 2]], [[0, 24.0, 1]], None, [], [[-1, 24, 1]], [[0, 24, 0]], [[0, 24, [1]]]],
)  # fmt: skip
def test_damaged_turns_are_refused_in_a_line(turns):
    plain = taken().frames(0, 24)
    about = Provenance("talk", stages=(StageRecord(STAGE, config={"frames": 24, "turns": turns}),))
    damaged = dataclasses.replace(plain, provenance=about)
    with pytest.raises(InputError, match="damaged"):
        turns_of(damaged)


def test_turns_of_a_recording_without_frames_are_damaged():
    about = Provenance("talk", stages=(StageRecord(STAGE, config={"frames": 0, "turns": []}),))
    with pytest.raises(InputError, match="damaged"):
        turns_of(dataclasses.replace(taken().frames(0, 0), provenance=about))


def test_each_turn_is_a_clip_to_learn_from_and_the_whole_is_none():
    pose = taken()
    with pytest.raises(InputError, match=r"^talk: several people sign in turns"):
        check_one_signer(pose.provenance, len(pose), "talk")
    parts = clips_of(pose)
    assert [len(part) for part in parts] == [8, 12, 4]
    np.testing.assert_array_equal(np.concatenate([part.keypoints for part in parts]), pose.keypoints)
    for part in [*parts, taken(turns=(Turn(0, 24, 1),)), one_signer(pose)]:
        check_one_signer(part.provenance, len(part), "part")
        assert [len(one) for one in clips_of(part)] == [len(part)]


def test_clips_of_sparse_poses_begin_with_a_key_frame():
    turns = (Turn(0, 7, 1), Turn(7, 18, 2), Turn(18, 20, 1), Turn(20, 24, 2))
    sparse = thin(taken(turns=turns), 4).replace(stage=StageRecord("estimator", config={STRIDE: 4}))
    assert [len(part) for part in clips_of(sparse)] == [7, 10, 4]  # 18 and 19 hold no key frame
    for part in clips_of(sparse):
        assert np.isfinite(part.keypoints[0]).all()
