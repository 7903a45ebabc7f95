from pathlib import Path

import pytest

from skeletor.config import load_config
from slt.pipeline.config import RunConfig, load_corpus_config
from slt.translate import PRESETS

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
    assert config.translate.weight_decay == 1e-3 and config.seeds == 3 and config.period


def test_the_real_data_set_gets_the_fields_protocol():
    """SignJoey's values, as ../shared/facts/evaluation.md lists them; and the preset "paper" is the same."""
    t = load_config(CONFIGS / "phoenix14t.yaml", RunConfig).translate
    assert (t.schedule, t.patience, t.plateau_factor, t.plateau_end, t.validate_every) == ("plateau", 8, 0.7, 1e-7, 100)
    assert (t.max_frames, t.max_words, t.label_smoothing, t.normalise_loss, t.clip_norm) == (400, 30, 0, "batch", None)
    assert t.beams == list(range(1, 11)) and t.alphas == [-1, 0, 1, 2, 3, 4, 5] and t.validation_sentences == 519
    paper = PRESETS["paper"].model_dump()
    differing = {key for key, value in t.model_dump().items() if paper[key] != value}
    assert differing <= {"preset", "validation_sentences"}
