"""What a kind of learned lifter has to give; `skeletor.lifters.learned.networks.registry` lists the kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from pydantic import Field
from torch import Tensor, nn

from skeletor.lifters.learned.clips import Draw
from skeletor.lifters.learned.networks.layers import LiftNetwork
from skeletor.poses.skeleton import Skeleton
from skeletor.support.config import Config

C = TypeVar("C", bound=Config)
N = TypeVar("N", bound=LiftNetwork)


class Frame(Config):
    """The arguments of a network that are no options of its config."""

    joints: int = Field(ge=2, le=1000)

    def joint_numbers(self) -> list[int]:
        """All numbers of joints in it."""
        return []


class LifterKind(Protocol[C, N]):
    """One kind of learned lifter: its config C, its network N, and what is done with them."""

    @property
    def name(self) -> str:
        """`kind` in configs and in the headers of weights."""

    @property
    def config(self) -> type[C]:
        """Its options: of the network, and of its loss."""

    @property
    def frame(self) -> type[Frame]:
        """The arguments of `build` that are no options."""

    def arguments(self, config: C, skeleton: Skeleton) -> dict[str, Any]:
        """The arguments of `build`, and "kind": plain values that JSON can hold."""

    def options(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The options that arguments of `build`, without those of `frame`, stand for: `config` must bear them."""

    def build(self, arguments: Mapping[str, Any]) -> N:
        """A network with fresh weights. TypeError or ValueError if the arguments do not fit it."""

    def loss(self, network: N, config: C, draw: Draw, runner: nn.Module) -> Tensor:
        """The loss of one random batch, a scalar. runner: what runs `network`."""

    def lift(self, network: N, points: Tensor, confidence: Tensor, stride: int, output: str, root: int) -> Tensor:
        """A whole clip, (T, J, 2) and (T, J) -> (T, J, 3); see `skeletor.lifters.learned.inference.lift_clip`.

        A kind that looks at every frame has no use for `stride`, one with a single output none for `output`.
        """
