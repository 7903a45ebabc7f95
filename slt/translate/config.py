"""Options of the translator (the paper's section 5.6, and what it leaves open)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from skeletor.support.config import Config
from skeletor.support.registry import Presets
from slt.score.tokens import ABOUT, Tokens


class TranslateConfig(Config):
    """Network, training and decoding of the translator.

    The paper gives 2 layers, 64 hidden units, 256 feed-forward units, Adam at 1e-3, batches of 32, dropout
    0.1 and weight decay 1e-3; it does not give heads, beam size or frame rate. The defaults keep its sizes, but
    learn at three times its rate, with warm-up, decay and label smoothing: on the rendered corpus that needs half
    of the updates. The preset "paper" has the paper's values, and SignJoey's where the paper gives none.
    What stands beside `preset` changes it.
    """

    preset: str = Field(default="demo", description="whose values hold where none is given")
    # input
    fps: float = Field(default=25.0, gt=0, le=1000, description="frame rate that poses are brought to")
    every: int = Field(default=1, ge=1, le=8, description="N: only every N-th frame is used, as of a slow camera")
    frame_stride: int = Field(default=2, ge=1, le=8, description="N: one input frame is the mean of N frames")
    confidence: bool = Field(default=False, description="how sure the estimator was of each hand is an input")
    parts: Literal["all", "hands", "body"] = Field(
        default="all", description="what of the skeleton is an input; the wrists, places of the hands, belong to both"
    )
    depth: bool = Field(default=True, description="false: the third coordinate is set to 0, whatever the lifter gave")
    normalise: Literal["sequence", "frame"] = Field(
        default="sequence", description="frame: every frame is also scaled by its own shoulder width"
    )
    hands: Literal["joints", "bends"] = Field(
        default="joints", description="shapes of hands: their joints, or how fingers are bent and tips apart"
    )
    window: int = Field(default=5, ge=1, le=31, description="input frames that one source token sees (kernel)")
    subsample: int = Field(default=2, ge=1, le=8, description="input frames between two source tokens (stride)")
    width: int = Field(
        default=128, ge=0, le=4096, description="of a first convolution before that to `hidden`; 0 for none"
    )
    streams: bool = Field(default=False, description="body and hands are embedded apart, `width` each, then joined")
    # network
    layers: int = Field(default=2, ge=1, le=12)
    hidden: int = Field(default=64, ge=8, le=2048, multiple_of=2)
    feed_forward: int = Field(default=256, ge=8, le=16384)
    heads: int = Field(default=4, ge=1, le=64)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    norm: Literal["pre", "post"] = "pre"
    # text
    level: Literal["word", "spm", "char"] = Field(
        default="word", description="what a token is: between spaces, a piece of sentencepiece, or a character"
    )
    case: Literal["keep", "lower"] = Field(default="keep", description="lower: of sentences, references among them")
    score_tokens: Tokens = Field(default="none", description=ABOUT)
    spm_size: int = Field(default=500, ge=30, le=200_000, description="pieces, if level is spm")
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
    text_weight: float = Field(default=1.0, gt=0, description="of the text's loss, beside gloss_weight")
    gloss_weight: float = Field(default=0.0, ge=0, description="of a gloss head's CTC loss on the encoder; 0: no head")
    normalise_loss: Literal["batch", "tokens"] = Field(default="tokens", description="divisor of the loss")
    precision: Literal["float32", "bfloat16"] = Field(default="float32", description="of training's matrix products")
    clip_norm: float | None = Field(default=1.0, gt=0, description="of the gradient; null: it is not clipped")
    batch: int = Field(default=32, ge=1, le=65536)
    max_updates: int = Field(default=6000, ge=1)
    max_minutes: float = Field(default=60.0, gt=0, description="wall time; then training ends")
    validate_every: int = Field(default=300, ge=1, description="updates")
    validation_sentences: int = Field(default=200, ge=1, description="N: the first N of dev, decoded greedily")
    max_frames: int | None = Field(default=None, ge=1, description="longer clips are left out of training")
    patience: int = Field(
        default=12,
        ge=1,
        description="validations without a better BLEU-4 before training ends; plateau: before a decrease",
    )
    plateau_factor: float = Field(default=0.7, gt=0, lt=1, description="plateau: of the learning rate at a decrease")
    plateau_end: float = Field(default=1e-7, gt=0, description="plateau: training ends below this learning rate")
    keep: int = Field(default=4, ge=1, description="best checkpoints kept; their mean is used if it is better on dev")
    # augmentation (training only)
    stretch: float = Field(default=0.0, ge=0, lt=0.5, description="tempo is changed by up to this share")
    drop_frames: float = Field(default=0.0, ge=0, lt=0.9, description="share of input frames that is left out")
    noise: float = Field(default=0.0, ge=0, description="Gaussian noise on standardised features")
    drop_source: float = Field(default=0.0, ge=0, lt=1, description="share of glosses' tokens that become <unk>")
    drop_words: float = Field(default=0.0, ge=0, lt=1, description="share of the decoder's inputs that become <unk>")
    r_drop: float = Field(default=0.0, ge=0, description="weight of R-Drop's distance (twice the time); 0: off")
    # decoding
    beams: list[int] = Field(
        default=[1, 2, 3, 4, 5], min_length=1, max_length=100, description="beam sizes tried on dev"
    )
    alphas: list[float] = Field(
        default=[0.0, 0.5, 1.0, 1.5, 2.0], min_length=1, max_length=100, description="length penalties tried"
    )
    max_words: int = Field(default=40, ge=2, le=1000, description="longest output in tokens; characters need more")

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, raw: Any) -> Any:
        """Values that are not given come from the preset that is named."""
        return PRESETS.filled(raw)

    @model_validator(mode="after")
    def _fits(self) -> TranslateConfig:
        if self.hidden % self.heads:
            raise ValueError(f"hidden {self.hidden} is not a multiple of heads {self.heads}")
        if not 1 <= min(self.beams) <= max(self.beams) <= 100:
            raise ValueError("a beam size is below 1, or above 100")
        if self.streams and not self.width:
            raise ValueError("streams need a width above 0")
        if self.level != "spm" and self.sampling:
            raise ValueError("sampling needs level spm")
        if self.tie == "all" and not self.gloss_pieces:
            raise ValueError("tie: all needs gloss_pieces")
        return self


def spelt(sentence: str, case: Literal["keep", "lower"]) -> str:
    """A sentence in the case that is trained on and scored; by Unicode, whatever the language."""
    return sentence.lower() if case == "lower" else sentence


PRESETS: Presets[TranslateConfig] = Presets()
PRESETS.register("demo", "the paper's sizes, learning at three times its rate", TranslateConfig())
PRESETS.register(
    "paper",
    "the paper's values, and SignJoey's where it gives none",
    TranslateConfig(
        max_updates=100_000,
        max_minutes=24 * 60,
        schedule="plateau",
        patience=8,
        learning_rate=1e-3,
        width=0,
        label_smoothing=0.0,
        normalise_loss="batch",
        clip_norm=None,
        validate_every=100,
        validation_sentences=1000,
        max_frames=400,
        keep=1,
        max_words=30,
        beams=list(range(1, 11)),
        alphas=[-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
    ),
)
# `ctc`: gloss supervision of the encoder with weights 1:1 as in Camgoz et al. 2020 (Sign Language Transformers), hands
# and body embedded apart as in MSKA-SLT (Guan et al. 2024); sizes and dropout that suit PHOENIX14T's Gloss2Text.
PRESETS.register(
    "ctc",
    "with a head that recognises glosses; body and hands apart",
    TranslateConfig(
        streams=True,
        width=64,
        hidden=128,
        feed_forward=512,
        dropout=0.2,
        gloss_weight=1.0,
        stretch=0.1,
        learning_rate=2e-3,
        max_updates=15_000,
        max_minutes=240,
        validate_every=500,
    ),
)
PRESETS.register(
    "tiny",
    "for tests",
    TranslateConfig(
        layers=1,
        hidden=16,
        feed_forward=32,
        heads=2,
        max_updates=60,
        validate_every=20,
        warmup=10,
        beams=[1, 2],
        alphas=[0.0, 1.0],
    ),
)
