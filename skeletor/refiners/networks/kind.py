"""What a kind of network that refines has to say of itself; `skeletor.refiners.networks.build` lists the kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import Field, model_validator

from skeletor.poses.skeleton import Skeleton
from skeletor.refiners.networks.layers import RefinerNetwork
from skeletor.support.config import Config

Width = Annotated[int, Field(ge=8, le=4096)]
Inner = Annotated[int, Field(ge=8, le=16384)]
Count = Annotated[int, Field(ge=1, le=64)]
Dropout = Annotated[float, Field(ge=0, lt=1)]


class EncoderConfig(Config):
    """Size of a network that is a transformer encoder over frames.

    d_model: of a frame's state; d_ff: within a feed-forward network. adds_to_input: whether it predicts corrections, or
    else positions.
    """

    kind: str
    d_model: Width
    d_ff: Inner
    heads: Count = 4
    layers: Count
    dropout: Dropout = 0.0

    adds_to_input: ClassVar[bool]

    @model_validator(mode="after")
    def _fits(self) -> EncoderConfig:
        if self.d_model % self.heads:
            raise ValueError("d_model must be a multiple of heads")
        return self


class Frame(Config):
    """The arguments of a network that are no options: they come from its training clips."""

    joints: int = Field(ge=1, le=1000)
    dims: int = Field(ge=2, le=3)
    window: int = Field(ge=2, le=1024)


class CarriedFrame(Frame):
    """carriers: for each joint the joint that it is seen from (a hand's from its wrist), or itself."""

    carriers: list[int]

    @model_validator(mode="after")
    def _one_for_each(self) -> CarriedFrame:
        if not are_joints(self.carriers, self.joints):
            raise ValueError(f"its carriers are not one joint for each of {self.joints}")
        return self


def are_joints(numbers: list[int], joints: int) -> bool:
    """Whether there are `joints` numbers, each that of a joint."""
    return len(numbers) == joints and all(0 <= number < joints for number in numbers)


C = TypeVar("C", bound=Config)


@dataclass(frozen=True)
class RefinerKind(Generic[C]):
    """One kind of network.

    name: `kind` in configs and in the headers of weights. refiner: the name under which
    `skeletor.refiners.registry` runs its weights. config, frame: what its arguments are checked against, those that
    are options and those that are none. arguments: of `build`, plain values that JSON can hold, for options and a
    skeleton of D dimensions in windows of so many frames. build: a network with fresh weights.
    """

    name: str
    refiner: str
    config: type[C]
    frame: type[Frame]
    arguments: Callable[[C, Skeleton, int, int], dict[str, Any]]
    build: Callable[[Mapping[str, Any]], RefinerNetwork]
