"""Hidden hands on the steady path of their wrists."""

import numpy as np
import pytest

from skeletor.refiners.inference.steady import hang_steadily

CARRIER = np.array([0, 0, 2])  # joint 1 hangs on 0; 2 on nothing


def moving(frequency: float, fps: float, frames: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """A wrist that swings by 1, a joint that hangs on it, and one beside; the joint is hidden in the middle."""
    swing = np.sin(2 * np.pi * frequency * np.arange(frames) / fps)
    points = np.repeat(swing[:, None, None], 3, 1).astype(np.float32)  # (T, 3, 1)
    confidence = np.ones((frames, 3), np.float32)
    confidence[100:300, 1] = 0
    return points, confidence


@pytest.mark.parametrize(("frequency", "kept"), [(0.5, 1.0), (3.0, 0.96), (12.5, 0.5), (20.0, 0.17)])
def test_what_swings_faster_than_the_models_rate_can_show_is_taken_away(frequency: float, kept: float) -> None:
    points, confidence = moving(frequency, 100.0)
    result = hang_steadily(points, points, confidence, CARRIER, 100.0, 25.0)
    assert np.abs(result[110:290, 1]).max() == pytest.approx(kept, abs=0.01)
    hidden = confidence <= 0
    assert np.array_equal(result[~hidden], points[~hidden])  # seen joints and the one beside, to the bit


@pytest.mark.parametrize("fps", [10.0, 25.0])
def test_at_the_models_rate_or_below_nothing_changes(fps: float) -> None:
    points, confidence = moving(3.0, fps)
    assert hang_steadily(points, points, confidence, CARRIER, fps, 25.0) is points


def test_a_joint_whose_wrist_is_hidden_too_stays() -> None:
    points, confidence = moving(20.0, 100.0)
    confidence[150:200, 0] = 0
    result = hang_steadily(points, points, confidence, CARRIER, 100.0, 25.0)
    assert np.array_equal(result[150:200], points[150:200]) and not np.array_equal(result[120:150], points[120:150])
