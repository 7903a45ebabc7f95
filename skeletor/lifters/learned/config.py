"""Options of the learned lifters: what they are, what they learn from, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from skeletor.support.config import Config


class UpliftConfig(Config):
    """Uplift and Upsample; see `skeletor.lifters.learned.uplift`. The defaults are a size for 2 cores.

    tokens: of a window; output_stride: frames from one to the next, those between are interpolated. strides, paddings:
    of the strided blocks, which must narrow the tokens to 1. input_strides: every N-th frame is a key frame,
    drawn anew for each window of the training. sequence_weight, centre_weight: of the two losses.
    """

    kind: Literal["uplift-upsample"] = "uplift-upsample"
    tokens: int = Field(27, ge=3, le=1001)
    output_stride: int = Field(1, ge=1, le=100)
    strides: list[int] = Field([3, 3, 3], min_length=1, max_length=16)
    paddings: list[list[int]] | None = Field(None, max_length=16)
    joint_width: int = Field(16, ge=4, le=512)
    width: int = Field(128, ge=8, le=4096)
    heads: int = Field(4, ge=1, le=64)
    spatial_blocks: int = Field(2, ge=0, le=32)
    temporal_blocks: int = Field(2, ge=1, le=32)
    mlp_ratio: int = Field(2, ge=1, le=8)
    drop_path: float = Field(0.1, ge=0, lt=1)
    input_strides: list[int] = Field([1, 2, 4, 8], min_length=1, max_length=64)
    sequence_weight: float = Field(0.5, ge=0)
    centre_weight: float = Field(0.5, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> UpliftConfig:
        if any(stride < 1 for stride in self.strides):
            raise ValueError("strides must be 1 or more")
        if any(stride < 1 or stride % self.output_stride for stride in self.input_strides):
            raise ValueError("input_strides must be multiples of output_stride")
        if self.joint_width % self.heads or self.width % self.heads:
            raise ValueError("joint_width and width must be multiples of heads")
        if self.paddings is not None and [len(p) for p in self.paddings] != [2] * len(self.strides):
            raise ValueError("paddings must be one pair (before, after) for each of strides")
        if any(not 0 <= pad <= self.tokens for pair in self.paddings or () for pad in pair):
            raise ValueError("paddings must be 0 or more, and no more than tokens")
        return self


class AnatomyConfig(Config):
    """Anatomy-aware lifting; see `skeletor.lifters.learned.anatomy`. The defaults are a size for 2 cores.

    blocks: the window is 3 ** (blocks + 1) frames. frames: how many frames of the clip tell of the bones' lengths.
    augment: bones of a second batch of frames are changed by up to that share of their mean length; 0 for none.
    """

    kind: Literal["anatomy"] = "anatomy"
    channels: int = Field(256, ge=8, le=4096)
    blocks: int = Field(2, ge=1, le=5)
    dropout: float = Field(0.1, ge=0, lt=1)
    causal: bool = False
    frames: int = Field(50, ge=1, le=1000)
    augment: float = Field(0.3, ge=0, lt=1)


class JointTokenConfig(Config):
    """The lifter with a token per joint; see `joint_token`. window: frames of a training window."""

    kind: Literal["joint-token"] = "joint-token"
    width: int = Field(64, ge=8, le=1024)
    heads: int = Field(4, ge=1, le=64)
    blocks: int = Field(3, ge=1, le=64)
    taps: int = Field(9, ge=1, le=63)
    mlp_ratio: int = Field(2, ge=1, le=8)
    linear_taps: int = Field(9, ge=1, le=63)
    window: int = Field(32, ge=2, le=1024)
    velocity_weight: float = Field(1.0, ge=0)
    scale_weight: float = Field(0.5, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> JointTokenConfig:
        if self.width % self.heads:
            raise ValueError("width must be a multiple of heads")
        if self.taps % 2 == 0:
            raise ValueError("taps must be odd")
        return self


ModelConfig = Annotated[UpliftConfig | AnatomyConfig | JointTokenConfig, Field(discriminator="kind")]


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

    out: str
    seed: int = Field(0, ge=0)
    device: str = "auto"
    threads: int | None = Field(default=None, ge=1, le=4096)
    workers: int = Field(2, ge=1, le=64)
    licence: str = ""
    start: str | None = None
    data: LifterDataConfig = LifterDataConfig()
    model: ModelConfig
    train: LifterTrainConfig = LifterTrainConfig()
