"""Refiners: pose in, repaired pose out. `none`, the smoothers, and the trained `skeletor` and `temporal-mlp`.

A new refiner is one class with `name`, `version`, `__call__` and `many`, its name in `RefinerName`, and one line
in `build_refiner`. A new smoother is one function of a pose, its name, and one line in `_smoother`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field

from skeletor.poses.pose import PoseSequence
from skeletor.refiners.base import STAGE, FunctionRefiner, Refiner
from skeletor.support.config import Config
from skeletor.support.errors import InputError

__all__ = [
    "NETWORKS",
    "REFINERS",
    "SMOOTHERS",
    "STAGE",
    "RefineConfig",
    "Refiner",
    "RefinerName",
    "build_refiner",
]
RefinerName = Literal[
    "none", "zero", "hold", "linear", "cubic", "savgol", "gaussian", "one-euro", "kalman", "temporal-mlp", "skeletor"
]
REFINERS: tuple[RefinerName, ...] = get_args(RefinerName)
NETWORKS: tuple[RefinerName, ...] = ("temporal-mlp", "skeletor")  # those that need the weights of a training
SMOOTHERS: tuple[RefinerName, ...] = tuple(name for name in REFINERS if name not in ("none", *NETWORKS))


class RefineConfig(Config):
    """Which refiner, and its options.

    weights: file of a trained refiner, for `skeletor` and `temporal-mlp`. minimum_confidence: joints below it
    are replaced by the smoothers (networks have their own, from their training). window, order: of `savgol`.
    sigma: of `gaussian`, in frames. min_cutoff (Hz), beta (Hz per unit per second): of `one-euro`. motion,
    process_noise, measurement_noise: of `kalman`, see there. carried: smoothers treat hands as seen from wrists.
    radius, stride: of the averaging of networks (see `SkeletorRefiner`); None takes the default.
    horizon: frames of the future that fill a gap for them. certain, bound: networks move joints of at least this
    confidence by at most this many shoulder widths (None: without limit). batch: windows at a time.
    device: as of `skeletor.support.devices.resolve_device`.
    """

    name: RefinerName = "skeletor"
    weights: str | None = None
    minimum_confidence: float = Field(default=0.3, ge=0, lt=1)
    window: int = Field(default=5, ge=3, le=101)
    order: int = Field(default=2, ge=1, le=10)
    sigma: float = Field(default=0.8, ge=0.1, le=50)
    min_cutoff: float = Field(default=6.0, gt=0, le=1000)
    beta: float = Field(default=8.0, ge=0, le=1000)
    motion: Literal["velocity", "acceleration"] = "velocity"
    process_noise: float | None = Field(default=None, gt=0, le=1e6)
    measurement_noise: float = Field(default=0.02, gt=0, le=1e3)
    carried: bool = False
    radius: int | None = Field(default=None, ge=0, le=512)
    stride: int | None = Field(default=None, ge=1, le=1024)
    horizon: int = Field(default=16, ge=1, le=1_000_000)
    certain: float | None = Field(default=None, gt=0, le=1)
    bound: float = Field(default=0.05, ge=0, le=10)
    batch: int = Field(default=64, ge=1, le=65536)
    device: str = "auto"


def build_refiner(config: RefineConfig) -> Refiner:
    """The refiner that a config names. Raises InputError if its weights are missing or unusable."""
    if config.name == "none":
        return FunctionRefiner("none", "1", lambda pose: pose, {})
    if config.name in NETWORKS:
        from skeletor.refiners.trust import Trust
        from skeletor.refiners.weights import load_refiner
        from skeletor.refiners.windowed import SkeletorRefiner
        from skeletor.support.devices import resolve_device

        if not config.weights:
            raise InputError(
                f"refine.name is {config.name}, but refine.weights is not set; give the trained weights' file"
            )
        refiner = SkeletorRefiner(
            load_refiner(Path(config.weights), resolve_device(config.device)),
            radius=config.radius,
            stride=config.stride,
            batch=config.batch,
            horizon=config.horizon,
            trust=Trust(config.certain, config.bound) if config.certain is not None else None,
        )
        if refiner.name != config.name:
            raise InputError(f"{config.weights}: weights of {refiner.name}, but the refiner is to be {config.name}")
        return refiner
    return _smoother(config)


def _smoother(config: RefineConfig) -> FunctionRefiner:
    """A refiner without weights."""
    from skeletor.refiners import kalman, smooth, smoothers

    functions: dict[RefinerName, tuple[Callable[..., PoseSequence], tuple[str, ...]]] = {
        "zero": (smoothers.zero, ()),
        "hold": (smoothers.hold, ()),
        "linear": (smooth.linear, ()),
        "cubic": (smoothers.cubic, ()),
        "savgol": (smooth.savgol, ("window", "order")),
        "gaussian": (smoothers.gaussian, ("sigma",)),
        "one-euro": (smoothers.one_euro, ("min_cutoff", "beta")),
        "kalman": (kalman.kalman, ("motion", "process_noise", "measurement_noise")),
    }
    function, names = functions[config.name]
    options = {name: getattr(config, name) for name in ("minimum_confidence", *names)}
    smoother = partial(function, **options)
    if config.carried:
        smoother = partial(smooth.carried, smoother=smoother, sure=config.minimum_confidence)
        options["carried"] = True
    version = "2" if config.name in ("linear", "savgol") else "1"  # 2: never-sure joints are filled from what there is
    return FunctionRefiner(config.name, version, smoother, options)
