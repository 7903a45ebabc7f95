"""Options of the pretraining."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from slt.recognise.config import PRESETS, Accumulating, RecogniserConfig

Objective = Literal["masked", "contrastive", "order"]


class PretrainConfig(Accumulating):
    """What an encoder learns from poses without glosses.

    recogniser: its input, its network's sizes and what its training clips undergo; a recogniser that begins with the
    encoder has the same. masked: what is hidden is predicted. contrastive: two corruptions of one clip are told from
    other steps and clips. order: in which order a clip's segments were. Of several objectives the losses are added.
    """

    recogniser: RecogniserConfig = PRESETS["recogniser"]
    objectives: list[Objective] = Field(default=["masked"], min_length=1)
    # how a detector fails; shares are means over rows of features
    hand_drop: float = Field(default=0.3, ge=0, lt=1, description="share of rows in which a hand is hidden, in runs")
    frame_drop: float = Field(default=0.1, ge=0, lt=1, description="share of rows that are hidden whole, in runs")
    joint_drop: float = Field(default=0.1, ge=0, lt=1, description="share of single joints that are hidden")
    longest_run: float = Field(default=8.0, ge=1, le=100, description="rows; a clip's mean run is 1 to so many")
    # losses
    stream_weight: float = Field(default=0.3, ge=0, description="of what each stream predicts of its own part")
    temperature: float = Field(default=0.1, gt=0, le=10, description="of the contrast")
    projection: int = Field(default=64, ge=2, le=4096, description="numbers in which steps are compared")
    # training
    learning_rate: float = Field(default=2e-3, gt=0)
    warmup: int = Field(default=200, ge=0, description="updates until the full learning rate")
    weight_decay: float = Field(default=0.01, ge=0)
    batch: int = Field(default=48, ge=3, le=65536, description="sequences that the encoder reads in a step")
    steps: int = Field(default=4000, ge=1)
    checkpoint_every: int = Field(default=500, ge=1, description="steps after which a killed training can go on")

    @field_validator("objectives")
    @classmethod
    def _each_once(cls, objectives: list[Objective]) -> list[Objective]:
        if len(set(objectives)) < len(objectives):
            raise ValueError("an objective is named twice")
        return objectives
