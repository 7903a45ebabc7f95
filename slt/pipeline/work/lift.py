"""3D poses of all parts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from skeletor.lifters.registry import LiftOptions, build_lifter
from slt.pipeline.mapping import map_stores


def lift_parts(parts: Mapping[str, Path], config: LiftOptions, workers: int, out: Path) -> None:
    """Lift each store of 2D poses (name -> folder) into `out/<name>/`."""
    map_stores({folder: out / name for name, folder in parts.items()}, partial(build_lifter, config), "lift", workers)
