"""How long a training lasts, and its learning rate on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["constant", "cosine", "exponential"]


@dataclass(frozen=True)
class Budget:
    """A training ends after `steps` steps or `minutes` minutes of wall time (None: any), whichever comes first."""

    steps: int
    minutes: float | None = None

    def spent(self, step: int, seconds: float) -> float:
        """Share that is used up, 0 to 1, of steps or of time, whichever is further spent."""
        clock = seconds / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(step / self.steps, clock))


@dataclass(frozen=True)
class Schedule:
    """The learning rate: `learning_rate`, times a linear warm-up over `warmup_steps`, times what `kind` says.

    constant: 1. cosine: from 1 to 0 as half a cosine (Loshchilov and Hutter 2017, equation 5, without restarts) over
    the budget or, `after_warmup`, over the steps that follow the warm-up. exponential: `decay` to the power of how many
    times `decay_every` steps are done.
    """

    kind: Kind
    learning_rate: float
    warmup_steps: int = 0
    after_warmup: bool = False
    decay: float = 1.0
    decay_every: int = 1

    def rate(self, step: int, seconds: float, budget: Budget) -> float:
        """The learning rate of step number `step`, the first of which is 0, `seconds` after the training began."""
        warm = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        share = 1.0
        if self.kind == "cosine":
            share = 0.5 * (1 + math.cos(math.pi * self._done(step, seconds, budget)))
        elif self.kind == "exponential":
            share = self.decay ** (step // self.decay_every)
        return self.learning_rate * warm * share

    def _done(self, step: int, seconds: float, budget: Budget) -> float:
        """How far the cosine is, 0 to 1."""
        if not self.after_warmup:
            return budget.spent(step, seconds)
        return min(1.0, max(0, step - self.warmup_steps) / max(1, budget.steps - self.warmup_steps))
