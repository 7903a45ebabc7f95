"""Work of a stage: the 2D poses of all parts lifted to 3D."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from skeletor.lifters.registry import LiftOptions, build_lifter
from slt.pipeline.mapping import map_stores


def lift_parts(parts: Mapping[str, Path], config: LiftOptions, workers: int, out: Path) -> None:
    """Lift each store of 2D poses (name -> folder), in pixels, into `out/<name>/`, 3D in shoulder widths."""
    map_stores({folder: out / name for name, folder in parts.items()}, partial(build_lifter, config), "lift", workers)
