"""Options of the Sign2Text baseline, and its presets `small` and `nslt`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from skeletor.support.config import Config
from skeletor.support.registry import Presets
from slt.translate.config import TranslateConfig

Cnn = Literal["small", "alexnet", "alexnet-torchvision"]
# Options that mean the same in `TranslateConfig`.
_SHARED = (
    "minimum_count", "max_words", "learning_rate", "warmup", "schedule", "weight_decay", "label_smoothing",
    "normalise_loss", "clip_norm", "batch", "max_updates", "max_minutes", "validate_every", "validation_sentences",
    "patience", "keep", "beams", "alphas",
)  # fmt: skip


class Sign2TextConfig(Config):
    """Frames, network, training and decoding. The defaults are the preset `small`, for two CPU cores.

    `preset: nslt` has the published sizes (Camgoz et al., Neural Sign Language Translation, CVPR 2018): AlexNet up to
    fc7 on 227x227 frames, 4 layers of 1000 residual GRU units, the source reversed, Luong attention, dropout 0.2,
    Adam at 1e-5, single clips, gradients clipped at 5, 150,000 updates, beams of 3. (`attention: bahdanau` scored
    best there.) The paper does not give AlexNet's own dropout: it keeps AlexNet's 0.5. Sizes are in pixels.
    """

    preset: str = Field(default="small", description="whose values hold where none is given")
    # frames
    height: int = Field(default=96, ge=16, le=1024)
    width: int = Field(default=80, ge=16, le=1024)
    frame_stride: int = Field(default=3, ge=1, le=8, description="N: every N-th frame is used")
    max_frames: int = Field(default=300, ge=2, description="used frames after which a training clip is cut")
    mean: Literal["corpus", "clip"] = Field(
        default="clip",
        description="what is taken off: mean of the training frames, or of the clip: no room, no clothes",
    )
    # network
    cnn: Cnn = "small"
    channels: list[int] = Field(
        default=[16, 32, 64, 128], min_length=1, max_length=16, description="cnn small: of its convolutions"
    )
    feature_size: int = Field(default=256, ge=8, le=65536, description="cnn small: numbers that it gives for a frame")
    cnn_weights: str | None = Field(default=None, description="file of pretrained weights of an AlexNet")
    cnn_dropout: float = Field(default=0.2, ge=0, lt=1)
    layers: int = Field(default=1, ge=1, le=16)
    hidden: int = Field(default=256, ge=8, le=4096, multiple_of=2)
    embedding: int = Field(default=128, ge=8, le=4096, description="of target words")
    bidirectional: bool = True
    reverse: bool = Field(default=False, description="the encoder reads the last frame first")
    attention: Literal["luong", "bahdanau"] = "luong"
    dropout: float = Field(default=0.2, ge=0, lt=1)
    # text
    minimum_count: int = Field(default=1, ge=1, description="rarer words become <unk>")
    max_words: int = Field(default=40, ge=2, le=1000, description="longest output; longer training sentences are cut")
    # training
    learning_rate: float = Field(default=1e-3, gt=0)
    warmup: int = Field(default=100, ge=0, description="updates until the full learning rate")
    schedule: Literal["linear", "plateau", "constant"] = "linear"
    weight_decay: float = Field(default=1e-4, ge=0)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    normalise_loss: Literal["batch", "tokens"] = Field(default="tokens", description="divisor of the loss")
    clip_norm: float = Field(default=1.0, gt=0)
    batch: int = Field(default=16, ge=1, le=65536)
    max_updates: int = Field(default=1500, ge=1)
    max_minutes: float = Field(default=120.0, gt=0, description="wall time; then training ends")
    validate_every: int = Field(default=150, ge=1, description="updates")
    validation_sentences: int = Field(default=200, ge=1, description="N: the first N of dev, decoded greedily")
    patience: int = Field(default=10, ge=1, description="validations without a better BLEU-4 before training ends")
    keep: int = Field(default=3, ge=1, description="best checkpoints kept; their mean is used if it is better on dev")
    bf16: bool = Field(default=False, description="the CNN computes in bfloat16")
    # augmentation (training only). Left and right have a meaning in signing: no mirror unless it is asked for.
    shift: float = Field(default=0.06, ge=0, lt=0.5, description="a clip is moved by up to this share of the picture")
    brightness: float = Field(
        default=0.15, ge=0, lt=1, description="contrast and brightness change by up to this share"
    )
    mirror: bool = Field(default=False, description="half of the clips are mirrored")
    word_dropout: float = Field(
        default=0.3, ge=0, lt=1, description="share of the words that the decoder is not shown in training"
    )
    # decoding
    beams: list[int] = Field(
        default=[1, 2, 3, 4, 5], min_length=1, max_length=100, description="beam sizes tried on dev"
    )
    alphas: list[float] = Field(
        default=[0.0, 0.5, 1.0, 1.5, 2.0], min_length=1, max_length=100, description="length penalties tried"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, raw: Any) -> Any:
        """Values that are not given come from the preset that is named."""
        return PRESETS.filled(raw)

    @model_validator(mode="after")
    def _fits(self) -> Sign2TextConfig:
        if self.cnn == "small" and self.cnn_weights is not None:
            raise ValueError("cnn_weights are of an AlexNet: set cnn to alexnet or alexnet-torchvision")
        if self.cnn != "small" and (self.height, self.width) != (227, 227):
            raise ValueError(f"cnn {self.cnn} takes 227 x 227 pixels, not height {self.height} x width {self.width}")
        if not 1 <= min(self.beams) <= max(self.beams) <= 100:
            raise ValueError("a beam size is below 1, or above 100")
        if not 1 <= min(self.channels) <= max(self.channels) <= 4096:
            raise ValueError("channels has a number below 1, or above 4096")
        return self

    def training_options(self) -> TranslateConfig:
        """The shared options as those of the translator's trainer (`slt.translate.joey.trainer`)."""
        return TranslateConfig.model_validate({name: getattr(self, name) for name in _SHARED})


class Sign2TextRow(Sign2TextConfig):
    """The section `sign2text` of a run: the baseline's options, and on how many clips it is trained."""

    clips: int | None = Field(
        default=None, ge=2, description="training clips with pixels (rendered if need be); default: all that have them"
    )
    seeds: int | None = Field(default=None, ge=1, description="trainings; default: as many as the other rows have")


PRESETS: Presets[Sign2TextConfig] = Presets()
PRESETS.register("small", "for two CPU cores", Sign2TextConfig())
PRESETS.register(
    "nslt",
    "the published sizes",
    Sign2TextConfig(
        height=227,
        width=227,
        frame_stride=1,
        max_frames=300,
        mean="corpus",
        cnn="alexnet",
        cnn_dropout=0.5,
        layers=4,
        hidden=1000,
        embedding=1000,
        bidirectional=False,
        reverse=True,
        dropout=0.2,
        max_words=50,
        learning_rate=1e-5,
        warmup=0,
        schedule="constant",
        weight_decay=0.0,
        label_smoothing=0.0,
        normalise_loss="batch",
        clip_norm=5.0,
        batch=1,
        max_updates=150_000,
        max_minutes=14 * 24 * 60.0,
        validate_every=5000,
        validation_sentences=519,
        patience=1000,
        keep=1,
        shift=0.0,
        brightness=0.0,
        word_dropout=0.0,
        beams=[3],
        alphas=[0.0],
    ),
)
