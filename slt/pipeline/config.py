"""The config of a whole run, one section a stage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.registry import LiftConfig
from skeletor.refiners.registry import RefineConfig, smoother_names
from skeletor.refiners.trained import SkeletorOptions
from skeletor.refiners.training.config import RefinerTrainConfig, train_preset
from skeletor.refiners2d.base import NoRefine2DOptions
from skeletor.refiners2d.registry import Refine2DConfig
from skeletor.support.config import Config, load_config, read_yaml_file
from skeletor.support.errors import InputError
from slt.estimators.mediapipe.estimator import MediaPipeOptions
from slt.estimators.registry import EstimateConfig
from slt.recognise.config import RecogniserConfig
from slt.recognise.ensemble.files import MOST
from slt.sign2text.config import Sign2TextRow
from slt.synthetic.build import CorpusConfig
from slt.synthetic.resynth import ResynthConfig
from slt.translate.config import TranslateConfig


def _known_smoother(name: str) -> str:
    if name not in smoother_names():
        raise ValueError(f"{name!r} is none of {', '.join(smoother_names())}")
    return name


SmootherName = Annotated[str, AfterValidator(_known_smoother)]


class RunConfig(Config):
    """All that decides the result of `slt run`."""

    task: Literal["translate", "recognise"] = Field(
        "translate", description="translate: a sentence a clip; recognise: isolated signs, a label a clip"
    )
    seed: int = Field(1, ge=0)
    seeds: int = Field(1, ge=1, le=20, description="translators of each row: with seed, seed + 1, ...")
    workers: int = Field(2, ge=1, le=256)
    corpus: CorpusConfig = CorpusConfig()
    resynth: ResynthConfig | None = Field(None, description="PHOENIX14T re-synthesised, in place of `corpus`")
    estimator: EstimateConfig = MediaPipeOptions()
    refine2d: Refine2DConfig = NoRefine2DOptions()
    lift: LiftConfig = FastOptions()
    refine: RefineConfig = SkeletorOptions()
    refiner_training: RefinerTrainConfig = RefinerTrainConfig()
    motion_refiner: bool = Field(True, description="a rendered corpus: also a Skeletor trained on its known motion")
    shipped_refiner: bool = Field(
        True,
        description="also the Skeletor that comes with the package, as the run's own; the trained ones beside it",
    )
    motion_training: RefinerTrainConfig = train_preset("motion")
    translate: TranslateConfig = TranslateConfig()
    flat_row: bool = Field(False, description="also a row of the same skeletons without depth: what lifting is worth")
    smoothers: list[SmootherName] = Field(["savgol"], description="rows of the table beside the raw skeletons")
    rows: list[str] = Field([], description="names of the only rows that are made and get a translator; [] for all")
    period: bool = Field(True, description='sentences end in " .", as the literature trains and scores them')
    gloss2text: bool = Field(True, description="also train a gloss-to-text transformer, the ceiling of the ceiling")
    gloss2text_training: TranslateConfig | None = Field(None, description="its recipe; default: that of `translate`")
    recogniser: RecogniserConfig | None = Field(
        None, description="also a recogniser of glosses for each row, whose glosses Gloss2Text translates; default: no"
    )
    ensemble: bool = Field(
        False,
        description="also a system of each row in which the recognisers and Gloss2Texts of all seeds read together",
    )
    signer_folds: int = Field(
        5, ge=0, le=100, description="isolated signs: groups of signers that are left out in turn; 0 or 1: none"
    )
    joint: bool = Field(True, description="also a translator of each row's poses; False: recognisers alone")
    sign2text: Sign2TextRow | None = Field(None, description="also train the baseline that reads pixels; default: no")

    @model_validator(mode="after")
    def _one_corpus(self) -> RunConfig:
        if self.resynth is not None and self.corpus != CorpusConfig():  # a written config has both
            raise ValueError("give either `corpus` (rendered) or `resynth`, not both")
        if self.task == "recognise":
            if self.resynth is not None or self.sign2text is not None or self.ensemble:
                raise ValueError("task: recognise: isolated signs have neither `resynth`, `sign2text` nor `ensemble`")
            return self
        if self.recogniser is not None and not self.gloss2text:
            raise ValueError("recogniser: what it reads is translated by Gloss2Text; give gloss2text: true")
        if self.ensemble and (self.recogniser is None or not 2 <= self.seeds <= MOST):
            raise ValueError(f"ensemble: give a recogniser, and seeds: 2 to {MOST}, which then read together")
        if not self.joint and self.recogniser is None:
            raise ValueError("joint: false leaves no system for the rows; give recogniser: {preset: recogniser}")
        return self


def load_corpus_config(path: Path) -> CorpusConfig:
    """The corpus section of a run config, or a file that holds only that section's keys."""
    return load_config(path, RunConfig).corpus if _is_run(path) else load_config(path, CorpusConfig)


def load_resynth_config(path: Path) -> ResynthConfig:
    """The resynth section of a run config, or a file of that section's keys only; InputError if there is none."""
    if not _is_run(path):
        return load_config(path, ResynthConfig)
    section = load_config(path, RunConfig).resynth
    if section is None:
        raise InputError(f"{path}: no section 'resynth'; give for example configs/phoenix14t_resynth.yaml")
    return section


def _is_run(path: Path) -> bool:
    """Whether a file holds sections of a run."""
    raw = read_yaml_file(path)
    return isinstance(raw, dict) and any(key in RunConfig.model_fields for key in raw if key != "seed")
