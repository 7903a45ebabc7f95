"""Lost hands: what counts as lost, and the same losses in other people's clips."""

from pathlib import Path

import numpy as np
import pytest

from experiments.people.clips import People, read_people
from experiments.people.config import SetConfig
from experiments.people.losses import (
    HANDS,
    drop_outs,
    hands_seen,
    hidden_frames,
    hidden_hands,
    losses,
    patterns,
)
from skeletor.support.errors import InputError
from tests.experiments.people.made import SIZE, save_people, some_people

SHARED = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return some_people(tmp_path_factory.mktemp("people"))


@pytest.mark.parametrize(
    ("seen", "found"),
    [("1111", []), ("0110", []), ("1001", [(1, 3)]), ("10101", [(1, 2), (3, 4)]), ("0100", []), ("0000", []), ("", [])],
)
def test_a_loss_is_seen_before_and_after(seen: str, found: list) -> None:
    assert losses(np.array([c == "1" for c in seen], bool)) == found


def test_files_are_read_with_who_signs_what(people: People, tmp_path: Path) -> None:
    assert len(people.poses) == 48 and people.names == [str(k) for k in range(6)]
    assert np.bincount(people.people).tolist() == [8] * 6 and np.bincount(people.labels).tolist() == [24, 24]
    assert people.poses[0].missing[2:4, HANDS[0]].all() and not people.poses[0].missing[0, 1:].any()
    config = save_people(tmp_path / "a.npz")
    assert len(read_people(config.model_copy(update={"every": 5})).poses) == 10
    with pytest.raises(InputError, match="expected an array 'none'"):
        read_people(config.model_copy(update={"label": "none"}))
    with pytest.raises(InputError, match="--size"):
        read_people(config.model_copy(update={"size": None}))


def test_drop_outs_are_the_losses_of_somebody_else(people: People) -> None:
    runs = {(person, tuple(own)) for person, _, own in patterns(people)}
    assert len(patterns(people)) == 48
    for pose, dropped, person in zip(people.poses, drop_outs(people, 1), people.people, strict=True):
        gone = dropped.missing & ~pose.missing
        assert not (pose.missing & ~dropped.missing).any() and not gone[:, :8].any()
        assert np.isnan(dropped.keypoints[gone]).all() and (dropped.confidence[gone] == 0).all()
        lost = ~hands_seen(dropped)[:, 0]
        assert (
            any(p != person and all(lost[a:b].all() for _, (a, b) in own) for p, own in runs)
            and not gone[:, HANDS[1]].any()
        )
    again = drop_outs(people, 1)
    assert all(np.array_equal(a.missing, b.missing) for a, b in zip(again, drop_outs(people, 1), strict=True))


def test_what_is_hidden_was_seen_before_and_after(people: People) -> None:
    for hide in (hidden_hands, hidden_frames):
        found = hide(people, 1)
        assert sum(hole is not None for hole in found) > 40
        for pose, hole in zip(people.poses, found, strict=True):
            if hole is None:
                continue
            frames = np.flatnonzero(hole.joints.any(1))
            assert hole.length == len(frames) == frames[-1] - frames[0] + 1 == 2  # all losses here have two frames
            assert frames[0] > 0 and frames[-1] < len(pose) - 1
            assert np.array_equal(hole.pose.missing, pose.missing | hole.joints)
            assert not (hole.joints & pose.missing).any()
            if hide is hidden_hands:
                hand = hands_seen(pose)[:, int(hole.joints[:, HANDS[1]].any())]
                assert hand[frames[0] - 1] and hand[frames[-1] + 1] and not hole.joints[:, :8].any()


@pytest.mark.skipif(not (SHARED / "isolated_signs").is_dir(), reason="../shared has no isolated_signs here")
def test_real_people_lose_hands() -> None:
    file = SHARED / "isolated_signs" / "webcam_pool_18.npz"
    config = SetConfig(name="real", file=str(file), label="label", person="recording", size=list(SIZE), every=9)
    people = read_people(config)
    assert len(people.names) == 18 and len(np.unique(people.labels)) == 3
    shares = [np.mean([hands_seen(pose).mean() for pose in poses]) for poses in (people.poses, drop_outs(people, 1))]
    assert shares[1] < shares[0] < 1
