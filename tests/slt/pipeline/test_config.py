from pathlib import Path

import pytest

from skeletor.config import load_config
from skeletor.errors import InputError
from slt.pipeline.config import RunConfig, load_corpus_config

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_config_is_valid(path):
    config = load_config(path, RunConfig)
    assert load_corpus_config(path) == config.corpus


def test_the_real_data_set_gets_the_papers_values():
    config = load_config(CONFIGS / "phoenix14t.yaml", RunConfig)
    assert config.refiner_training.model.layers == 8 and config.refiner_training.learning_rate == 1e-5
    assert (config.translate.learning_rate, config.translate.layers, config.translate.hidden) == (1e-3, 2, 64)
    assert (config.translate.feed_forward, config.translate.batch, config.translate.dropout) == (256, 32, 0.1)


def test_a_run_names_a_preset_of_the_translator_and_changes_it(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("translate: {preset: ctc, hidden: 64}")
    found = load_config(path, RunConfig, {"translate.batch": 8}).translate
    assert (found.preset, found.hidden, found.batch, found.gloss_weight, found.streams) == ("ctc", 64, 8, 1.0, True)
    path.write_text("translate: {preset: best}")
    with pytest.raises(InputError, match=r"run\.yaml: key 'translate'.*none of demo, paper, ctc"):
        load_config(path, RunConfig)
