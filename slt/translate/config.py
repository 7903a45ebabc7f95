"""Options of the translator (the paper's section 5.6, and what it leaves open)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from skeletor.config import Config


class TranslateConfig(Config):
    """Network, training and decoding of the translator.

    The paper gives 2 layers, 64 hidden units, 256 feed-forward units, Adam at 1e-3, batches of 32, dropout
    0.1 and weight decay 1e-3; it does not give heads, beam size or frame rate. The defaults keep its sizes, but
    learn at three times its rate, with warm-up, decay and label smoothing: on the rendered corpus that needs half
    of the updates. The preset "paper" has the paper's values.
    """

    # input
    fps: float = Field(default=25.0, gt=0, description="frame rate that poses are brought to")
    frame_stride: int = Field(default=2, ge=1, le=8, description="means of so many frames are one input frame")
    confidence: bool = Field(default=False, description="how sure the estimator was of each hand is an input")
    window: int = Field(default=5, ge=1, le=31, description="input frames that one source token sees (kernel)")
    subsample: int = Field(default=2, ge=1, le=8, description="input frames between two source tokens (stride)")
    width: int = Field(default=128, ge=0, description="of a first convolution before that to `hidden`; 0 for none")
    # network
    layers: int = Field(default=2, ge=1, le=12)
    hidden: int = Field(default=64, ge=8, le=2048, multiple_of=2)
    feed_forward: int = Field(default=256, ge=8)
    heads: int = Field(default=4, ge=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    norm: Literal["pre", "post"] = "pre"
    # text
    level: Literal["word", "spm"] = "word"
    spm_size: int = Field(default=500, ge=30, description="pieces, if level is spm")
    minimum_count: int = Field(default=1, ge=1, description="rarer words become <unk>")
    sampling: float = Field(default=0.0, ge=0, description="words are cut anew, with probability to this power; 0: off")
    gloss_pieces: bool = Field(default=False, description="Gloss2Text: glosses share the text's tokens")
    tie: Literal["none", "output", "all"] = Field(
        default="none", description="which layers share the target embedding's weights; all needs gloss_pieces"
    )
    # training
    learning_rate: float = Field(default=3e-3, gt=0)
    warmup: int = Field(default=200, ge=0, description="updates until the full learning rate")
    schedule: Literal["linear", "plateau", "constant"] = "linear"
    weight_decay: float = Field(default=1e-3, ge=0)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    normalise_loss: Literal["batch", "tokens"] = Field(default="tokens", description="divisor of the loss")
    precision: Literal["float32", "bfloat16"] = Field(default="float32", description="of training's matrix products")
    clip_norm: float = Field(default=1.0, gt=0)
    batch: int = Field(default=32, ge=1)
    max_updates: int = Field(default=6000, ge=1)
    max_minutes: float = Field(default=60.0, gt=0, description="wall time; then training ends")
    validate_every: int = Field(default=300, ge=1, description="updates")
    validation_sentences: int = Field(default=200, ge=1, description="of dev, the first so many, decoded greedily")
    patience: int = Field(default=12, ge=1, description="validations without a better BLEU-4 before training ends")
    keep: int = Field(default=4, ge=1, description="best checkpoints kept; their mean is used if it is better on dev")
    # augmentation (training only)
    stretch: float = Field(default=0.0, ge=0, lt=0.5, description="tempo is changed by up to this share")
    drop_frames: float = Field(default=0.0, ge=0, lt=0.9, description="share of input frames that is left out")
    noise: float = Field(default=0.0, ge=0, description="Gaussian noise on standardised features")
    drop_source: float = Field(default=0.0, ge=0, lt=1, description="share of glosses' tokens that become <unk>")
    drop_words: float = Field(default=0.0, ge=0, lt=1, description="share of the decoder's inputs that become <unk>")
    r_drop: float = Field(default=0.0, ge=0, description="weight of R-Drop's distance (twice the time); 0: off")
    # decoding
    beams: list[int] = Field(default=[1, 2, 3, 4, 5], min_length=1, description="beam sizes tried on dev")
    alphas: list[float] = Field(default=[0.0, 0.5, 1.0, 1.5, 2.0], min_length=1, description="length penalties tried")
    max_words: int = Field(default=40, ge=2, description="longest output in tokens")

    @model_validator(mode="after")
    def _fits(self) -> TranslateConfig:
        if self.hidden % self.heads:
            raise ValueError(f"hidden {self.hidden} is not a multiple of heads {self.heads}")
        if min(self.beams) < 1:
            raise ValueError("a beam size is below 1")
        if self.level == "word" and self.sampling:
            raise ValueError("sampling needs level spm")
        if self.tie == "all" and not self.gloss_pieces:
            raise ValueError("tie: all needs gloss_pieces")
        return self


PRESETS: dict[str, TranslateConfig] = {
    "demo": TranslateConfig(),
    "paper": TranslateConfig(
        max_updates=100_000,
        max_minutes=24 * 60,
        schedule="plateau",
        learning_rate=1e-3,
        width=0,
        label_smoothing=0.0,
        validation_sentences=1000,
        beams=list(range(1, 11)),
        alphas=[-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
    ),
    "tiny": TranslateConfig(
        layers=1, hidden=16, feed_forward=32, heads=2, max_updates=60, validate_every=20, warmup=10, beams=[1, 2],
        alphas=[0.0, 1.0],
    ),
}  # fmt: skip
