import numpy as np
import pytest

from skeletor.lifters.learned.config import LifterDataConfig
from skeletor.poses.normalise import normalise
from skeletor.support.errors import InputError
from slt.synthetic import lift_clips
from slt.synthetic.language.grammar import make_splits
from slt.synthetic.signing.signers import split_signers

pytestmark = pytest.mark.usefixtures("forked_workers")

TINY = LifterDataConfig(clips=3, views=2)


def test_clips_are_what_the_config_says_and_nothing_else() -> None:
    ours, again = lift_clips.rendered_clips(TINY), lift_clips.rendered_clips(TINY, workers=2)
    assert len(ours) == 6
    for name in ("points", "confidence", "truth", "known", "starts"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(again, name))
    assert not np.isnan(ours.points).any() and ours.known.all()
    first = normalise(lift_clips.training_view(TINY, 0).truth)
    np.testing.assert_allclose(ours.truth[ours.clip(0)], first.keypoints, atol=1e-6)


def test_views_of_a_sentence_share_the_motion_but_not_the_camera() -> None:
    one, other = lift_clips.training_view(TINY, 0), lift_clips.training_view(TINY, 1)
    assert len(one.truth) == len(other.truth)
    assert not np.allclose(one.truth.keypoints, other.truth.keypoints)


def test_neither_signers_nor_sentences_of_the_test_are_trained_on() -> None:
    held = {s.glosses for part in ("dev", "test") for s in make_splits(50, 60, 100, lift_clips.CORPUS_SEED)[part]}
    assert not held & set(lift_clips._training_glosses(50, 1))
    signers = {signer.name for signer, _ in lift_clips.held_out_motion(4, 0)}
    assert signers and not signers & {signer.name for signer in split_signers(disjoint=True)["train"]}


def test_errors_are_as_asked_for() -> None:
    clean = lift_clips.rendered_clips(TINY.model_copy(update={"clean_share": 1.0, "hide_hands": 0.0}))
    assert (clean.confidence > 0).all()
    hidden = lift_clips.rendered_clips(TINY.model_copy(update={"hide_hands": 1.0}))
    assert (hidden.confidence[:, 8:] == 0).all() and hidden.confidence[:, :8].any()
    noisy = lift_clips.rendered_clips(TINY.model_copy(update={"clean_share": 0.0, "hide_hands": 0.0}))
    assert (noisy.confidence == 0).any() and (noisy.confidence[:, 8:] > 0).any()


def test_a_noise_model_that_is_not_there_is_bad_input(tmp_path: object) -> None:
    with pytest.raises(InputError, match="no such file"):
        lift_clips.rendered_clips(TINY.model_copy(update={"noise": f"{tmp_path}/none.safetensors", "clean_share": 0.0}))


def test_windows_stay_in_their_clips() -> None:
    clips = lift_clips.rendered_clips(TINY)
    rng = np.random.default_rng(0)
    clip_of, centre = clips.draw(200, rng)
    rows = clips.rows(clip_of, centre[:, None] + np.arange(-40, 41))
    assert (rows >= clips.starts[clip_of][:, None]).all() and (rows < clips.starts[clip_of + 1][:, None]).all()
    assert (rows[:, 40] == clips.starts[clip_of] + centre).all()


def test_a_split_keeps_all_clips() -> None:
    clips = lift_clips.rendered_clips(TINY)
    train, held = clips.split(0.3)
    assert len(train) == 4 and len(held) == 2
    np.testing.assert_array_equal(np.concatenate([train.points, held.points]), clips.points)
    np.testing.assert_array_equal(held.truth[held.clip(1)], clips.truth[clips.clip(5)])
