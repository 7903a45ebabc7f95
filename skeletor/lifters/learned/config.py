"""Options of a learned lifter's training: what it learns from, and how. The network's are in its own module."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from skeletor.lifters.learned.networks.registry import ModelConfig
from skeletor.support.config import Config


class LifterDataConfig(Config):
    """Rendered motion with known 3D. The same values give the same clips.

    clips: sentences, none of them of the demo corpus's dev or test, signed by others than those who sign the tables'
    tests. views: cameras for each. noise: a noise model fitted to a detector (`noise_*.safetensors` in the `poses`
    folder of a run); None: errors of a plain formula (`slt.synthetic.lift_clips.PlainNoise`). clean_share: of the
    views, without errors. turned_share: of the views, in which the signer is turned by up to `turn` degrees beside what
    the cameras do (8). hide_hands: of the views, without hands. minimum_confidence, hand_reach: as of `lift`. mocap:
    npz of captured arms (`skeletor.lifters.learned.mocap`), mocap_views: clips of it, hands of the rendered signers put
    on; they are turned by up to `turn`, and half of them have no hands. clips may be 0 if there is mocap. Sequences
    whose name has `mocap_held_out` in it are never trained on.
    """

    clips: int = Field(1500, ge=0)
    views: int = Field(2, ge=1)
    seed: int = Field(1, ge=0)
    noise: str | None = None
    clean_share: float = Field(0.25, ge=0, le=1)
    hide_hands: float = Field(0.1, ge=0, le=1)
    turned_share: float = Field(0.25, ge=0, le=1)
    turn: float = Field(40.0, ge=0, le=90)
    minimum_confidence: float = Field(0.1, ge=0, le=1)
    hand_reach: float = Field(0.25, gt=0, le=10)
    mocap: str | None = None
    mocap_views: int = Field(2500, ge=1)
    mocap_held_out: str = Field("test_", min_length=1)

    @model_validator(mode="after")
    def _some_clips(self) -> LifterDataConfig:
        if self.clips * self.views + self.captured < 2:
            raise ValueError("clips * views, and mocap_views if there is mocap, must be 2 or more")
        return self

    @property
    def captured(self) -> int:
        """Views of motion capture."""
        return self.mocap_views if self.mocap else 0


class LifterTrainConfig(Config):
    """The training. It ends after `max_steps` steps or `max_minutes` minutes, whichever comes first.

    ema: the weights that are kept are a moving average, min(ema, (1 + t) / (10 + t)) of the old ones; 0 for none.
    schedule: constant; cosine over the budget; or exponential, the rate times `decay` every `decay_every` steps.
    mirror: half of the windows are mirrored. amsgrad: Adam's variant.
    """

    batch_size: int = Field(32, ge=1, le=65536)
    learning_rate: float = Field(1e-3, gt=0, le=1)
    weight_decay: float = Field(0.01, ge=0, le=1)
    schedule: Literal["constant", "cosine", "exponential"] = "cosine"
    decay: float = Field(0.99, gt=0, le=1)
    decay_every: int = Field(6000, ge=1)
    warmup_steps: int = Field(50, ge=0)
    gradient_clip: float = Field(1.0, gt=0)
    ema: float = Field(0.99, ge=0, lt=1)
    amsgrad: bool = False
    mirror: bool = True
    max_steps: int = Field(1000, ge=1)
    max_minutes: float | None = Field(default=None, gt=0)
    validation_share: float = Field(0.03, gt=0, le=0.5)
    log_every: int = Field(50, ge=1)
    checkpoint_every: int = Field(200, ge=1)


class LiftTrainJob(Config):
    """`slt lift train FILE`. out: folder for weights, card, log and checkpoint. start: weights to start from."""

    out: str = Field(min_length=1)
    seed: int = Field(0, ge=0)
    device: str = "auto"
    threads: int | None = Field(default=None, ge=1, le=4096)
    workers: int = Field(2, ge=1, le=64)
    licence: str = ""
    start: str | None = None
    data: LifterDataConfig = LifterDataConfig()
    model: ModelConfig
    train: LifterTrainConfig = LifterTrainConfig()
