import json
import shutil

import numpy as np
import pytest
import torch

from skeletor.support.errors import InputError
from slt.sign2text.config import Sign2TextConfig
from slt.sign2text.decoded import FrameStore, mean_picture
from slt.sign2text.train import Clips, FrameTrainer, train_sign2text
from slt.sign2text.translator import Sign2Text
from tests.slt.killed import killed_at

TINY = dict(
    height=24, width=16, channels=[8, 16], feature_size=16, hidden=32, embedding=16, frame_stride=2,
    cnn_dropout=0.0, dropout=0.0, learning_rate=5e-3, warmup=10, batch=16, max_updates=20, validate_every=10,
    shift=0.05, brightness=0.1, beams=[1, 2], alphas=[0.0, 1.0], max_words=6, mean="corpus", word_dropout=0.0,
)  # fmt: skip


def config(**values):
    return Sign2TextConfig.model_validate({"preset": "small", **TINY, **values})


@pytest.fixture(scope="module")
def data(toy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    return [Clips(**vars(toy.clips(folder / part, n, n))) for part, n in (("train", 120), ("dev", 20))]


def some(clips: Clips, number: int) -> Clips:
    return Clips(clips.files[:number], clips.names[:number], clips.texts[:number])


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    return train_sign2text(*data, config(max_updates=100, validate_every=50), out, 1, "cpu"), out


def test_it_learns_colours_of_moving_squares_from_pixels(toy, trained):
    result, out = trained
    assert result.dev.bleu1 > 60 and result.updates == 100
    rng = np.random.default_rng(5)
    texts = ["rot grün", "blau", "gelb blau rot", "grün gelb"]
    found = Sign2Text.load(out, "cpu").translate([toy.clip_of(text, rng) for text in texts])
    right = sum(w in h.tokens for t, h in zip(texts, found, strict=True) for w in t.split())
    assert right >= 7 and all(h.complete and 0 < h.confidence <= 1 for h in found)


def test_a_loaded_model_gives_what_was_scored_on_dev_whatever_the_order(data, trained):
    from slt.score.scores import score

    result, out = trained
    model = Sign2Text.load(out, "cpu")
    texts = [h.text for h in model.translate(list(FrameStore(data[1].files)))]
    assert score(texts, data[1].texts) == result.dev
    assert [h.text for h in model.translate(list(FrameStore(data[1].files[::-1])))] == texts[::-1]
    assert json.loads((out / "training.json").read_text())["dev"]["bleu4"] == result.dev.bleu4
    assert model.translate([]) == []


def test_the_mean_picture_is_that_of_the_training_frames_and_is_kept(data, trained):
    store = FrameStore(data[0].files)
    expected = np.concatenate(list(store)).mean(0, dtype=np.float64)
    assert np.allclose(mean_picture(store, store.lengths), expected, atol=1e-3)
    kept = Sign2Text.load(trained[1], "cpu").model.encoder.mean_picture
    assert np.allclose(kept.numpy(), expected, atol=1e-3)


def test_a_killed_training_goes_on_and_ends_with_the_same_bytes(data, tmp_path_factory):
    killed, whole = tmp_path_factory.mktemp("killed"), tmp_path_factory.mktemp("whole")
    train, dev = some(data[0], 40), some(data[1], 6)
    options = config(dropout=0.2, cnn_dropout=0.2, layers=2, max_updates=12, validate_every=4)
    train_sign2text(train, dev, options, whole, 3, "cpu")
    killed_at(7, FrameTrainer, lambda: train_sign2text(train, dev, options, killed, 3, "cpu"))
    assert (killed / "checkpoints/4.ckpt").exists() and not (killed / "sign2text.safetensors").exists()
    result = train_sign2text(train, dev, options, killed, 3, "cpu")
    assert [row["steps"] for row in result.curve] == [4, 8, 12]
    same = [(folder / "sign2text.safetensors").read_bytes() for folder in (killed, whole)]
    assert same[0] == same[1]
    train_sign2text(train, dev, options, killed, 4, "cpu")  # another seed starts anew
    assert (killed / "sign2text.safetensors").read_bytes() != same[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"attention": "bahdanau", "bidirectional": False, "reverse": True, "layers": 3, "schedule": "plateau"},
        {
            "bf16": True,
            "mirror": True,
            "mean": "clip",
            "word_dropout": 0.3,
            "frame_stride": 1,
            "normalise_loss": "batch",
            "schedule": "constant",
        },
    ],
)
def test_other_options_train_and_load(data, tmp_path, changes):
    options = config(max_updates=4, validate_every=2, max_frames=3, **changes)
    result = train_sign2text(some(data[0], 20), some(data[1], 4), options, tmp_path, 0, "cpu")
    assert result.updates == 4
    assert len(Sign2Text.load(tmp_path, "cpu").translate(list(FrameStore(data[1].files[:2])))) == 2


def test_no_clips_and_damaged_files_are_one_clear_line(data, trained, tmp_path):
    with pytest.raises(InputError, match="no training clips"):
        train_sign2text(Clips([], [], []), data[1], config(), tmp_path, 0, "cpu")
    with pytest.raises(InputError, match="is missing"):
        Sign2Text.load(tmp_path)
    shutil.copytree(trained[1], tmp_path / "model", ignore=shutil.ignore_patterns("checkpoints"))
    weights = tmp_path / "model" / "sign2text.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(InputError, match="not a readable safetensors file") as caught:
        Sign2Text.load(tmp_path / "model")
    assert "\n" not in str(caught.value)
    shutil.copy(trained[1] / "sign2text.safetensors", weights)
    vocabulary = weights.with_name("vocabulary.txt")
    vocabulary.write_text(vocabulary.read_text() + "neu\n")
    with pytest.raises(InputError, match="not the vocabulary"):
        Sign2Text.load(tmp_path / "model")


def test_threads_are_what_they_were(data, tmp_path):
    before = torch.get_num_threads()
    train_sign2text(
        some(data[0], 8), some(data[1], 2), config(max_updates=1, validate_every=1), tmp_path, 0, "cpu", threads=2
    )
    assert torch.get_num_threads() == before
