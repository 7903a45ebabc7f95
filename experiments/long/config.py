"""Options of the experiment on long takes, and of the training of the network that finds sentences in them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from experiments.long.people import PeopleConfig
from skeletor.support.config import Config
from slt.segment.network import SHIPPED

JoinKind = Literal["run-on", "touch", "pause", "idle", "gesture"]


class TakeConfig(Config):
    """How clips of one signer are put together to a take.

    run_on, touch, pause, idle, gesture: how often, relative to each other, two sentences are joined thus: hands stay
    up; they come down and go up again at once; a rest; the signer waits and fidgets; does something else with the
    hands. pause_s, idle_s: shortest and longest, in seconds. gestures: most of them in a row. cut: share of the joints
    that are cuts; the others are smooth, over `smooth_s` seconds.
    """

    run_on: float = Field(0.15, ge=0)
    touch: float = Field(0.15, ge=0)
    pause: float = Field(0.3, ge=0)
    idle: float = Field(0.2, ge=0)
    gesture: float = Field(0.2, ge=0)
    pause_s: list[float] = Field(default_factory=lambda: [0.4, 2.5], min_length=2, max_length=2)
    idle_s: list[float] = Field(default_factory=lambda: [3.0, 12.0], min_length=2, max_length=2)
    gestures: int = Field(3, ge=1, le=20)
    cut: float = Field(0.3, ge=0, le=1)
    smooth_s: list[float] = Field(default_factory=lambda: [0.16, 0.4], min_length=2, max_length=2)

    @property
    def kinds(self) -> dict[JoinKind, float]:
        """Share of each kind of join, 0 to 1."""
        found: dict[JoinKind, float] = {"run-on": self.run_on, "touch": self.touch, "pause": self.pause,
                                        "idle": self.idle, "gesture": self.gesture}  # fmt: skip
        total = sum(found.values())
        return {kind: weight / total for kind, weight in found.items()}

    @model_validator(mode="after")
    def _fits(self) -> TakeConfig:
        if not self.run_on + self.touch + self.pause + self.idle + self.gesture > 0:
            raise ValueError("no kind of join has a share above 0")
        return self


class LongConfig(Config):
    """takes: how test clips are joined. clips: of each signer, at most. signers: at most. fit_clips: training clips of
    each signer, that the rule is fitted to. weights: of the network. tolerance: seconds between a true boundary and one
    that counts as found. people: recordings of real people, who sign or do not. read: whether the segments are
    translated, too, which takes most of the time.
    """

    takes: TakeConfig = Field(default_factory=TakeConfig)
    clips: int = Field(40, ge=2)
    signers: int = Field(10, ge=1)
    fit_clips: int = Field(16, ge=2)
    weights: str = str(SHIPPED)
    read: bool = True
    people: list[PeopleConfig] = Field(default_factory=list)
    tolerance: float = Field(0.2, gt=0)
    seed: int = Field(1, ge=0)
