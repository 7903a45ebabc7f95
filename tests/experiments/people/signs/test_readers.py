"""The recognisers of single signs, folds of people, and intervals."""

from pathlib import Path

import numpy as np
import pytest

from experiments.people.losses import HANDS, without
from experiments.people.signs.features import binned, frame_features
from experiments.people.signs.folds import by_person, gain, good_to_bad, leave_people_out
from experiments.people.signs.readers import network, own, ridge
from experiments.people.ways import lifted
from skeletor.lifters.fast_lifter import FastOptions
from tests.experiments.people.made import some_people


def test_ridge_is_the_solution_of_its_equations() -> None:
    rng = np.random.default_rng(0)
    x, test = rng.normal(2, 3, (30, 5)), rng.normal(2, 3, (20, 5))
    labels = rng.integers(0, 3, 30) * 10
    scaled, held = ((a - x.mean(0)) / x.std(0) / np.sqrt(5) for a in (x, test))
    hot = (labels[:, None] == np.unique(labels)).astype(float)
    weights = np.linalg.solve(scaled.T @ scaled + 0.5 * np.eye(5), scaled.T @ (hot - hot.mean(0)))
    expected = np.unique(labels)[(held @ weights + hot.mean(0)).argmax(1)]
    assert ridge(x, labels, np.arange(30), [test], [0.5])[0].tolist() == expected.tolist()


def test_ridge_chooses_its_penalty_on_its_own_people() -> None:
    rng = np.random.default_rng(0)
    labels, people = np.tile([0, 1], 40), np.repeat(np.arange(8), 10)
    common = rng.normal(0, 10, (2, 80))  # the sign is a small difference of two numbers that go together
    train, held = (np.stack([c, c + labels + rng.normal(0, 0.1, 80)], 1) for c in common)
    shares = {p: (ridge(train, labels, people, [held], [p])[0] == labels).mean() for p in (1e-4, 1e3)}
    assert shares[1e-4] > 0.95 > 0.7 > shares[1e3]
    for order in ([1e-4, 1e3], [1e3, 1e-4]):
        assert (ridge(train, labels, people, [held], order)[0] == labels).mean() == shares[1e-4]


def test_missing_features_are_the_mean() -> None:
    x, labels = np.array([[0.0], [0], [1], [1]]), np.array([0, 0, 1, 1])
    read = ridge(x, labels, np.arange(4), [np.array([[np.nan], [0.4], [0.6]])], [0.1])[0]
    assert read[1:].tolist() == [0, 1]


def test_bins_are_means_of_what_is_there() -> None:
    values = np.array([[1.0, np.nan], [3, np.nan], [5, 2], [7, np.nan]], np.float32)
    np.testing.assert_allclose(binned(values, 2), [2, np.nan, 6, 2])
    np.testing.assert_allclose(binned(values[:1], 3)[::2], [1, 1, 1])


def test_points_tell_which_hand_is_missing(tmp_path: Path) -> None:
    pose = lifted(None, some_people(tmp_path).poses[:1])[0]
    gone = np.zeros((len(pose), 50), bool)
    gone[5, HANDS[1]] = True
    features = frame_features(without(pose, gone), "points")
    assert features[:, -1].tolist() == [float(t == 5) for t in range(12)]
    assert not np.isnan(features).any() and (features[5, 58:100] == 0).all() and features[4, 58:100].any()
    assert np.isnan(frame_features(without(pose, gone), "product")[5]).any()


def test_all_readers_tell_up_from_sideways(tmp_path: Path) -> None:
    people = some_people(tmp_path)
    poses = lifted(FastOptions(), people.poses)
    train, test = leave_people_out(people, 3)[0]
    for kind in ("points", "product"):
        frames = [frame_features(pose, kind) for pose in poses]
        table = np.stack([binned(f, 4) for f in frames])
        read = ridge(table[train], people.labels[train], people.people[train], [table[test]], [0.1, 1.0])[0]
        assert (read == people.labels[test]).mean() > 0.9
        held = [frames[k] for k in test]
        net = [network([frames[k] for k in train], people.labels[train], [held], 60, 1)[0] for _ in range(2)]
        assert (net[0] == people.labels[test]).mean() > 0.9 and np.array_equal(*net)
    changes = {"epochs": 20.0, "warmup": 5, "losses": "measured", "lost_hands": 1.0}
    mine = own(
        [poses[k] for k in train], people.labels[train], people.people[train], [[poses[k] for k in test]], changes, 1
    )[0]
    assert (mine == people.labels[test]).mean() > 0.9


def test_every_person_is_tested_by_a_reader_that_never_saw_him(tmp_path: Path) -> None:
    people = some_people(tmp_path)
    for folds in (None, 4):
        found = leave_people_out(people, folds)
        assert len(found) == (folds or 6)
        assert np.array_equal(np.sort(np.concatenate([test for _, test in found])), np.arange(48))
        assert all(not set(people.people[a]) & set(people.people[b]) for a, b in found)
    poses = [without(p, np.full(p.missing.shape, w < 3)) for p, w in zip(people.poses, people.people, strict=True)]
    worse = type(people)("x", poses, people.labels, people.people, people.names, "")
    train, test = good_to_bad(worse)[0]
    assert set(people.people[train]) == {3, 4, 5} and set(people.people[test]) == {0, 1, 2}
    assert good_to_bad(some_people(tmp_path, 3)) == []


def test_gains_are_means_over_people() -> None:
    people = np.array([0, 0, 0, 1, 1, 2])
    right, base = np.array([1.0, 1, 0, 1, 1, np.nan]), np.array([0.0, 1, 0, 1, 0, np.nan])
    assert by_person(right, people) == pytest.approx([2 / 3, 1])
    found = gain(right, base, people, few=False)
    assert found.difference == pytest.approx((1 / 3 + 1 / 2) / 2) and found.interval == pytest.approx((1 / 3, 1 / 2))
    few = gain(right, base, people, few=True)
    assert few.difference == pytest.approx(2 / 5) and few.interval[0] <= 0 < few.interval[1]
    assert gain(base, base, people, few=True).interval == (0, 0)
