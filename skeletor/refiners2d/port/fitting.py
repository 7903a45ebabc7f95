"""How PORT is fitted to a part of the body, and how it is written and read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pydantic import Field

from skeletor.files.weight_file import check_fit
from skeletor.refiners2d.base import PartPoses
from skeletor.refiners2d.gaussian import FOLDS, PriorHeader, choose_for, fit_gaussian, pack_prior, unpack_prior
from skeletor.refiners2d.port.config import PortConfig
from skeletor.refiners2d.port.model import PortModel, build_port, choose_port
from skeletor.refiners2d.port.training import train_port


class PortHeader(PriorHeader):
    """What a file of weights says of a network and its prior, beside their tensors."""

    threshold: float = Field(default=0.0, ge=0, le=1)
    share: float = Field(default=1.0, ge=0, le=1)
    bones: list[list[int]] = Field(default=[], max_length=10_000)


class PortFitting:
    """A `PortModel` a part. config: of the networks and their training."""

    header = PortHeader

    def __init__(self, config: PortConfig) -> None:
        self._config = config

    def fit(self, poses: PartPoses, seed: int) -> tuple[PortModel, dict[str, Any]]:
        """See `skeletor.refiners2d.base.Fitting`; a quarter of the clips is held out for the choice of threshold and
        share."""
        scale, penalty, about = choose_for(poses)
        true, seen, sure = poses.truth, poses.detected, poses.confidence
        held = poses.clip % FOLDS == 0
        rest = ~held
        prior = fit_gaussian(true[rest], seen[rest], sure[rest], scale, penalty, not poses.upright)
        net = train_port(true[rest], seen[rest], sure[rest], poses.bones, self._config, seed, prior)
        model, left = choose_port(PortModel(net, prior, self._config.learn), true[held], seen[held], sure[held])
        return model, {**about, "held_out": left, "threshold": model.threshold, "share": model.share}

    def pack(self, part: PortModel, bones: list[tuple[int, int]]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """See `skeletor.refiners2d.base.Fitting`."""
        assert part.prior is not None
        tensors, header = pack_prior(part.prior)
        net = {f"net.{key}": value.numpy() for key, value in part.net.state_dict().items()}
        return net | tensors, {"threshold": part.threshold, "share": part.share, "bones": bones} | header

    def unpack(self, tensors: Mapping[str, np.ndarray], header: PortHeader, joints: int) -> PortModel:
        """See `skeletor.refiners2d.base.Fitting`."""
        prior = unpack_prior(tensors, header, joints)
        if any(len(bone) != 2 or not 0 <= min(bone) <= max(bone) < joints for bone in header.bones):
            raise ValueError("bones that are no pairs of joints")
        bones = [(a, b) for a, b in header.bones]
        own = {key.removeprefix("net."): torch.from_numpy(v) for key, v in tensors.items() if key.startswith("net.")}
        check_fit(lambda: build_port(self._config, joints, bones), own)
        net = build_port(self._config, joints, bones)
        net.load_state_dict(own)
        return PortModel(net.eval(), prior, self._config.learn, float(header.threshold), float(header.share))
