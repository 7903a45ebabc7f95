"""The config of a whole run, one section a stage."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from skeletor.config import Config, load_config
from skeletor.errors import InputError
from skeletor.refiners import RefineConfig
from skeletor.training_config import RefinerTrainConfig, train_preset
from slt.corpus.build import CorpusConfig
from slt.estimate import EstimateConfig
from slt.lift import LiftConfig
from slt.translate import TranslateConfig

SmootherName = Literal["zero", "hold", "linear", "cubic", "savgol", "gaussian", "one-euro", "kalman"]


class RunConfig(Config):
    """All that decides the result of `slt run`."""

    seed: int = Field(1, ge=0)
    seeds: int = Field(1, ge=1, le=20, description="translators of each row: with seed, seed + 1, ...")
    workers: int = Field(2, ge=1, le=256)
    corpus: CorpusConfig = CorpusConfig()
    estimator: EstimateConfig = EstimateConfig()
    lift: LiftConfig = LiftConfig()
    refine: RefineConfig = RefineConfig()
    refiner_training: RefinerTrainConfig = RefinerTrainConfig()
    motion_refiner: bool = Field(True, description="a rendered corpus: also a Skeletor trained on its known motion")
    motion_training: RefinerTrainConfig = train_preset("motion")
    translate: TranslateConfig = TranslateConfig()
    smoothers: list[SmootherName] = Field(["savgol"], description="rows of the table beside the raw skeletons")
    rows: list[str] = Field([], description="names of the only rows that are made and get a translator; [] for all")
    period: bool = Field(True, description='sentences end in " .", as the literature trains and scores them')
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
