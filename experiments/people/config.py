"""Options of the experiment on real people: which files, which ways from 2D to what a reader reads, which readers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from skeletor.lifters.registry import LiftConfig
from skeletor.refiners.registry import RefineConfig
from skeletor.support.config import Config

Recogniser = Literal["ridge", "network", "own", "own-none", "own-measured", "own-bends"]
Kind = Literal["points", "product", "bends"]


class SetConfig(Config):
    """A file of key points of real people, as `skeletor.io.read_only.arrays` reads it.

    label, person: names of the arrays that tell what is signed in each clip, and by whom; without `label` the set is
    for the errors of repair alone. size: [width, height] of the picture. every: one clip in so many is taken.
    """

    name: str
    file: str
    label: str = ""
    person: str = ""
    size: list[int] | None = Field(None, min_length=2, max_length=2)
    fps: float | None = Field(None, ge=1, le=240)
    skeleton: str | None = None
    every: int = Field(1, ge=1)


class WayConfig(Config):
    """A row of the tables: 2D points are lifted, then refined. Without `lift` they stay 2D.

    unseen: `missing` sets hands that nobody saw back to NaN after all, so that a reader knows.
    """

    name: str = Field(min_length=1)
    lift: LiftConfig | None = None
    refine: RefineConfig | None = None
    unseen: Literal["filled", "missing"] = "filled"


class RealConfig(Config):
    """ways: the rows; the first is what the others are compared with. refiners: name -> file of weights; each is a row
    after each of the ways named in `refined`. recognisers: those that are trained; ridge alone is quick.
    every: of the clips of each set, one in so many, for a quick look. bins: equal parts of a clip, for ridge.
    penalties: of ridge, of which each training chooses one on its own people. folds: of people, for the networks
    (ridge leaves out one person at a time). seeds: of the networks, whose results are averaged; `own`, the product's
    reader of isolated signs, takes the first; it is trained with hands lost in bursts, `own-none` with none lost,
    `own-measured` with losses as a detector's, `own-bends` as `own`, but of hands as bends.
    inputs: what ridge and the small network read (`experiments.people.signs.features`).
    epochs, own_epochs: of these. repair_every: errors of repair on one clip in so many.
    captured: file of 3D signing, "" for none; captured_clips: of each signer. lifters: rows of that table.
    """

    sets: list[SetConfig] = Field(min_length=1)
    ways: list[WayConfig] = Field(min_length=1)
    refiners: dict[str, str] = Field(default_factory=dict)
    refined: list[str] = Field(default_factory=list)
    recognisers: tuple[Recogniser, ...] = Field(("ridge",), strict=False)
    inputs: tuple[Kind, ...] = Field(("points", "product"), strict=False, min_length=1)
    every: int = Field(1, ge=1)
    seed: int = Field(1, ge=0)
    seeds: list[int] = Field(default_factory=lambda: [1, 2], min_length=1)
    bins: int = Field(8, ge=1, le=64)
    penalties: list[float] = Field(default_factory=lambda: [0.01, 0.1, 1.0, 10.0], min_length=1)
    folds: int = Field(6, ge=2)
    epochs: int = Field(12, ge=1)
    own_epochs: float = Field(8.0, gt=0)
    repair_every: int = Field(3, ge=1)
    captured: str = ""
    captured_clips: int = Field(8, ge=1)
    lifters: list[LiftConfig] = Field(default_factory=list)
    workers: int = Field(2, ge=1, le=256)

    @model_validator(mode="after")
    def _fits(self) -> RealConfig:
        names = [way.name for way in self.ways]
        strange = [name for name in self.refined if name not in names]
        if strange:
            raise ValueError(f"refined: {strange[0]!r} is none of ways")
        if len(set(names)) < len(names) or len({s.name for s in self.sets}) < len(self.sets):
            raise ValueError("two ways, or two sets, have the same name")
        return self
