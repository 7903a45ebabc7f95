import numpy as np
import pytest

from skeletor.poses.pose import PoseSequence, Provenance
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError
from slt.translate.config import PRESETS
from slt.translate.joey.decoding.decode import Hypothesis
from slt.translate.signals import hand_speed, make_reference, measure, proportions, signer_signals
from slt.translate.train import train_translator
from slt.translate.translator import Translator


@pytest.fixture(scope="module")
def translator(toy, tmp_path_factory):
    """A translator of the toy language that has hardly learned."""
    out = tmp_path_factory.mktemp("translator")
    short = {"hidden": 32, "feed_forward": 64, "max_updates": 20, "validate_every": 20, "batch": 16, "beams": [1]}
    options = PRESETS["tiny"].model_copy(update=short)
    train_translator(toy.examples(100, 0, 3), toy.examples(20, 1, 3), options, out, 0, "cpu")
    return Translator.load(out, "cpu")


def test_hand_speed_and_proportions_by_hand():
    frames = 51
    keypoints = np.random.default_rng(0).normal(size=(1, 50, 3)).repeat(frames, 0)
    keypoints[:, 4, 0] += np.arange(frames) * 0.04  # the right wrist: 1 shoulder width a second at 25 fps
    pose = PoseSequence(keypoints, np.ones((frames, 50)), 25, SIGNING_50, Provenance(units="shoulder"))
    assert hand_speed(pose) == pytest.approx(1, abs=1e-3)
    assert hand_speed(pose.frames(0, 3)) == 0
    lengths = proportions(pose)
    neck = np.linalg.norm(keypoints[0, 0] - keypoints[0, 1])
    assert lengths.shape == (25,) and lengths[0] == pytest.approx(np.log(neck), abs=1e-4)
    double = proportions(pose.replace(pose.keypoints * 2))
    still = [k for k in range(25) if k not in (3, 4)]
    np.testing.assert_allclose((double - lengths)[still], np.log(2), atol=1e-4)
    nothing = pose.replace(np.full_like(pose.keypoints, np.nan), np.zeros_like(pose.confidence))
    assert np.isnan(proportions(nothing)).all() and hand_speed(nothing) == 0
    assert signer_signals(pose.frames(0, 0)) == {"body": 0, "hands": 0}


def test_the_distance_of_proportions_is_about_1_for_those_it_was_made_from(toy, translator):
    poses = [e.pose for e in toy.examples(50, 3, 3)]
    reference = make_reference(translator, poses)
    rows = measure(translator, reference, [None] * 50, poses, translator.translate(poses))
    assert 0.2 < np.mean([r["proportions"] for r in rows]) < 1.5
    assert "body" not in rows[0] and all(np.isfinite(list(r.values())).all() for r in rows)
    assert np.median([r["states"] for r in rows]) < 0.2
    empty = Hypothesis("", (), (), False)
    assert measure(translator, reference, [None], poses[:1], [empty])[0]["log_prob"] == -99


def test_without_training_clips_there_is_nothing_to_compare_with(translator):
    with pytest.raises(InputError, match="no training clips"):
        make_reference(translator, [])
