"""The trained refiners, `skeletor` and `temporal-mlp`: their options. `skeletor.refiners.inference` runs both; it needs
torch, which a config does not."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from skeletor.refiners.base import REFINERS, RefineOptions, Refiner
from skeletor.support.errors import InputError

# Trained on real people whom an estimator saw; see docs/skeletor.md, and the file's header.
SHIPPED = Path(__file__).parent / "shipped" / "harmless.safetensors"
# What MediaPipe did to the clips that it learned from, as `skeletor fit-noise` measures it.
SHIPPED_NOISE = SHIPPED.with_name("mediapipe_noise.json")


class TrainedOptions(RefineOptions):
    """Options of the trained refiners.

    weights: file of the training. radius, stride: of the averaging (see `SkeletorRefiner`); None takes the default.
    horizon: frames of the future that fill a gap. certain, bound: joints of at least this confidence are moved by at
    most this many shoulder widths (None: without limit). batch: windows at a time (None: what is fast on the
    device). device: as of `skeletor.support.devices.resolve_device`.
    """

    weights: str | None = None
    radius: int | None = Field(default=None, ge=0, le=512)
    stride: int | None = Field(default=None, ge=1, le=1024)
    horizon: int = Field(default=16, ge=1, le=1_000_000)
    certain: float | None = Field(default=None, gt=0, le=1)
    bound: float = Field(default=0.05, ge=0, le=10)
    batch: int | None = Field(default=None, ge=1, le=65536, json_schema_extra={"earlier": [64]})
    device: str = "auto"


class TemporalMlpOptions(TrainedOptions):
    """Options of `temporal-mlp`, a SmoothNet-style MLP."""

    name: Literal["temporal-mlp"] = "temporal-mlp"


class SkeletorOptions(TrainedOptions):
    """Options of `skeletor`, the paper's network."""

    name: Literal["skeletor"] = "skeletor"


def build_trained(options: TrainedOptions) -> Refiner:
    """The refiner of a file of weights. InputError if that is missing, unusable, or another refiner's."""
    from skeletor.refiners.inference.trust import Trust
    from skeletor.refiners.inference.windowed import SkeletorRefiner
    from skeletor.refiners.weights import load_refiner
    from skeletor.support.devices import resolve_device

    if not options.weights:
        raise InputError(
            f"refine.name is {options.name}, but refine.weights is not set; give the trained weights' file"
        )
    refiner = SkeletorRefiner(
        load_refiner(Path(options.weights), resolve_device(options.device)),
        radius=options.radius,
        stride=options.stride,
        batch=options.batch,
        horizon=options.horizon,
        trust=Trust(options.certain, options.bound) if options.certain is not None else None,
    )
    if refiner.name != options.name:
        raise InputError(f"{options.weights}: weights of {refiner.name}, but the refiner is to be {options.name}")
    return refiner


REFINERS.register(TemporalMlpOptions, "temporal MLP (SmoothNet)")(build_trained)
REFINERS.register(SkeletorOptions, "Skeletor")(build_trained)
