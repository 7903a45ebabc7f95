"""The config of a whole run, one section a stage."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import Field

from skeletor.config import Config, load_config
from skeletor.errors import InputError
from skeletor.refine2d import Refine2DConfig
from skeletor.refiners import RefineConfig
from skeletor.training_config import RefinerTrainConfig, train_preset
from slt.corpus.build import CorpusConfig
from slt.estimate import EstimateConfig
from slt.lift import LiftConfig
from slt.translate import TranslateConfig


class RunConfig(Config):
    """All that decides the result of `slt run`."""

    seed: int = Field(1, ge=0)
    workers: int = Field(2, ge=1, le=256)
    corpus: CorpusConfig = CorpusConfig()
    estimator: EstimateConfig = EstimateConfig()
    refine2d: Refine2DConfig = Refine2DConfig()
    lift: LiftConfig = LiftConfig()
    refine: RefineConfig = RefineConfig()
    refiner_training: RefinerTrainConfig = RefinerTrainConfig()
    motion_refiner: bool = Field(True, description="a rendered corpus: also a Skeletor trained on its known motion")
    motion_training: RefinerTrainConfig = train_preset("motion")
    translate: TranslateConfig = TranslateConfig()
    gloss2text: bool = Field(True, description="also train a gloss-to-text transformer, the ceiling of the ceiling")


def load_corpus_config(path: Path) -> CorpusConfig:
    """The corpus section of a run config, or a file that holds only that section's keys."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as YAML ({error.__class__.__name__}); give a config file") from error
    if isinstance(raw, dict) and any(key in RunConfig.model_fields for key in raw if key != "seed"):
        return load_config(path, RunConfig).corpus
    return load_config(path, CorpusConfig)
