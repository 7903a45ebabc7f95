"""Options of the recogniser."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from skeletor.support.config import Config
from skeletor.support.registry import Presets

# Values that a serialised config leaves out: what was made before there were these options is not something else.
_SILENT = {"accumulate": 1, "hands": "joints", "run_ons": 0.0}


class Accumulating(Config):
    """A training whose step may be longer than a batch."""

    accumulate: int = Field(
        default=1, ge=1, le=1024, description="batches to a step, whose gradients are averaged; of each process"
    )

    @model_serializer(mode="wrap")
    def _short(self, rest: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = rest(self)
        return {key: value for key, value in values.items() if key not in _SILENT or value != _SILENT[key]}


class RecogniserConfig(Accumulating):
    """Network, training and reading of the recogniser. What stands beside `preset` changes it."""

    preset: str = Field(default="recogniser", description="whose values hold where none is given")
    # input
    fps: float = Field(default=25.0, gt=0, le=1000, description="frame rate that poses are brought to")
    frame_stride: int = Field(default=2, ge=1, le=8, description="N: one input frame is the mean of N frames")
    subsample: int = Field(default=2, ge=1, le=8, description="input frames to one step of the network")
    hands: Literal["joints", "bends"] = Field(
        default="joints", description="shapes of hands: their joints, or how fingers are bent and tips apart"
    )
    # network
    width: int = Field(default=128, ge=4, le=2048, description="of each stream: body, right hand, left hand")
    hidden: int = Field(default=256, ge=8, le=4096, description="of the layers over the joined streams")
    layers: int = Field(default=2, ge=1, le=24)
    feed_forward: int = Field(default=512, ge=8, le=16384)
    heads: int = Field(default=4, ge=1, le=64)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    pretrained: str | None = Field(
        default=None, description="the `encoder.safetensors` of a pretraining that it begins with; default: nothing"
    )
    # losses
    stream_weight: float = Field(default=0.3, ge=0, description="of the CTC loss of each stream's own head")
    distil_weight: float = Field(default=0.3, ge=0, description="of each stream's distance to the heads' mean")
    frame_weight: float = Field(default=0.5, ge=0, description="of the cross-entropy with aligned glosses, if any")
    # training
    learning_rate: float = Field(default=1.5e-3, gt=0)
    warmup: int = Field(default=200, ge=0, description="updates until the full learning rate")
    weight_decay: float = Field(default=0.01, ge=0)
    batch: int = Field(default=32, ge=1, le=65536, description="clips")
    epochs: float = Field(default=60.0, gt=0)
    max_minutes: float | None = Field(default=None, gt=0, description="wall time; then training ends")
    ema: float = Field(default=0.998, ge=0, lt=1, description="moving average of the weights")
    bf16: bool = Field(default=True, description="matrix products of training in bfloat16")
    # augmentation (training only)
    stretch: float = Field(default=0.5, ge=0, lt=1, description="tempo: a factor between 1 - this and 1 + this")
    turn: float = Field(default=15.0, ge=0, le=90, description="the signer is turned by up to so many degrees")
    noise: float = Field(default=0.1, ge=0, description="Gaussian noise on standardised features")
    lost_hands: float = Field(default=0.3, ge=0, le=1, description="share of clips in which a hand is lost in bursts")
    losses: Literal["bursts", "measured"] = Field(
        default="bursts",
        description="bursts: a hand is missing for 2 to 10 rows; measured: hands are lost for as long, and together as "
        "often, as MediaPipe loses them, and half of the losses are filled",
    )
    run_ons: float = Field(
        default=0.0, ge=0, le=1,
        description="share of clips' ends without rest, half of them with the beginning or end of another clip behind",
    )  # fmt: skip
    # reading
    beam: int = Field(default=8, ge=1, le=100, description="1: the best step by step, without a language model")
    gloss_weights: list[float] = Field(
        default=[0.0, 0.2, 0.4, 0.6], min_length=1, description="of the gloss trigram, tried on dev"
    )
    gloss_bonuses: list[float] = Field(
        default=[0.0, 0.5, 1.0], min_length=1, description="for each gloss read, tried on dev"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, raw: Any) -> Any:
        """Values that are not given come from the preset that is named."""
        return PRESETS.filled(raw)

    @model_validator(mode="after")
    def _fits(self) -> RecogniserConfig:
        if self.hidden % self.heads:
            raise ValueError(f"hidden {self.hidden} is not a multiple of heads {self.heads}")
        return self


PRESETS: Presets[RecogniserConfig] = Presets()
PRESETS.register("recogniser", "for PHOENIX14T's size", RecogniserConfig())
PRESETS.register(
    "small", "for a vocabulary of a few hundred glosses",
    RecogniserConfig(width=64, hidden=128, feed_forward=256, epochs=12.0),
)  # fmt: skip
PRESETS.register(
    "signs", "for isolated signs, one a clip",
    RecogniserConfig(width=64, hidden=128, layers=1, feed_forward=256, frame_stride=1, epochs=30.0, dropout=0.3,
                     warmup=50),
)  # fmt: skip
PRESETS.register(
    "tiny",
    "for tests",
    RecogniserConfig(
        width=16, hidden=32, layers=1, feed_forward=32, heads=2, epochs=10, batch=8, warmup=10,
        dropout=0.0, ema=0.9, noise=0.0, stretch=0.1, lost_hands=0.0, beam=3, learning_rate=5e-3, bf16=False,
    ),
)  # fmt: skip
