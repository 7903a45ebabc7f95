"""What is left missing; and a refiner that keeps the fill, at other frame rates."""

import numpy as np
import pytest

from skeletor.poses.pose import PoseSequence
from skeletor.refiners.leave import Leave, absent_hands
from skeletor.refiners.registry import build_refiner
from skeletor.refiners.smooth import LinearOptions
from skeletor.refiners.trained import SkeletorOptions
from skeletor.refiners.training.train import train_refiner
from skeletor.support.errors import InputError
from tests.skeletor.refiners.tiny import clips, config

LEFT, RIGHT = list(range(8, 29)), list(range(29, 50))
TINY = {"kind": "harmless", "d_model": 16, "d_ff": 16, "heads": 2, "layers": 1, "bound": 0.002}


@pytest.fixture(scope="module", name="weights")
def _weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("harmless")
    return str(train_refiner(clips(6), config(model=TINY, learning_rate=0.02, max_steps=30), folder).weights)


def unseen(pose: PoseSequence, frames: slice, joints: list[int], inferred: bool = False) -> PoseSequence:
    points, confidence = pose.keypoints.copy(), pose.confidence.copy()
    confidence[frames, joints] = 0
    if not inferred:
        points[frames, joints] = np.nan
    return pose.replace(points, confidence)


def test_long_ends_are_absent_and_gaps_are_not() -> None:
    pose = unseen(clips(1, frames=60)[0], slice(0, 17), LEFT)
    pose = unseen(unseen(pose, slice(20, 50), LEFT), slice(45, 60), RIGHT)
    wanted = np.zeros((60, 50), bool)
    wanted[:17, LEFT] = True
    np.testing.assert_array_equal(absent_hands(pose, 15), wanted)
    wanted[45:, RIGHT] = True
    np.testing.assert_array_equal(absent_hands(pose, 14), wanted)
    assert absent_hands(unseen(pose, slice(0, 60), LEFT), 15)[:, LEFT].all()
    assert not absent_hands(pose.frames(0, 0), 15).size


def test_absent_and_missing_joints_stay_missing(weights: str) -> None:
    pose = unseen(clips(1, frames=60)[0], slice(0, 20), LEFT, inferred=True)  # as a lifter leaves it
    pose = unseen(pose, slice(30, 33), RIGHT)
    plain = build_refiner(SkeletorOptions(weights=weights))(pose)
    assert not plain.missing.any()
    absent = build_refiner(SkeletorOptions(weights=weights, absent=15))(pose)
    assert absent.missing[:20, LEFT].all() and absent.missing.sum() == 20 * 21
    kept = build_refiner(SkeletorOptions(weights=weights, keep_missing=True))(pose)
    np.testing.assert_array_equal(kept.missing, pose.missing)
    np.testing.assert_array_equal(kept.keypoints[~kept.missing], plain.keypoints[~kept.missing])
    with pytest.raises(InputError, match="whole clip"):
        build_refiner(SkeletorOptions(weights=weights, absent=15)).stream(None)  # type: ignore[attr-defined]
    assert not Leave() and Leave(missing=True)


@pytest.mark.parametrize("fps", [25.0, 50.0, 12.0])
def test_seen_joints_keep_their_place_at_any_rate(weights: str, fps: float) -> None:
    """And a hidden hand is near the carried fill, which the network bends; outside gaps it is exactly that."""
    pose = clips(1, frames=60)[0].replace(fps=fps)
    pose = unseen(unseen(pose, slice(21, 26), RIGHT), slice(50, 60), LEFT)
    refined = build_refiner(SkeletorOptions(weights=weights))(pose)
    moved = np.linalg.norm(refined.keypoints - pose.keypoints, axis=-1)
    assert moved[pose.confidence > 0].max() <= 0.002 / 0.9 + 1e-5
    carried = build_refiner(LinearOptions(carried=True))(pose)
    away = np.linalg.norm(refined.keypoints - carried.keypoints, axis=-1)
    assert away[50:, LEFT].max() <= 0.002 / 0.9 + 1e-5  # the wrist's own move
    assert away[21:26, RIGHT].max() > 0.002
