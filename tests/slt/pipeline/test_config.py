import json
from pathlib import Path

import pytest

from skeletor.lifters.registry import LIFTERS
from skeletor.refiners.registry import REFINERS
from skeletor.refiners2d.registry import REFINERS_2D
from skeletor.support.config import load_config
from skeletor.support.errors import InputError
from slt.estimators.registry import ESTIMATORS
from slt.pipeline.config import RunConfig, load_corpus_config, load_resynth_config
from slt.pipeline.run import run
from slt.translate.config import PRESETS

CONFIGS = Path(__file__).parents[3] / "configs"
# The sections of a config.json, and of a model.yaml, that versions before the registries wrote.
FLAT = json.loads("""{
 "estimator": {"name": "mediapipe", "fps": null, "skeleton": null, "smooth_landmarks": true, "hand_model": "full",
  "pose_stride": 1, "openpose_models": "models/"},
 "refine2d": {"name": "none", "weights": null, "parts": ["hand", "body"], "clips": 600, "stride": 4, "port":
  {"learn": "errors", "identity": true, "zeroed": true, "powers": [1, 2], "width": 32, "inner": 64, "heads": 4,
   "layers": 2, "dropout": 0.1, "masked": 0.4, "exchange": 0.7, "steps": 300, "batch": 128, "learning_rate": 0.002,
   "warmup_steps": 30, "weight_decay": 0.01, "gradient_clip": 1.0}},
 "lift": {"mode": "learned", "cycles": 1000, "seed": 0, "solver": "descent", "minimum_confidence": 0.1,
  "hand_reach": 0.25, "weights": null, "mirror": false, "stride": 1, "output": "centre", "upsample": "interpolation"},
 "refine": {"name": "skeletor", "weights": null, "minimum_confidence": 0.3, "window": 5, "order": 2, "sigma": 0.8,
  "min_cutoff": 6.0, "beta": 8.0, "motion": "velocity", "process_noise": null, "measurement_noise": 0.02,
  "carried": false, "radius": null, "stride": null, "horizon": 16, "certain": null, "bound": 0.05, "batch": 64,
  "device": "auto"}
}""")
KINDS = {"estimator": ESTIMATORS, "refine2d": REFINERS_2D, "lift": LIFTERS, "refine": REFINERS}
RUNS = [path for path in sorted(CONFIGS.glob("*.yaml")) if not path.stem.startswith(("lift_", "pretrain"))]


@pytest.mark.parametrize("path", RUNS, ids=lambda p: p.stem)
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


def test_a_run_has_one_corpus(tmp_path):
    path = tmp_path / "both.yaml"
    path.write_text("corpus: {train: 5}\nresynth: {limit: 3}\n")
    with pytest.raises(InputError, match=r"either `corpus` .* or `resynth`"):
        load_config(path, RunConfig)
    path.write_text("resynth: {limt: 3}\n")
    with pytest.raises(InputError, match=r"both\.yaml: unknown key 'resynth\.limt'"):
        load_config(path, RunConfig)
    path.write_text("corpus: {train: 5}\n")
    with pytest.raises(InputError, match="no section 'resynth'"):
        load_resynth_config(path)
    assert load_resynth_config(CONFIGS / "resynth_tiny.yaml").limit == 40


def test_a_resynth_run_needs_the_annotation(tmp_path):
    with pytest.raises(InputError, match=r"resynth: no annotation; .* --corpus DIR"):
        run(load_config(CONFIGS / "resynth_tiny.yaml", RunConfig), tmp_path)


def test_a_run_names_a_preset_of_the_translator_and_changes_it(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("translate: {preset: ctc, hidden: 64}")
    found = load_config(path, RunConfig, {"translate.batch": 8}).translate
    assert (found.preset, found.hidden, found.batch, found.gloss_weight, found.streams) == ("ctc", 64, 8, 1.0, True)
    path.write_text("translate: {preset: best}")
    with pytest.raises(InputError, match=r"run\.yaml: key 'translate'.*none of demo, paper, ctc"):
        load_config(path, RunConfig)


def test_what_a_run_wrote_of_its_config_can_be_read_again(tmp_path):
    for name in ("demo", "resynth_tiny", "phoenix14t", "phoenix14t_resynth_ctc"):
        config = load_config(CONFIGS / f"{name}.yaml", RunConfig)
        written = tmp_path / f"{name}.json"
        written.write_text(config.model_dump_json(indent=1))
        assert load_config(written, RunConfig) == config


@pytest.mark.parametrize("section", KINDS)
def test_sections_of_earlier_versions_hold_the_options_of_all_stages(tmp_path, section):
    registry, key, path = KINDS[section], "mode" if section == "lift" else "name", tmp_path / "config.json"
    for name in registry:
        path.write_text(json.dumps({section: {**FLAT[section], key: name}}))
        own = registry[name].options.model_fields
        said = {k: v for k, v in {"carried": False, "batch": 64}.items() if section == "refine" and k in own}
        assert getattr(load_config(path, RunConfig), section) == registry.parse({key: name} | said)
        given = set(registry[name].options.model_fields)
        for foreign in (option for option in FLAT[section] if option not in given):
            path.write_text(json.dumps({section: {**FLAT[section], key: name, foreign: "other"}}))
            with pytest.raises(
                InputError, match=rf"config.json: key '{section}.{foreign}': an option of .*not of {name}"
            ):
                load_config(path, RunConfig)


def test_smoothers_are_those_of_the_registry(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("smoothers: [hold, kalman]")
    assert load_config(path, RunConfig).smoothers == ["hold", "kalman"]
    for name in ("none", "skeletor", "median"):
        path.write_text(f"smoothers: [hold, {name}]")
        with pytest.raises(
            InputError, match=rf"run.yaml: key 'smoothers.1': '{name}' is none of cubic, gaussian, hold, kalman, linear"
        ):
            load_config(path, RunConfig)
