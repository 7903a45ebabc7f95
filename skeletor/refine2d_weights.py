"""Weights of a 2D refiner in one safetensors file, with all that is needed to use them in its header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from skeletor.errors import InputError
from skeletor.port_config import PortConfig
from skeletor.port_model import PortModel
from skeletor.port_training import build_port
from skeletor.pose import file_sha256
from skeletor.pose_prior import GaussianPrior
from skeletor.refine2d import Fitted2D, PartName, PartRefiner
from skeletor.tensors import read_tensors, save_tensors

FORMAT = "skeletor-refiner-2d-1"


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
    header, tensors = read_tensors(path, FORMAT, "the weights of a 2D refiner", "slt run fits one", "np")
    try:
        values = {key: json.loads(text) for key, text in header.items() if key != "format"}
        config = PortConfig.model_validate(values.pop("port"))
        parts: dict[PartName, PartRefiner] = {
            name: _part_from(values["name"], name, about, tensors, config)
            for name, about in values.pop("parts").items()
        }
        fitted = Fitted2D(parts=parts, joints=tuple(values.pop("joints")), **values)
    except (KeyError, TypeError, ValueError, RuntimeError, ValidationError) as error:
        line = " ".join(str(error).split())
        raise InputError(f"{path}: weights and header do not fit ({line}); fit or fetch them again") from error
    return replace(fitted, digest=file_sha256(path)[:12])


def _part_from(
    kind: str, name: str, about: Mapping[str, Any], tensors: Mapping[str, np.ndarray], config: PortConfig
) -> PartRefiner:
    """The refiner of one part; ValueError, KeyError or RuntimeError if something does not fit."""
    low, high = about["confidences"]
    count = len(tensors[f"{name}.prior.mean"])
    prior = GaussianPrior(
        tensors[f"{name}.prior.mean"],
        tensors[f"{name}.prior.covariance"],
        tensors[f"{name}.prior.noise"],
        (float(low), float(high)),
        float(about["noise_scale"]),
        bool(about["rotate"]),
        tensors.get(f"{name}.prior.correction"),
    )
    if prior.mean.shape != (count, 2) or prior.covariance.shape != (2 * count, 2 * count) or prior.noise.shape != (3,):
        raise ValueError(f"prior of {name} has the wrong shape")
    if kind == "gaussian":
        return prior
    if kind != "port":
        raise ValueError(f"unknown 2D refiner {kind!r}")
    net = build_port(config, count, [(int(a), int(b)) for a, b in about["bones"]])
    prefix = f"{name}.net."
    net.load_state_dict(
        {k.removeprefix(prefix): torch.from_numpy(v) for k, v in tensors.items() if k.startswith(prefix)}
    )
    return PortModel(net.eval(), prior, config.learn, float(about["threshold"]), float(about["share"]))
