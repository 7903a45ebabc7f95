"""Weights of a 2D refiner in one safetensors file, with all that is needed to use them in its header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field

from skeletor.files.tensors import save_tensors
from skeletor.files.weight_file import check_fit, damaged, read_weights
from skeletor.poses.pose import file_sha256
from skeletor.refiners2d.gaussian import GaussianPrior
from skeletor.refiners2d.port import PortModel, build_port
from skeletor.refiners2d.port_config import PortConfig
from skeletor.refiners2d.registry import HAND_JOINTS, Fitted2D, PartName, PartRefiner, Refine2DName
from skeletor.support.config import Config, check_config

FORMAT = "skeletor-refiner-2d-1"


class _Part(Config):
    """What a header says of one part."""

    noise_scale: float = Field(gt=0, le=1000)
    confidences: list[float] = Field(min_length=2, max_length=2)
    rotate: bool
    threshold: float = Field(default=0.0, ge=0, le=1)
    share: float = Field(default=1.0, ge=0, le=1)
    bones: list[list[int]] = Field(default=[], max_length=10_000)


class _Header(Config):
    """What the values of a header must be."""

    name: Refine2DName
    parts: dict[PartName, _Part] = Field(min_length=1)
    joints: list[str]
    port: PortConfig
    data: str
    licence: str
    training: dict[str, Any]


def save_refiner_2d(
    fitted: Fitted2D, config: PortConfig, bones: Mapping[PartName, list[tuple[int, int]]], path: Path | str
) -> None:
    """Write a fitted refiner atomically. config, bones: what its networks, if any, were built with."""
    tensors: dict[str, np.ndarray] = {}
    parts: dict[str, Any] = {}
    for name, part in fitted.parts.items():
        if isinstance(part, PortModel):
            prior = part.prior
            tensors |= {f"{name}.net.{key}": value.numpy() for key, value in part.net.state_dict().items()}
            parts[name] = {"threshold": part.threshold, "share": part.share, "bones": bones[name]}
        else:
            assert isinstance(part, GaussianPrior)
            prior = part
            parts[name] = {}
        assert prior is not None
        arrays = {key: getattr(prior, key) for key in ("mean", "covariance", "noise", "correction")}
        tensors |= {f"{name}.prior.{key}": value for key, value in arrays.items() if value is not None}
        parts[name] |= {
            "noise_scale": prior.noise_scale,
            "confidences": list(prior.confidences),
            "rotate": prior.rotate,
        }
    header = {
        "name": fitted.name,
        "parts": parts,
        "joints": fitted.joints,
        "port": config.model_dump(mode="json"),
        "data": fitted.data,
        "licence": fitted.licence,
        "training": dict(fitted.training),
    }
    save_tensors(tensors, path, {"format": FORMAT, **{key: json.dumps(value) for key, value in header.items()}})


def load_refiner_2d(path: Path | str) -> Fitted2D:
    """Read a file written by `save_refiner_2d`. Raises InputError if it is something else or damaged."""
    path = Path(path)
    texts, found = read_weights(path, FORMAT, "the weights of a 2D refiner", "slt run fits one")
    with damaged(path, "fit or fetch them again"):
        values = {name: json.loads(texts[name]) for name in _Header.model_fields}
        header = check_config(values, _Header, f"{path}: header")
        tensors = {name: tensor.numpy() for name, tensor in found.items()}
        sizes = {"hand": HAND_JOINTS, "body": len(header.joints)}
        parts: dict[PartName, PartRefiner] = {
            name: _part_from(header, name, sizes[name], tensors) for name in header.parts
        }
        return Fitted2D(
            header.name, parts, tuple(header.joints), header.data, header.licence, header.training,
            file_sha256(path)[:12],
        )  # fmt: skip


def _part_from(header: _Header, name: PartName, count: int, tensors: Mapping[str, np.ndarray]) -> PartRefiner:
    """The refiner of one part of `count` joints; ValueError, KeyError or RuntimeError if something does not fit."""
    about = header.parts[name]
    low, high = about.confidences
    prior = GaussianPrior(
        tensors[f"{name}.prior.mean"],
        tensors[f"{name}.prior.covariance"],
        tensors[f"{name}.prior.noise"],
        (float(low), float(high)),
        float(about.noise_scale),
        about.rotate,
        tensors.get(f"{name}.prior.correction"),
    )
    _check_prior(prior, name, count)
    if header.name == "gaussian":
        return prior
    if header.name != "port":
        raise ValueError(f"unknown 2D refiner {header.name!r}")
    if any(len(bone) != 2 or not 0 <= min(bone) <= max(bone) < count for bone in about.bones):
        raise ValueError(f"bones of {name} that are no pairs of joints")
    bones = [(a, b) for a, b in about.bones]
    prefix, config = f"{name}.net.", header.port
    own = {k.removeprefix(prefix): torch.from_numpy(v) for k, v in tensors.items() if k.startswith(prefix)}
    check_fit(lambda: build_port(config, count, bones), own)
    net = build_port(config, count, bones)
    net.load_state_dict(own)
    return PortModel(net.eval(), prior, config.learn, float(about.threshold), float(about.share))


def _check_prior(prior: GaussianPrior, name: str, count: int) -> None:
    """ValueError unless a prior is one of `count` joints whose covariance is a covariance."""
    size = 2 * count
    right = prior.mean.shape == (count, 2) and prior.covariance.shape == (size, size) and prior.noise.shape == (3,)
    if not right or (prior.correction is not None and prior.correction.shape != (size + 1, size)):
        raise ValueError(f"prior of {name} has the wrong shape")
    arrays = [prior.mean, prior.covariance, prior.noise, *([] if prior.correction is None else [prior.correction])]
    if any(not np.issubdtype(array.dtype, np.floating) for array in arrays):
        raise ValueError(f"prior of {name} holds no real numbers")
    values = np.linalg.eigvalsh(prior.covariance)
    even = np.allclose(prior.covariance, prior.covariance.T, rtol=1e-3, atol=1e-6 * abs(values).max())
    if not even or values[0] < -1e-3 * values[-1]:
        raise ValueError(f"covariance of {name} is none")
