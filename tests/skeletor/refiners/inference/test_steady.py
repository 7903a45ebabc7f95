"""Hidden hands on the steady path of their wrists."""

import numpy as np
import pytest
import torch

from skeletor.poses.hands import hands_and_wrists
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.refiners.inference.steady import hang_steadily
from skeletor.refiners.inference.windowed import SkeletorRefiner
from tests.skeletor.refiners.inference.test_stream import random_refiner
from tests.skeletor.refiners.tiny import clips

CARRIER = np.array([0, 0, 2])  # joint 1 hangs on 0; 2 on nothing
HORIZON = 400


def moving(frequency: float, fps: float, frames: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """A wrist that swings by 1, a joint that hangs on it, and one beside; the joint is hidden in the middle.

    The last frames before it is hidden, and the first behind, are at the middle of the swing.
    """
    swing = np.sin(2 * np.pi * frequency * np.arange(frames) / fps)
    points = np.repeat(swing[:, None, None], 3, 1).astype(np.float32)  # (T, 3, 1)
    observed = np.ones((frames, 3), bool)
    observed[101:300, 1] = False
    return points, observed


@pytest.mark.parametrize(("frequency", "kept"), [(0.5, 1.0), (3.0, 0.96), (12.5, 0.5), (20.0, 0.17)])
def test_what_swings_faster_than_the_models_rate_can_show_is_taken_away(frequency: float, kept: float) -> None:
    points, observed = moving(frequency, 100.0)
    result = hang_steadily(points, points, observed, CARRIER, 100.0, 25.0, HORIZON)
    assert np.abs(result[110:290, 1]).max() == pytest.approx(kept, abs=0.01)
    assert np.array_equal(result[observed], points[observed])  # seen joints and the one beside, to the bit


def test_jitter_of_the_wrist_does_not_reach_a_hand_that_stands() -> None:
    """White jitter, also at the ends of the gap, where the hand was seen from the wrist."""
    rng = np.random.default_rng(0)
    points = np.zeros((400, 3, 2), np.float32)
    points[:, 0] = rng.normal(0, 1, (400, 2))
    observed = np.ones((400, 3), bool)
    gaps = np.arange(400) % 20 > 9
    observed[gaps, 1] = False
    before = np.interp(np.arange(400), np.flatnonzero(~gaps), points[~gaps, 0, 0])  # the wrist at the ends, by a line
    points[gaps, 1, 0] = (points[:, 0, 0] - before)[gaps]  # the hand, carried by it
    result = hang_steadily(points, points, observed, CARRIER, 100.0, 25.0, HORIZON)
    carried, steady = (np.abs(x[gaps, 1, 0][:190]).mean() for x in (points, result))
    assert steady < 0.5 * carried and steady < 0.6


@pytest.mark.parametrize("fps", [10.0, 25.0])
def test_at_the_models_rate_or_below_nothing_changes(fps: float) -> None:
    points, observed = moving(3.0, fps)
    assert hang_steadily(points, points, observed, CARRIER, fps, 25.0, HORIZON) is points


def hidden_hand(jitter: float) -> tuple[PoseSequence, np.ndarray]:
    """Half a second at 100 frames/s, the left hand hidden in the middle; its wrist jitters by so much meanwhile."""
    (hand, wrist), _ = hands_and_wrists(SIGNING_50)
    pose = clips(1, frames=50)[0].replace(fps=100)
    keypoints, confidence = pose.keypoints.copy(), pose.confidence.copy()
    keypoints[20:30, wrist] += np.random.default_rng(0).normal(0, jitter, (10, 3))
    keypoints[15:35, hand], confidence[15:35, hand] = np.nan, 0
    return pose.replace(keypoints, confidence), np.array(hand)


def untrained(fill: str) -> SkeletorRefiner:
    """A network that bends nothing: what comes out is the fill."""
    model = {"kind": "harmless", "d_model": 16, "d_ff": 16, "heads": 2, "layers": 1}
    loaded = random_refiner(model=model, fill=fill)
    with torch.no_grad():
        loaded.model.out.weight.zero_()
    return SkeletorRefiner(loaded)


def test_a_refined_hand_does_not_jitter_with_its_wrist() -> None:
    (_, wrist), _ = hands_and_wrists(SIGNING_50)
    pose, hand = hidden_hand(0.05)
    refined = untrained("carried")(pose).keypoints[20:30]
    of_wrist, of_hand = (np.abs(np.diff(x, 2, axis=0)).mean() for x in (refined[:, wrist], refined[:, hand]))
    assert of_hand < 0.5 * of_wrist


@pytest.mark.parametrize(("fill", "follows"), [("carried", True), ("linear", False)])
def test_a_hand_that_the_fill_does_not_hang_on_its_wrist_gets_none_of_its_jitter(fill: str, follows: bool) -> None:
    refiner = untrained(fill)
    moved = []
    for jitter in (0.0, 1e-4):
        pose, hand = hidden_hand(jitter)
        moved.append(refiner(pose).keypoints[15:35, hand])
    assert (np.abs(moved[1] - moved[0]).max() > 1e-5) == follows
