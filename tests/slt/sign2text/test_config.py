from pathlib import Path

import pytest

from skeletor.support.config import load_config
from skeletor.support.errors import InputError
from slt.pipeline.config import RunConfig
from slt.sign2text.config import Sign2TextConfig, Sign2TextRow

CONFIGS = Path(__file__).parents[3] / "configs" / "sign2text"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_config_is_valid(path):
    assert load_config(path, Sign2TextRow).preset == path.stem


def test_the_published_preset_has_the_papers_values():
    c = Sign2TextConfig.model_validate({"preset": "nslt"})
    assert (c.cnn, c.height, c.width, c.layers, c.hidden, c.reverse, c.attention) == (
        "alexnet", 227, 227, 4, 1000, True, "luong")  # fmt: skip
    assert (c.dropout, c.learning_rate, c.batch, c.clip_norm, c.max_updates, c.beams) == (
        0.2, 1e-5, 1, 5.0, 150_000, [3])  # fmt: skip
    assert (c.mean, c.word_dropout, c.frame_stride) == ("corpus", 0.0, 1)
    assert (c.max_frames, c.max_words, c.mirror, c.shift, c.schedule) == (300, 50, False, 0.0, "constant")


def test_signing_is_never_mirrored_unless_asked_for():
    assert not Sign2TextConfig().mirror


def test_a_value_beside_a_preset_wins_and_the_trainer_gets_it():
    c = Sign2TextConfig.model_validate({"preset": "nslt", "learning_rate": 3e-4, "attention": "bahdanau"})
    options = c.training_options()
    assert options.learning_rate == 3e-4 and c.attention == "bahdanau" and options.batch == 1
    assert options.clip_norm == 5.0 and options.max_updates == 150_000 and options.beams == [3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("preset: large", "preset"),
        ("hiden: 3", "unknown key 'hiden'"),
        ("hidden: 33", "hidden"),
        ("cnn: alexnet", "227 x 227 pixels, not height 96 x width 80"),
        ("cnn_weights: a.pth", "cnn_weights are of an AlexNet"),
        ("{preset: nslt, height: 100}", "227"),
        ("beams: [0]", "beam size"),
        ("channels: []", "channels"),
    ],
)
def test_errors_are_one_line_that_names_file_and_key(tmp_path, text, message):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_config(path, Sign2TextConfig)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_a_run_has_the_row_only_if_asked_for(tmp_path):
    assert RunConfig().sign2text is None
    path = tmp_path / "run.yaml"
    path.write_text("sign2text: {preset: small, clips: 30}")
    row = load_config(path, RunConfig).sign2text
    assert row is not None and row.clips == 30 and row.hidden == Sign2TextConfig().hidden
