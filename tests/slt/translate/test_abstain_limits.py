"""Where exactly the system begins to abstain."""

import numpy as np
import pytest

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from slt.translate import abstain as ab
from slt.translate.config import PRESETS
from slt.translate.train import train_translator
from slt.translate.translator import Translator


@pytest.fixture(scope="module")
def abstention(toy, tmp_path_factory):
    out = tmp_path_factory.mktemp("system")
    options = PRESETS["tiny"].model_copy(update={"max_updates": 4, "validate_every": 2})
    examples = toy.examples(12, 0, 3)
    train_translator(examples, examples, options, out, 0, "cpu")
    poses = [e.pose for e in examples]
    return ab.fit_abstention(Translator.load(out, "cpu"), poses, poses, poses)


@pytest.mark.parametrize("name", list(ab.SIGNALS))
def test_a_value_on_the_limit_is_sound_and_one_beyond_it_is_not(abstention, name):
    sign, limit = ab.SIGNALS[name].sign, abstention.thresholds[name]
    step = 1e-6 * max(1.0, abs(limit))
    assert abstention.reason({name: limit}) is None
    assert abstention.reason({name: limit - sign * step}) is None
    assert abstention.reason({name: limit + sign * step}) is not None
    assert abstention.reason({name: limit + sign * 100}) is not None
    assert abstention.reason({name: limit - sign * 100}) is None


def detected(frames: int = 10) -> tuple[np.ndarray, np.ndarray]:
    points = np.random.default_rng(0).uniform(0, 100, (frames, 50, 2)).astype(np.float32)
    return points, np.full((frames, 50), 0.9, np.float32)


def signals(points: np.ndarray, confidence: np.ndarray) -> dict[str, float]:
    pose = PoseSequence(points, confidence, 25, SIGNING_50, Provenance(units="pixel"))
    return dict(ab.signer_signals(pose))


def test_a_joint_counts_as_seen_from_a_tenth_of_confidence_on():
    points, confidence = detected()
    shoulder = SIGNING_50.index("left_shoulder")
    confidence[:3, shoulder] = 0.1
    assert signals(points, confidence)["body"] == 1
    confidence[:3, shoulder] = 0.09
    assert signals(points, confidence)["body"] == pytest.approx(0.7), "both shoulders are needed"


def test_a_hand_is_seen_from_half_of_its_joints_on_and_one_hand_is_enough():
    points, confidence = detected()
    left, right = (list(SIGNING_50.group(f"{side}_hand")) for side in ("left", "right"))
    confidence[:, left] = 0
    assert signals(points, confidence)["hands"] == 1
    confidence[:4, right[: len(right) // 2]] = 0  # 10 of 21 are gone: more than half is seen
    assert signals(points, confidence)["hands"] == 1
    confidence[:4, right[: len(right) // 2 + 1]] = 0
    assert signals(points, confidence)["hands"] == pytest.approx(0.6)


def test_clips_may_be_a_tenth_shorter_or_longer_than_those_of_training(toy, abstention):
    seconds = [example.pose.seconds for example in toy.examples(12, 0, 3)]
    assert abstention.thresholds["short"] == pytest.approx(min(seconds) / 1.1)
    assert abstention.thresholds["long"] == pytest.approx(1.1 * max(seconds))
