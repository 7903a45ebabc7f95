"""Options of PORT; apart from the network so that a config can be read without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from skeletor.support.config import Config

Learn = Literal["masked", "errors"]


class PortConfig(Config):
    """Shape and training of PORT. The defaults are the small network that corrects the Gaussian estimate.

    learn: see `skeletor.refiners2d.port.model`. identity, zeroed, powers, width, inner, heads, layers, dropout: see
    `skeletor.refiners2d.port.network.Port`. masked: share of joints that `masked` hides. exchange: share of poses that
    get the error of another pose, of `errors`. steps of batch poses each; learning_rate after warmup_steps, then a
    cosine to 0.
    """

    learn: Learn = "errors"
    identity: bool = True
    zeroed: bool = True
    powers: list[int] = Field(default_factory=lambda: [1, 2], min_length=1, max_length=16)
    width: int = Field(default=32, ge=4, le=1024)
    inner: int = Field(default=64, ge=4, le=4096)
    heads: int = Field(default=4, ge=1, le=64)
    layers: int = Field(default=2, ge=1, le=32)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    masked: float = Field(default=0.4, gt=0, lt=1)
    exchange: float = Field(default=0.7, ge=0, le=1)
    steps: int = Field(default=300, ge=1, le=10_000_000)
    batch: int = Field(default=128, ge=1, le=65536)
    learning_rate: float = Field(default=2e-3, gt=0, le=1)
    warmup_steps: int = Field(default=30, ge=0)
    weight_decay: float = Field(default=0.01, ge=0, le=1)
    gradient_clip: float = Field(default=1.0, gt=0)
