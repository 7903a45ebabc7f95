"""Weights of a learned lifter in one safetensors file, with all that is needed to use them in its header; its card."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from skeletor.files.card import write_beside
from skeletor.files.tensors import save_tensors
from skeletor.files.weight_file import check_fit, damaged, read_weights
from skeletor.lifters.learned.networks.registry import LiftNetwork, build_network, check_arguments
from skeletor.poses.pose import file_sha256
from skeletor.poses.skeleton import SKELETONS
from skeletor.support.config import Config, check_config

FORMAT = "slt-lifter-1"
_ADVICE = "train or fetch them again"


class _Header(Config):
    """What the values of a header must be."""

    model: dict[str, Any]
    skeleton: str
    fps: float = Field(gt=0, le=1000)
    minimum_confidence: float = Field(ge=0, le=1)
    hand_reach: float = Field(gt=0, le=10)
    data: str
    licence: str
    config: dict[str, Any]
    training: dict[str, Any]


@dataclass(frozen=True)
class LifterInfo:
    """What a lifter was made for and from.

    model: the arguments of `build_network`, with "kind". skeleton: its name. fps: of the training clips.
    minimum_confidence, hand_reach: which joints were believed. data, licence: in words. training: figures of the run.
    """

    model: Mapping[str, Any]
    skeleton: str
    fps: float
    minimum_confidence: float
    hand_reach: float
    data: str = ""
    licence: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The kind of network."""
        return str(self.model["kind"])


@dataclass(frozen=True)
class LoadedLifter:
    """A network ready for use, and what its file says about it. digest: SHA-256 of the file, 12 digits."""

    network: LiftNetwork
    info: LifterInfo
    digest: str


def save_lifter(network: LiftNetwork, info: LifterInfo, path: Path | str) -> None:
    """Write weights and metadata atomically."""
    header = {f.name: json.dumps(getattr(info, f.name)) for f in dataclasses.fields(info)}
    tensors = {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}
    save_tensors(tensors, path, {"format": FORMAT, **header})


def load_lifter(path: Path | str) -> LoadedLifter:
    """Read a file that `save_lifter` wrote. Raises InputError if it is something else or damaged."""
    path = Path(path)
    header, tensors = read_weights(path, FORMAT, "the weights of a lifter", "slt lift train makes them")
    with damaged(path, _ADVICE):
        values = {name: json.loads(header[name]) for name in _Header.model_fields}
        check_config(values, _Header, f"{path}: header")
        info = LifterInfo(**values)
        skeleton = SKELETONS.get(info.skeleton)
        check_arguments(info.model, None if skeleton is None else len(skeleton), f"{path}: header: model")
        check_fit(lambda: build_network(info.model), tensors)
        network = build_network(info.model)
        network.load_state_dict(tensors)
    return LoadedLifter(network.eval(), info, file_sha256(path)[:12])


def write_card(info: LifterInfo, weights: Path) -> None:
    """Write the card beside the weights (`skeletor.files.card`). All figures are those of the weights' header."""
    figures = "\n".join(f"| {key} | {_number(value)} |" for key, value in info.training.items())
    model = ", ".join(f"{key} {value}" for key, value in info.model.items() if key not in ("kind", "bones", "carriers"))
    options = ", ".join(f"{key} {_number(value)}" for key, value in info.config.get("train", {}).items())
    text = f"""# Lifter `{weights.name}`: {info.kind}

Makes 3D poses of 2D ones: skeleton `{info.skeleton}`, sequences at about {info.fps:g} frames/s in, every frame out, in
shoulder widths, z towards the camera.

## Data
{info.data or "not stated"}
Licence of the data: {info.licence or "not stated"}

## Figures
| | |
|---|---|
{figures}

`validation` is the mean distance of the joints from the truth in shoulder widths on clips that were held out of the
training, of the same signers. Figures on other signers: `make lifters`.

## Use
```
slt lift POSES --lift {weights.name}
```
or `lift: {{mode: learned, weights: {weights.name}}}` in a config.

## Limits
- Real signers move otherwise than rendered signs and a few captured gestures; how far it carries is shown by the
  table's last parts, on captured arms.
- Joints with a confidence below {info.minimum_confidence:g} are taken as missing and filled, and so are hands further
  than {info.hand_reach:g} shoulder widths from their own wrists.

## Config
Network: {model}
Training: {options}
"""
    write_beside(weights, text)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "none" if value is None else str(value)
