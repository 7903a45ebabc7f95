"""Weights of a refiner in one safetensors file, with all that is needed to use them in its header."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field

from skeletor.files.tensors import save_tensors
from skeletor.files.weight_file import check_fit, damaged, read_weights
from skeletor.io.native import skeleton_from_json, skeleton_to_json
from skeletor.poses.pose import file_sha256
from skeletor.poses.skeleton import SKELETONS, Skeleton
from skeletor.refiners.fill import Fill
from skeletor.refiners.networks.build import Network, build_network, checked_arguments
from skeletor.support.config import Config, check_config

FORMAT = "skeletor-refiner-1"
_ADVICE = "train or fetch them again"


class _Header(Config):
    """What the plain values of a header must be."""

    preset: str
    model: dict[str, Any]
    fill: Fill
    minimum_confidence: float = Field(ge=0, lt=1)
    fps: float = Field(gt=0, le=1000)
    units: Literal["pixel", "shoulder", "metre", "unknown"]
    data: str
    licence: str
    config: dict[str, Any]
    training: dict[str, Any]


@dataclass(frozen=True)
class RefinerInfo:
    """What a refiner was made for and from.

    model: the arguments of `build_network`. fill: how gaps enter the network ("zero", "linear" or
    "carried"). minimum_confidence: joints below are taken as missing. fps, units, skeleton: of the training
    clips. data, licence: of the training clips, in words. training: figures of the run.
    """

    preset: str
    model: Mapping[str, Any]
    fill: Fill
    minimum_confidence: float
    skeleton: Skeleton
    fps: float
    units: str
    data: str = ""
    licence: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadedRefiner:
    """A network ready for use, and what its file says about it. digest: SHA-256 of the file, 12 digits."""

    model: Network
    info: RefinerInfo
    digest: str = ""


def save_refiner(model: Network, info: RefinerInfo, path: Path | str) -> None:
    """Write weights and metadata atomically."""
    header = {f.name: json.dumps(getattr(info, f.name)) for f in dataclasses.fields(info) if f.name != "skeleton"}
    header["skeleton"] = skeleton_to_json(info.skeleton)
    tensors = {name: tensor.detach().cpu().numpy() for name, tensor in model.state_dict().items()}
    save_tensors(tensors, path, {"format": FORMAT, **header})


def load_refiner(path: Path | str, device: str | torch.device = "cpu") -> LoadedRefiner:
    """Read a file written by `save_refiner`. Raises InputError if it is something else or damaged."""
    path = Path(path)
    header, tensors = read_weights(path, FORMAT, "the weights of a refiner", "skeletor train makes them")
    with damaged(path, _ADVICE):
        values = {name: json.loads(header[name]) for name in _Header.model_fields}
        check_config(values, _Header, f"{path}: header")
        skeleton = _skeleton(header["skeleton"])
        model = checked_arguments(values["model"], len(skeleton), f"{path}: header: model")
        info = RefinerInfo(**{**values, "model": model}, skeleton=skeleton)
        check_fit(lambda: build_network(model), tensors)
        network = build_network(model)
        network.load_state_dict(tensors)
    return LoadedRefiner(network.eval().to(device), info, file_sha256(path)[:12])


def _skeleton(text: str) -> Skeleton:
    skeleton = skeleton_from_json(text)
    return SKELETONS[skeleton.name] if SKELETONS.get(skeleton.name) == skeleton else skeleton
