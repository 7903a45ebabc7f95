"""All lifters, from 2D to 3D joints: a trained network (`learned`; which kind stands in its weights), Zelinka's inverse
kinematics (`reference`), a batched, faster and better way to do these (`fast`), or no depth at all (`flat`).

Each registers itself in its own module (`skeletor.support.registry` shows how); the import here makes it known.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, SerializeAsAny

from skeletor.lifters import fast_lifter, flat_lifter, reference_lifter  # noqa: F401  each registers itself
from skeletor.lifters.base import LIFTERS, LeavesAbsent, Lifter, LiftOptions
from skeletor.lifters.learned_lifter import SHIPPED, LearnedOptions
from skeletor.support.registry import given_weights

__all__ = ["LIFTERS", "SHIPPED", "LiftConfig", "LiftOptions", "Lifter", "build_lifter", "lift_weights"]
# A config's section: which lifter, and its options.
LiftConfig = Annotated[LiftOptions, BeforeValidator(LIFTERS.parse), SerializeAsAny()]


def build_lifter(options: LiftOptions) -> Lifter:
    """The lifter of its options. Raises InputError if its weights cannot be used."""
    lifter = LIFTERS.build(options)
    return LeavesAbsent(lifter) if options.absent == "missing" else lifter


def lift_weights(options: LiftOptions) -> Path | None:
    """The file of weights that a lifter works with, or None if it needs none."""
    weights = given_weights(options)
    if weights is None:
        return SHIPPED if isinstance(options, LearnedOptions) else None
    return Path(weights)
