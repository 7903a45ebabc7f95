"""Options of the refiner's training, and the presets `small`, `motion`, `paper`, `smoothnet` and `harmless`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from skeletor.learning.corrupt import Corruption
from skeletor.refiners.fill import Fill
from skeletor.refiners.networks.build import RefinerModelConfig
from skeletor.refiners.networks.skeletor import SkeletorConfig
from skeletor.support.config import Config, merged

Preset = Literal["small", "motion", "paper", "smoothnet", "harmless"]


class RefinerTrainConfig(Config):
    """How a refiner is trained. The defaults are the preset `small`; `preset: paper` and `motion` change them.

    model: kind and size of the network, see `skeletor.refiners.networks`; without `kind`, the default network.
    window: frames of a window (the paper's n1). fill, minimum_confidence: how gaps enter the network, see
    `skeletor.refiners.fill.fill_missing`. margin: frames on both sides of a training window that are corrupted and used
    to fill its gaps, then cut off. fps: the clips are resampled to it (None: the first clip's).
    Training ends after `max_steps` steps or `max_minutes` minutes of wall time, whichever comes first.
    velocity_weight, acceleration_weight, bone_weight: weights of the losses on first differences, on second
    differences and on bone lengths beside the loss on positions. hidden_weight: joints that are hidden from the
    network count so much more. mirror: half of the windows are mirrored, left for right. degraded_share: of the
    windows, if degraded versions of the clips are given. validation_share: of the clips, held out.
    stretch, stretch_depth: every window is stretched along x, y and depth by factors of its own between exp(-stretch)
    and exp(stretch). target_jitter: white noise of up to this standard deviation (units; depth times corruption's
    jitter_depth) that belongs to the motion: it is in what the network has to give, too. flat_confidence: share of
    windows in which all that is seen has one confidence, as in files that note none.
    accumulate: batches to a step, whose gradients are averaged. compile: torch.compile (needs a C++ compiler
    on the CPU). prefetch: batches drawn ahead.
    """

    preset: Preset = "small"
    model: RefinerModelConfig = SkeletorConfig()
    window: int = Field(default=64, ge=2, le=1024)
    fill: Fill = "carried"
    minimum_confidence: float = Field(default=0.1, ge=0, lt=1)
    margin: int = Field(default=8, ge=0, le=256)
    fps: float | None = Field(default=None, gt=0, le=1000)
    corruption: Corruption = Corruption()
    mirror: bool = True
    stretch: float = Field(default=0.2, ge=0, le=1)
    stretch_depth: float = Field(default=0.7, ge=0, le=2)
    target_jitter: float = Field(default=0.0, ge=0, le=1)
    flat_confidence: float = Field(default=0.0, ge=0, le=1)
    degraded_share: float = Field(default=0.5, ge=0, le=1)

    loss: Literal["mse", "l1"] = "l1"
    velocity_weight: float = Field(default=1.0, ge=0)
    acceleration_weight: float = Field(default=0.0, ge=0)
    bone_weight: float = Field(default=0.0, ge=0)
    hidden_weight: float = Field(default=1.0, ge=0, le=1000)
    batch_size: int = Field(default=16, ge=1, le=65536)
    learning_rate: float = Field(default=2e-3, gt=0, le=1)
    weight_decay: float = Field(default=0.01, ge=0, le=1)
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup_steps: int = Field(default=100, ge=0)
    gradient_clip: float = Field(default=1.0, gt=0)
    max_steps: int = Field(default=1500, ge=1)
    max_minutes: float | None = Field(default=None, gt=0)
    bf16: bool = True  # on GPUs only
    accumulate: int = Field(default=1, ge=1, le=1024)
    compile: bool = False
    prefetch: int = Field(default=4, ge=1, le=1024)

    validation_share: float = Field(default=0.05, ge=0, le=0.5)
    log_every: int = Field(default=50, ge=1)
    validate_every: int = Field(default=500, ge=1)
    checkpoint_every: int = Field(default=500, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, raw: Any) -> Any:
        """Values that are not given come from the preset that is named."""
        if isinstance(raw, Mapping) and isinstance(raw.get("preset"), str):
            return merged(PRESETS.get(raw["preset"], {}), raw)
        return raw

    @model_validator(mode="after")
    def _consistent(self) -> RefinerTrainConfig:
        if self.model.adds_to_input and self.fill == "zero":
            raise ValueError("fill zero: a network that adds to its input needs fill linear or carried")
        return self


# What differs from the defaults. `paper`: section 3 and 4.1 as printed, with JoeyNMT's sizes of the time where the
# paper gives none; its best corruption rate (10 % of frames, 10 % of joints); no schedule, no augmentation.
# `motion`: the clips are true motion and the degraded ones what a detector and a lifter made of it, errors included.
# `smoothnet`: network and loss (positions and accelerations) of Zeng et al. 2022 with all that Skeletor has: its data,
# filled gaps, confidences, wrists, residual over the input; no dropout. As published (model.confidence_input, residual,
# local false, dropout 0.5, fill linear) it was no better than its input after two minutes on one core.
# `harmless`: what real detectors do to real hands, and nothing that they do not: hands lost in runs, small jitter.
PRESETS: dict[str, dict[str, Any]] = {
    "small": {},
    "motion": {
        "degraded_share": 1.0,
        "stretch": 0.0,  # what a lifter gets wrong depends on the proportions
        "stretch_depth": 0.0,
        "corruption": {
            "frame_mask": 0.01,
            "joint_mask": 0.01,
            "frame_drop": 0.01,
            "frame_noise": 0.0,
            "joint_noise": 0.01,
            "hand_drop": 0.03,
            "hand_freeze": 0.01,
            "hand_swap": 0.01,
            "jitter": 0.0,
            "jitter_speed": 0.0,
        },
    },
    "paper": {
        "model": {"kind": "paper"},
        "stretch": 0.0,
        "stretch_depth": 0.0,
        "fill": "zero",
        "margin": 0,
        "minimum_confidence": 0.0,
        "corruption": {
            "frame_mask": 0.1,
            "joint_mask": 0.1,
            "frame_noise": 0.1,
            "joint_noise": 0.1,
            "noise_strength": 0.9,
            "hand_drop": 0.0,
            "hand_freeze": 0.0,
            "hand_swap": 0.0,
            "jitter": 0.0,
            "jitter_speed": 0.0,
            "frame_drop": 0.0,
            "vary": False,
        },
        "mirror": False,
        "loss": "mse",
        "velocity_weight": 0.0,
        "hidden_weight": 0.0,
        "batch_size": 32,
        "learning_rate": 1e-5,
        "weight_decay": 0.0,
        "schedule": "constant",
        "warmup_steps": 0,
        "max_steps": 300_000,
        "validate_every": 5000,
        "checkpoint_every": 5000,
    },
    "smoothnet": {
        "model": {"kind": "temporal_mlp"},
        "stretch": 0.0,  # of no use to a network that sees each coordinate by itself
        "stretch_depth": 0.0,
        "velocity_weight": 0.0,
        "acceleration_weight": 1.0,
        "batch_size": 4,  # windows; each is as many samples as it has coordinates
        "learning_rate": 1e-3,
        "weight_decay": 0.0,
    },
    "harmless": {
        "model": {"kind": "harmless"},
        "window": 48,
        "margin": 4,
        "degraded_share": 0.0,
        "stretch": 0.1,
        "stretch_depth": 0.2,
        "corruption": {
            "frame_mask": 0.0,
            "joint_mask": 0.005,
            "frame_noise": 0.0,
            "joint_noise": 0.0,
            "hand_drop": 0.25,
            "hand_freeze": 0.0,
            "hand_swap": 0.0,
            "frame_drop": 0.05,
            "jitter": 0.003,
            "jitter_speed": 0.0,
            "measured_jitter": 0.5,  # tracked clips have it already
        },
        "velocity_weight": 0.5,
        "hidden_weight": 20.0,
        "max_steps": 1500,
    },
}


def train_preset(name: Preset, **changes: Any) -> RefinerTrainConfig:
    """The config of a preset, with top-level values changed."""
    return RefinerTrainConfig.model_validate({"preset": name, **changes})
