"""What a learned lifter learns from a set of clips: draw windows, lift them, compare with the truth."""

from __future__ import annotations

from torch import Tensor, nn

from skeletor.lifters.learned.clips import Draw
from skeletor.lifters.learned.networks.layers import LiftNetwork
from skeletor.lifters.learned.networks.registry import REGISTRY, ModelConfig


def lifting_loss(network: LiftNetwork, config: ModelConfig, draw: Draw, runner: nn.Module) -> Tensor:
    """The loss of one random batch, a scalar. runner: what runs `network` (itself, or Fabric's wrapper of it)."""
    return REGISTRY[config.kind].loss(network, config, draw, runner)


__all__ = ["Draw", "lifting_loss"]
