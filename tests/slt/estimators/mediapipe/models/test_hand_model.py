"""The hand models by name, on the clip that comes with the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skeletor.poses.pose import PoseSequence, file_sha256
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import MissingDependency
from slt.estimators.mediapipe.estimator import MediaPipeOptions, unavailable
from slt.estimators.mediapipe.models import hand_model, hand_ranges
from slt.estimators.registry import build_estimator
from tests.slt.estimators.mediapipe.test_track import estimated

if unavailable():
    pytest.skip(f"mediapipe: {unavailable()}", allow_module_level=True)
HANDS = [list(SIGNING_50.group(f"{side}_hand")) for side in ("left", "right")]


@pytest.fixture(scope="module")
def full() -> PoseSequence:
    return estimated()


@pytest.fixture(scope="module")
def whole() -> PoseSequence:
    return estimated(hand_model="int8")


def test_hands_in_integers_are_near_those_in_floating_point(full: PoseSequence, whole: PoseSequence) -> None:
    """In palm lengths, of which the model's own error is a tenth. The body is the same, bit for bit."""
    assert np.array_equal(full.keypoints[:, :8], whole.keypoints[:, :8])
    for hand in HANDS:
        there = ~full.missing[:, hand].any(1), ~whole.missing[:, hand].any(1)
        both = there[0] & there[1]
        assert (there[0] != there[1]).sum() <= 2 and both.sum() > 10
        palm = np.linalg.norm(full.keypoints[both][:, hand[9]] - full.keypoints[both][:, hand[0]], axis=-1)
        away = np.linalg.norm(full.keypoints[both][:, hand] - whole.keypoints[both][:, hand], axis=-1).mean(1) / palm
        assert 0 < np.median(away) < 0.03 and away.max() < 0.3
        assert np.abs(full.confidence[both][:, hand] - whole.confidence[both][:, hand]).mean() < 0.03


def test_the_same_again(whole: PoseSequence) -> None:
    again = estimated(hand_model="int8")
    assert np.array_equal(whole.keypoints, again.keypoints, equal_nan=True)
    assert np.array_equal(whole.confidence, again.confidence)


@pytest.mark.parametrize(
    ("speed", "asked", "used"),
    [("faster", "full", "int8"), ("faster", "lite", "lite"), ("fast", "full", "full"), ("full", "full", "full")],
)
def test_faster_takes_the_full_one_in_integers_and_says_so(speed: str, asked: str, used: str) -> None:
    estimator = build_estimator(MediaPipeOptions.model_validate({"speed": speed, "hand_model": asked}))
    assert estimator.options["hand_model"] == used, "poses of the other one are not taken for these"


def test_the_ranges_are_of_the_file_that_is_installed() -> None:
    assert file_sha256(hand_model.hand_file("full")) == hand_ranges.SHA256
    assert all(low < 0 < high for low, high in hand_ranges.RANGES.values())


@pytest.mark.parametrize("kind", ["no model", "other weights"])
def test_a_file_of_another_mediapipe_is_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "hand_landmark_full.tflite"
    whole = bytearray(hand_model.hand_file("full").read_bytes())
    whole[len(whole) // 2] ^= 1
    other.write_bytes(bytes(whole) if kind == "other weights" else whole[:4] + b"none" + bytes(64))
    monkeypatch.setattr(hand_model, "hand_file", lambda model: other)
    hand_model.read_hand_model.cache_clear()
    with pytest.raises(MissingDependency, match="cannot be put into integers") as caught:
        hand_model.read_hand_model("int8")
    assert "\n" not in str(caught.value) and "mediapipe==0.10.14" in str(caught.value)
    hand_model.read_hand_model.cache_clear()
