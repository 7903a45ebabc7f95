"""All refiners: pose in, repaired pose out. `none`, the smoothers, and the trained `skeletor` and `temporal-mlp`.

Each registers itself in its own module (`skeletor.support.registry` shows how); the import here makes it known.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, SerializeAsAny

from skeletor.refiners import trained  # noqa: F401  registers itself
from skeletor.refiners.base import REFINERS, STAGE, RefineOptions, Refiner
from skeletor.refiners.smoothers import kalman, simple, smooth  # noqa: F401  each registers itself

__all__ = ["REFINERS", "STAGE", "RefineConfig", "RefineOptions", "Refiner", "build_refiner", "smoother_names"]
# A config's section: which refiner, and its options.
RefineConfig = Annotated[RefineOptions, BeforeValidator(REFINERS.parse), SerializeAsAny()]


def build_refiner(options: RefineOptions) -> Refiner:
    """The refiner of its options. Raises InputError if its weights are missing or unusable."""
    return REFINERS.build(options)


def smoother_names() -> tuple[str, ...]:
    """The refiners that do something, and need no training."""
    return tuple(name for name in REFINERS.names(weighted=False) if name != "none")
