from pathlib import Path

import pytest

from skeletor.config import load_config
from slt.pipeline.config import RunConfig, load_corpus_config

CONFIGS = Path(__file__).parents[3] / "configs"
RUNS = [path for path in sorted(CONFIGS.glob("*.yaml")) if not path.stem.startswith("lift_")]


@pytest.mark.parametrize("path", RUNS, ids=lambda p: p.stem)
def test_every_shipped_config_is_valid(path):
    config = load_config(path, RunConfig)
    assert load_corpus_config(path) == config.corpus


def test_the_real_data_set_gets_the_papers_values():
    config = load_config(CONFIGS / "phoenix14t.yaml", RunConfig)
    assert config.refiner_training.model.layers == 8 and config.refiner_training.learning_rate == 1e-5
    assert (config.translate.learning_rate, config.translate.layers, config.translate.hidden) == (1e-3, 2, 64)
    assert (config.translate.feed_forward, config.translate.batch, config.translate.dropout) == (256, 32, 0.1)
