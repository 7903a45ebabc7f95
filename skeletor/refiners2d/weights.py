"""2D refiners that are fitted: where they register, and their weights in one safetensors file, with all that is needed
to use them in its header."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import Field

from skeletor.files.tensors import save_tensors
from skeletor.poses.pose import file_sha256
from skeletor.refiners.base import Refiner
from skeletor.refiners2d.base import (
    HAND_JOINTS,
    REFINERS_2D,
    Fitted2D,
    FittedOptions,
    Fitting,
    PartName,
    PartRefiner,
    Refiner2D,
)
from skeletor.support.config import Config, check_config
from skeletor.support.errors import InputError
from skeletor.support.registry import Registry

FORMAT = "skeletor-refiner-2d-1"
FITTINGS: Registry[FittedOptions, Fitting] = Registry(FittedOptions, "name", default="gaussian")
Own = TypeVar("Own", bound=FittedOptions)


def register_fitted(options: type[Own], about: str) -> Callable[[Callable[[Own], Fitting]], Callable[[Own], Fitting]]:
    """A decorator for the function that gives the `Fitting` of these options.

    It makes the refiner known to `REFINERS_2D` too; there it is built of its weights.
    """
    REFINERS_2D.register(options, about)(build_fitted)
    return FITTINGS.register(options, about)


def build_fitted(options: FittedOptions) -> Refiner:
    """The refiner of a file of weights. InputError if that is missing, unusable, or another refiner's."""
    if not options.weights:
        raise InputError(f"refine2d.name is {options.name}, but refine2d.weights is not set; give the fitted file")
    fitted = load_refiner_2d(Path(options.weights))
    if fitted.name != options.name:
        raise InputError(f"{options.weights}: weights of {fitted.name}, but the 2D refiner is to be {options.name}")
    return Refiner2D(fitted)


class _Header(Config):
    """What the values of a header must be. parts: see `Fitting.header`; the options of the refiner stand beside."""

    name: str
    parts: dict[PartName, dict[str, Any]] = Field(min_length=1)
    joints: list[str]
    data: str
    licence: str
    training: dict[str, Any]


def save_refiner_2d(
    fitted: Fitted2D, options: FittedOptions, bones: Mapping[PartName, list[tuple[int, int]]], path: Path | str
) -> None:
    """Write a fitted refiner to one safetensors file, atomically. Raises InputError if it cannot be written.

    options, bones: what it was fitted with.
    """
    fitting = FITTINGS.build(options)
    tensors: dict[str, np.ndarray] = {}
    parts: dict[str, Any] = {}
    for name, part in fitted.parts.items():
        arrays, parts[name] = fitting.pack(part, bones[name])
        tensors |= {f"{name}.{key}": value for key, value in arrays.items()}
    header = {
        "name": fitted.name,
        "parts": parts,
        "joints": fitted.joints,
        "port": {},  # earlier versions look for it in every file; those of PORT, which use it, give it below
        **options.model_dump(mode="json", include=_own(type(options))),
        "data": fitted.data,
        "licence": fitted.licence,
        "training": dict(fitted.training),
    }
    save_tensors(tensors, path, {"format": FORMAT, **{key: json.dumps(value) for key, value in header.items()}})


def load_refiner_2d(path: Path | str) -> Fitted2D:
    """Read a file written by `save_refiner_2d`. Raises InputError if it is something else or damaged."""
    from skeletor.files.weight_file import damaged, read_weights  # need torch, a config does not

    path = Path(path)
    texts, found = read_weights(path, FORMAT, "the weights of a 2D refiner", "slt run fits one")
    with damaged(path, "fit or fetch them again"):
        header = check_config({key: json.loads(texts[key]) for key in _Header.model_fields}, _Header, f"{path}: header")
        fitting = _fitting(header.name, texts, f"{path}: header")
        tensors = {name: tensor.numpy() for name, tensor in found.items()}
        sizes = {"hand": HAND_JOINTS, "body": len(header.joints)}
        parts: dict[PartName, PartRefiner] = {}
        for name, values in header.parts.items():
            about = check_config(values, fitting.header, f"{path}: header: {name}")
            own = {key.removeprefix(f"{name}."): t for key, t in tensors.items() if key.startswith(f"{name}.")}
            parts[name] = fitting.unpack(own, about, sizes[name])
        return Fitted2D(
            header.name, parts, tuple(header.joints), header.data, header.licence, header.training,
            file_sha256(path)[:12],
        )  # fmt: skip


def _fitting(name: str, texts: Mapping[str, str], where: str) -> Fitting:
    """The fitting of a refiner with the options that stand in a header."""
    own = _own(FITTINGS[name].options) if name in FITTINGS else set()
    return FITTINGS.build(FITTINGS.check({"name": name} | {key: json.loads(texts[key]) for key in own}, where))


def _own(options: type[FittedOptions]) -> set[str]:
    """The options of one refiner that not every fitted one has."""
    return set(options.model_fields) - set(FittedOptions.model_fields)
