"""All 2D refiners before lifting: `none`, `gaussian` and `port`; for both hands and the body of any detector's output.

Each registers itself in its own module (`skeletor.support.registry` shows how; what is fitted to true 2D, with
`skeletor.refiners2d.weights.register_fitted`); the import here makes it known.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, SerializeAsAny

from skeletor.refiners.base import Refiner
from skeletor.refiners2d import gaussian  # noqa: F401  registers itself
from skeletor.refiners2d.base import REFINERS_2D, Fitted2D, FittedOptions, Refine2DOptions, Refiner2D
from skeletor.refiners2d.port import refiner  # noqa: F401  registers itself

__all__ = ["REFINERS_2D", "Fitted2D", "FittedOptions", "Refine2DConfig", "Refine2DOptions", "Refiner2D",
           "build_refiner_2d"]  # fmt: skip
# A config's section: which 2D refiner, and its options.
Refine2DConfig = Annotated[Refine2DOptions, BeforeValidator(REFINERS_2D.parse), SerializeAsAny()]


def build_refiner_2d(options: Refine2DOptions) -> Refiner:
    """The 2D refiner of its options. InputError if its weights are missing, unusable or another refiner's."""
    return REFINERS_2D.build(options)
