"""Options of the table of shares: which files, which smoothers, which trained refiners."""

from __future__ import annotations

from pydantic import Field, model_validator

from experiments.people.config import SetConfig
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.registry import LiftConfig
from skeletor.refiners.registry import RefineConfig
from skeletor.refiners.smoothers.smooth import LinearOptions
from skeletor.support.config import Config


def _linear() -> dict[str, RefineConfig]:
    return {"linear": LinearOptions()}


class SharesConfig(Config):
    """smoothers: rows by name; `base` is the one whose errors are 1. refiners: name -> file of weights, each a row;
    those of the run are added. left_out: set -> row -> person -> weights that have not learned from this person; they
    stand for the row on that set.

    kept: rows whose weights are not there are kept as the results have them, if these are of today's test data.
    every: of the clips of each set, one in so many. short, long: lengths of hidden hands in frames, from and to.
    """

    sets: list[SetConfig] = Field(min_length=1)
    lift: LiftConfig = FastOptions()
    base: str = "linear"
    smoothers: dict[str, RefineConfig] = Field(default_factory=_linear, min_length=1)
    refiners: dict[str, str] = Field(default_factory=dict)
    left_out: dict[str, dict[str, dict[str, str]]] = Field(default_factory=dict)
    kept: bool = False
    every: int = Field(1, ge=1)
    short: list[int] = Field(default_factory=lambda: [1, 3], min_length=2, max_length=2)
    long: list[int] = Field(default_factory=lambda: [4, 15], min_length=2, max_length=2)
    seed: int = Field(1, ge=0)
    workers: int = Field(1, ge=1, le=256)

    @model_validator(mode="after")
    def _fits(self) -> SharesConfig:
        if self.base not in self.smoothers:
            raise ValueError(f"base: {self.base!r} is none of smoothers")
        if not all(1 <= low <= high for low, high in (self.short, self.long)):
            raise ValueError("short, long: two lengths in frames, the shorter first")
        both = [name for name in self.refiners if name in self.smoothers]
        if both or len({one.name for one in self.sets}) < len(self.sets):
            raise ValueError("two rows, or two sets, have the same name")
        return self

    @property
    def parts(self) -> dict[str, tuple[int, int] | None]:
        """Name -> lengths of hidden hands; None: whole frames."""
        hands = {f"hand hidden {low}-{high}": (low, high) for low, high in (self.short, self.long)}
        return {**hands, "frames hidden": None}
