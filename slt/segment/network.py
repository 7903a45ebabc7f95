"""A small network over a recording's features: in each frame, whether a sentence begins, goes on, or none is there.

Dilated convolutions over time (Lea et al., CVPR 2017), each beside a shortcut; it sees two and a half seconds to both
sides. Two heads of three classes (`OUT`, `BEGIN`, `INSIDE`): one for sentences, one for signs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from skeletor.files.tensors import save_tensors
from skeletor.files.weight_file import check_fit, damaged, read_weights
from skeletor.support.config import Config, check_config
from slt.segment.features import WIDTH

OUT, BEGIN, INSIDE = 0, 1, 2
CLASSES = 3
SHIPPED = Path(__file__).parent / "shipped" / "segmenter.safetensors"
_FORMAT, _WHAT = "slt-segmenter-1", "weights of a segmenter"
_ADVICE = "train it anew with `python -m experiments segmenter`"
_TOGETHER = 8192  # frames that are looked at together


class NetworkConfig(Config):
    """Sizes of the network."""

    width: int = Field(32, ge=4, le=512)
    layers: int = Field(6, ge=1, le=10, description="the dilation doubles with each")
    dropout: float = Field(0.1, ge=0, lt=1)


class SegmentNetwork(nn.Module):
    """(B, T, F) features to (B, T, 2, 3) logits: sentences, signs."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.enter = nn.Conv1d(WIDTH, config.width, 1)
        self.layers = nn.ModuleList(_Layer(config.width, 2**k, config.dropout) for k in range(config.layers))
        self.leave = nn.Conv1d(config.width, 2 * CLASSES, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Features (B, T, F) -> logits (B, T, 2, 3); what lies beyond the ends is taken to be unseen."""
        assert frames.dim() == 3 and frames.shape[2] == WIDTH, frames.shape
        x = self.enter(frames.transpose(1, 2))  # (B, width, T)
        for layer in self.layers:
            x = layer(x)
        logits: Tensor = self.leave(x).transpose(1, 2)
        return logits.reshape(*logits.shape[:2], 2, CLASSES)


class _Layer(nn.Module):
    """x (B, width, T) plus a dilated convolution of it."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.over_time = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.drop(self.mix(functional.relu(self.over_time(x))))
        return result


@dataclass(frozen=True, eq=False)
class Segmenter:
    """A trained network, in evaluation mode, on the CPU."""

    network: SegmentNetwork
    config: NetworkConfig

    @property
    def reach(self) -> int:
        """Frames to each side that decide about a frame."""
        return int(2**self.config.layers - 1)

    @torch.inference_mode()
    def probabilities(self, found: np.ndarray, together: int = _TOGETHER) -> np.ndarray:
        """(T, F) features to (T, 2, 3) probabilities float32. together: frames at a time, which changes no result."""
        parts = []
        for start in range(0, len(found), together):
            first, last = max(0, start - self.reach), min(len(found), start + together + self.reach)
            part = torch.from_numpy(np.ascontiguousarray(found[None, first:last]))
            logits = self.network(part)[0, start - first : start - first + together]
            parts.append(logits.softmax(-1).numpy())
        return np.concatenate(parts) if parts else np.zeros((0, 2, CLASSES), np.float32)

    def save(self, path: Path, about: dict[str, str]) -> None:
        """Write weights and sizes, atomically. about: what the header tells besides."""
        header = {"format": _FORMAT, "config": self.config.model_dump_json(), **about}
        save_tensors(dict(self.network.state_dict()), path, header)

    @staticmethod
    def load(path: Path) -> Segmenter:
        """Read a file that `save` wrote. Raises InputError if it is missing, damaged or something else."""
        header, tensors = read_weights(path, _FORMAT, _WHAT, _ADVICE)
        with damaged(path, _ADVICE):
            config = check_config(json.loads(header["config"]), NetworkConfig, path.name)
            check_fit(lambda: SegmentNetwork(config), tensors)
            network = SegmentNetwork(config)
            network.load_state_dict(tensors)
        return Segmenter(network.eval(), config)


@lru_cache(maxsize=1)
def shipped_segmenter() -> Segmenter | None:
    """The one that comes with the package; None where it was left out."""
    return Segmenter.load(SHIPPED) if SHIPPED.is_file() else None
