"""Errors of repair against the lift of the whole clip, and what is done to seen hands."""

from pathlib import Path

import numpy as np
import pytest

from experiments.people.config import WayConfig
from experiments.people.layout import lost_hands, measures_of, sections_of, wins
from experiments.people.losses import HANDS, Hole, hidden_hands
from experiments.people.repair import gap_errors, on_seen
from experiments.people.ways import in_3d, lifted, repaired
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.poses.pose import PoseSequence
from skeletor.refiners.smoothers.smooth import LinearOptions, SavgolOptions
from tests.experiments.people.made import some_people


def moved(pose: PoseSequence, joints: np.ndarray, by: float) -> PoseSequence:
    return pose.replace(pose.keypoints + by * joints[..., None] * np.array([1, 0, 0], np.float32))


def test_a_shift_of_hidden_joints_is_its_error(tmp_path: Path) -> None:
    people = some_people(tmp_path)
    lifts = lifted(FastOptions(), people.poses[:4])
    holes = []
    for pose, length in zip(people.poses[:4], (1, 3, 5, 9), strict=True):
        joints = np.zeros((12, 50), bool)
        joints[1 : 1 + length, HANDS[1]] = True
        holes.append(Hole(pose, joints, length))
    results = [moved(lift, hole.joints, by) for lift, hole, by in zip(lifts, holes, (0.1, 0.2, 0.3, 0), strict=True)]
    found = gap_errors(results, lifts, holes, np.array([0, 0, 1, 1]))
    assert [found[k] for k in ("1", "2-3", "4-7", "8-15")] == pytest.approx([0.1, 0.2, 0.3, 0], abs=1e-6)
    assert found["all"] == pytest.approx((0.1 + 3 * 0.2 + 5 * 0.3) / 18, abs=1e-6)
    assert found["people"] == pytest.approx({"0": (0.1 + 0.6) / 4, "1": 1.5 / 14}, abs=1e-6)
    assert found["gaps"] == {"1": 1, "2-3": 1, "4-7": 1, "8-15": 1, "all": 4}
    zero = gap_errors(lifts, lifts, holes, np.array([0, 0, 1, 1]))
    assert zero["all"] == pytest.approx(0, abs=1e-6)
    rows = {"lift fast": {"hands": found}, "lift fast, x": {"hands": zero}, "raw": {}}
    assert wins(rows, "hands", {"lift fast, x": "lift fast", "raw": "lift fast"}) == {"lift fast, x": [2, 2]}


def test_a_row_is_measured_by_the_same_lift_and_not_by_one_whose_name_begins_alike() -> None:
    filled = FastOptions(absent="filled")
    ways = [
        WayConfig(name="raw 2D"),
        WayConfig(name="lift fast", lift=FastOptions()),
        WayConfig(name="lift fast, all filled", lift=filled),
        WayConfig(name="lift fast, all filled, linear carried", lift=filled, refine=LinearOptions()),
        WayConfig(name="lift fast, all filled + net", lift=filled, refine=SavgolOptions()),
        WayConfig(name="lift fast + net", lift=FastOptions(), refine=SavgolOptions()),
    ]
    assert measures_of(ways, None) == {
        "lift fast, all filled, linear carried": "lift fast, all filled",
        "lift fast, all filled + net": "lift fast, all filled",
        "lift fast + net": "lift fast",
    }
    assert measures_of(ways, "linear") == {"lift fast, all filled + net": "lift fast, all filled, linear carried"}


def test_only_seen_hands_count_as_moved(tmp_path: Path) -> None:
    people = some_people(tmp_path)
    lifts = lifted(FastOptions(), people.poses[:3])
    flats = lifted(None, people.poses[:3])
    same = on_seen(lifts, lifts, flats)
    assert same["moved"] == 0 and same["bones"] is not None and same["bones"] > 0
    unseen = [moved(lift, flat.missing, 1.0) for lift, flat in zip(lifts, flats, strict=True)]
    assert on_seen(unseen, lifts, flats)["moved"] == 0
    right = np.zeros((12, 50), bool)
    right[:, HANDS[1]] = True
    assert on_seen([moved(p, right, 0.1) for p in lifts], lifts, flats)["moved"] == pytest.approx(
        0.1 * 12 / (12 + 10), rel=1e-4
    )
    flat = on_seen(flats, flats, flats)
    assert flat["moved"] == flat["planar"] == 0 and flat["bones"] is None


def test_carried_linear_fills_a_gap_of_a_moving_hand(tmp_path: Path) -> None:
    people = some_people(tmp_path)
    holes = [(k, hole) for k, hole in enumerate(hidden_hands(people, 1)) if hole is not None]
    whole = lifted(FastOptions(), people.poses)
    lifts = [whole[k] for k, _ in holes]
    way = WayConfig(name="x", lift=FastOptions(), refine=LinearOptions(carried=True))
    results = repaired(way, lifted(FastOptions(), [hole.pose for _, hole in holes]))
    found = gap_errors(results, lifts, [hole for _, hole in holes], people.people[[k for k, _ in holes]])
    assert isinstance(found["2-3"], float) and found["2-3"] < 0.1


def test_unseen_hands_can_be_set_back_to_missing(tmp_path: Path) -> None:
    pose = some_people(tmp_path).poses[0]
    lifts = lifted(FastOptions(), [pose])
    assert not repaired(WayConfig(name="x", lift=FastOptions()), lifts)[0].missing.any()
    kept = repaired(WayConfig(name="x", lift=FastOptions(), unseen="missing"), lifts)[0]
    assert np.array_equal(kept.missing[:, HANDS[0]], pose.missing[:, HANDS[0]])
    assert not kept.missing[:, HANDS[1]].any() and not kept.missing[:, :8].any()
    flat = in_3d(lifted(None, [pose])[0])
    assert (
        flat.dims == 3 and np.array_equal(flat.missing, pose.missing) and np.nanmax(np.abs(flat.keypoints[..., 2])) == 0
    )


def test_readers_trained_with_lost_hands_are_compared_with_one_that_was_not(tmp_path: Path) -> None:
    people = some_people(tmp_path, 6)
    clips = len(people.poses)
    right = {name: [float(k % n > 0) for k in range(clips)] for name, n in (("none", 2), ("", 4), ("measured", 8))}
    read = {f"own{'-' * bool(n)}{n}, pose_features": {"clean": values} for n, values in right.items()}
    seen = {"moved": 0.0, "planar": 0.0, "acceleration": 0.0, "bones": None}
    found = {"lift fast": {"read": read, "seen": seen}}
    gains = lost_hands(people, found)["clean"]
    assert gains["own, pose_features"]["lift fast"]["gain"] == pytest.approx(0.25)
    one = gains["own-measured, pose_features"]["lift fast"]
    assert one["gain"] == pytest.approx(0.375) and one["interval"] == pytest.approx((0.375, 0.375))
    assert one["without"] == pytest.approx(0.5)
    sections, numbers = sections_of(people, found)
    assert "| lift fast; people left out | 0.500 | +0.250 [+0.250, +0.250] | +0.375 [+0.375, +0.375] |" in sections[1]
    assert numbers["lost hands"]
    del read["own-none, pose_features"]
    assert lost_hands(people, found) == {} and len(sections_of(people, found)[0]) == 2
