"""Options of the training of the refiner that comes with the package."""

from __future__ import annotations

from pydantic import Field

from experiments.people.config import SetConfig
from skeletor.lifters.fast_lifter import FastOptions
from skeletor.lifters.registry import LiftConfig
from skeletor.refiners.trained import SHIPPED
from skeletor.support.config import Config


class HarmlessExperiment(Config):
    """recordings, wheel: what is learned from; the wheel is spoken-to-signed's, with its files of poses.

    steps: of the training on all of it. left_out: person of `recordings` -> folder of weights that have not learned
    from this person, nor from every `held_out`-th language of the wheel; they take `left_out_steps`. every: of the
    clips that are left out, one in so many is judged. holed: so often each clip is learned from with a hand hidden for
    a few frames, for longer, and with all joints hidden, too, before it is lifted. weights: where the weights go; their
    noise goes beside them.
    """

    recordings: SetConfig
    wheel: str
    lift: LiftConfig = FastOptions()
    steps: int = Field(1500, ge=1)
    left_out: dict[str, str] = Field(default_factory=dict)
    left_out_steps: int = Field(700, ge=1)
    held_out: int = Field(4, ge=2)
    every: int = Field(4, ge=1)
    holed: int = Field(2, ge=0)
    batch_size: int = Field(16, ge=1)
    seed: int = Field(0, ge=0)
    weights: str = str(SHIPPED)
